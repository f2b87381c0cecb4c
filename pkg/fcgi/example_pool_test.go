package fcgi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// Whether a backend serves several requests of one connection at a time is for
// it to say.
func ExampleProbe() {
	for _, mpxs := range []bool{true, false} {
		socket, stop := greeter(mpxs)
		defer stop()
		nc, err := net.Dial("unix", socket)
		if err != nil {
			fmt.Println(err)
			return
		}
		values, err := fcgi.Probe(nc, time.Second)
		nc.Close() // or go on with it: NewMux, NewConn
		fmt.Println(values.Mpxs, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

// Many goroutines share one connection.
func ExampleMux() {
	socket, stop := greeter(true)
	defer stop()
	nc, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	if values, err := fcgi.Probe(nc, time.Second); err != nil || !values.Mpxs {
		fmt.Println("one request at a time: use a Conn", err)
		return
	}
	mux := fcgi.NewMux(nc, fcgi.MuxConfig{Streams: 100})
	defer mux.Close()

	replies := make([]reply, 100)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { // ends with its request
			params := fcgi.AppendPair(nil, "NAME", fmt.Sprint("number ", i))
			if _, err := mux.Do(&fcgi.Request{Params: params}, &replies[i]); err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
	fmt.Printf("%q ... %q\n", replies[0].out.String(), replies[99].out.String())
	// Output: "Status: 200\r\n\r\nhello number 0" ... "Status: 200\r\n\r\nhello number 99"
}

// private makes a pool.Conn of a Conn.
type private struct{ *fcgi.Conn }

func (c private) Close() { c.Conn.Close() }

// do sends req on a connection of the pool, and once more if the one it had was
// closed by the backend while it lay in the pool.
func do(ctx context.Context, workers *pool.Pool[private], req *fcgi.Request, h fcgi.Handler) (end fcgi.End, err error) {
	slot, err := workers.Acquire(ctx) // waits for a worker
	if err != nil {
		return end, err
	}
	keep := false
	defer func() { slot.Release(keep) }() // also if h panics
	for range 2 {
		conn, reused, err := slot.Conn(ctx, 0) // dials if it must
		if err != nil {
			return end, err
		}
		end, err = conn.Do(req, h)
		keep = conn.Reusable()
		if !reused || !errors.Is(err, fcgi.ErrStale) { // what is not idempotent asks Progress as well
			return end, err
		}
		slot.Fail()
	}
	return end, fcgi.ErrStale
}

// A pool of connections for php-fpm: never more than it has children, with a
// queue in front.
func Example_pool() {
	socket, stop := greeter(false)
	defer stop()
	sweeper := sock.NewSweeper(0)
	defer sweeper.Close()
	cfg := fcgi.Config{Sweeper: sweeper, ReadTimeout: time.Minute, Buffers: new(fcgi.Buffers)}

	var dialer net.Dialer
	workers, err := pool.New(pool.Config[private]{
		MaxConns: 4, Keep: true, // pm.max_children
		Queue: 100, QueueTimeout: 10 * time.Second,
		Dial: func(ctx context.Context) (private, error) {
			nc, err := dialer.DialContext(ctx, "unix", socket)
			if err != nil {
				return private{}, err
			}
			return private{fcgi.NewConn(nc, cfg)}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer workers.Close()

	replies := make([]reply, 50)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { // ends with its request
			req := &fcgi.Request{KeepConn: true, Params: fcgi.AppendPair(nil, "NAME", fmt.Sprint(i))}
			if _, err := do(context.Background(), workers, req, &replies[i]); err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
	fmt.Printf("%q, at most 4 connections: %v\n", replies[49].out.String(), workers.Stat().Dials <= 4)
	// Output: "Status: 200\r\n\r\nhello 49", at most 4 connections: true
}

// shared makes a pool.Conn of a Mux.
type shared struct{ *fcgi.Mux }

func (m shared) Alive() bool { return m.Reusable() }
func (m shared) Close()      { m.Mux.Close() }

// A pool of connections that carry many requests each. A second one is opened
// when the first is full.
func Example_sharedPool() {
	socket, stop := greeter(true)
	defer stop()
	sweeper := sock.NewSweeper(0)
	defer sweeper.Close()
	cfg := fcgi.MuxConfig{Sweeper: sweeper, ReadTimeout: time.Minute, Buffers: new(fcgi.Buffers), Streams: 16}

	var dialer net.Dialer
	workers, err := pool.New(pool.Config[shared]{
		MaxConns: 2, Streams: cfg.Streams, Keep: true,
		Queue: 1000, QueueTimeout: 10 * time.Second,
		Dial: func(ctx context.Context) (shared, error) {
			nc, err := dialer.DialContext(ctx, "unix", socket)
			if err != nil {
				return shared{}, err
			}
			return shared{fcgi.NewMux(nc, cfg)}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer workers.Close()

	replies := make([]reply, 500)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { // ends with its request
			slot, err := workers.Acquire(context.Background())
			if err != nil {
				fmt.Println(err)
				return
			}
			keep := false
			defer func() { slot.Release(keep) }()
			mux, _, err := slot.Conn(context.Background(), 0)
			if err != nil {
				fmt.Println(err)
				return
			}
			req := &fcgi.Request{Params: fcgi.AppendPair(nil, "NAME", fmt.Sprint(i))}
			if _, err = mux.Do(req, &replies[i]); err != nil {
				fmt.Println(err)
			}
			keep = mux.Reusable() // says yes although this one request failed, and no if it was the connection
		})
	}
	wg.Wait()
	fmt.Printf("%q, at most 2 connections: %v\n", replies[499].out.String(), workers.Stat().Dials <= 2)
	// Output: "Status: 200\r\n\r\nhello 499", at most 2 connections: true
}
