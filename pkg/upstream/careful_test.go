package upstream_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// asked waits for the question whether somebody is there.
func asked() fcgitest.Step {
	return fcgitest.ExpectBytes(fcgi.AppendGetValues(nil, fcgi.VarMpxsConns))
}

// replies waits for the question, answers it, and goes on with more.
func replies(more ...fcgitest.Step) fcgitest.Script {
	return append(fcgitest.Script{asked(), fcgitest.Send(said("0"))}, more...)
}

// endsKept answers a request, and closes its connection altogether.
func endsKept(closed chan<- struct{}) fcgitest.Script {
	return fcgitest.Script{
		fcgitest.ExpectRequest(), fcgitest.Reply(hello), fcgitest.Close(), fcgitest.Do(func() { close(closed) }),
	}
}

// neverAccepted resets a connection with what it was sent unread.
func neverAccepted() fcgitest.Script { return fcgitest.Script{fcgitest.Expect(1)} }

// serves answers requests for good.
func serves(n int) (s fcgitest.Script) {
	for range n {
		s = append(s, fcgitest.ExpectRequest(), fcgitest.Reply(hello))
	}
	return append(s, fcgitest.Drain())
}

// fpm is a backend of a php-fpm that plays the scripts.
func fpm(t *testing.T, network string, change func(*upstream.Config), scripts ...fcgitest.Script) *upstream.Backend {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = nowhere(t)
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	fcgitest.PlayOn(t, picky{l}, scripts...)
	cfg := config(l.Addr().String())
	cfg.MaxConnsFrom, cfg.RetryTimeout = upstream.PoolFile, patience
	if change != nil {
		change(&cfg)
	}
	return newBackend(t, cfg, upstream.Events{})
}

// runs does a request that must succeed at the first or second attempt.
func runs(t *testing.T, b *upstream.Backend, method string, tries int) *call {
	t.Helper()
	r := request(method, "")
	if err := r.do(t, b); err != nil || r.x.Trace.Tries != tries || r.out.body.String() != "hello" {
		t.Errorf("%v, %d tries, %q", err, r.x.Trace.Tries, r.out.body.String())
	}
	return r
}

func TestAPostIsLostByNoServerThatEnds(t *testing.T) {
	for _, c := range []struct {
		name, network string
		scripts       []fcgitest.Script // behind the one that ends a kept connection
		tries         int
	}{
		{"nobody accepts it", "unix", []fcgitest.Script{neverAccepted(), serves(1)}, 2},
		{"nobody accepts it twice", "unix", []fcgitest.Script{neverAccepted(), neverAccepted(), serves(1)}, 3},
		{"nobody accepts it, TCP", "tcp", []fcgitest.Script{neverAccepted(), neverAccepted(), neverAccepted(), replies(serves(1)...)}, 1},
		{"a worker goes half way", "unix", []fcgitest.Script{{fcgitest.Expect(40)}, serves(1)}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.NoLeaks(t)
			closed := make(chan struct{})
			b := fpm(t, c.network, nil, append([]fcgitest.Script{endsKept(closed)}, c.scripts...)...)
			fine(t, b)
			await(t, closed)
			time.Sleep(20 * time.Millisecond) // so that it looks
			runs(t, b, "POST", c.tries)
		})
	}
}

// recycled is a php-fpm on l whose workers end behind a few requests, in every
// way there is. ran counts what they run.
func recycled(t *testing.T, l net.Listener, ran *atomic.Int64) {
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the cleanup closes l
		for i := 1; ; i++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			recycledWorker(nc, 3, ran)
			if half, ok := nc.(interface{ CloseWrite() error }); ok && i%2 == 0 {
				_ = half.CloseWrite()
				_, _ = io.Copy(io.Discard, nc)
			}
			nc.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
}

func recycledWorker(nc net.Conn, requests int, ran *atomic.Int64) {
	var parser fcgi.Parser
	var in []byte
	for requests > 0 {
		part, used, err := parser.Next(in)
		in = in[used:]
		switch {
		case err != nil:
			return
		case part.Type == fcgi.TypeGetValues:
			_, err = nc.Write(said("0"))
		case part.Type == fcgi.TypeStdin && part.EOS:
			ran.Add(1)
			requests--
			out := fcgi.AppendStream(nil, fcgi.TypeStdout, part.ID, []byte(hello))
			_, err = nc.Write(fcgi.AppendEnd(out, part.ID, fcgi.End{}))
		case part.Type == 0:
			buf := make([]byte, 512)
			var n int
			n, err = nc.Read(buf)
			in = append(in, buf[:n]...)
		}
		if err != nil {
			return
		}
	}
}

func TestAPostOnAConnectionThatWasBusyIsNotLost(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			harness.NoLeaks(t)
			var ran atomic.Int64
			addr := "127.0.0.1:0"
			if network == "unix" {
				addr = nowhere(t)
			}
			l, err := net.Listen(network, addr)
			if err != nil {
				t.Fatal(err)
			}
			recycled(t, l, &ran)
			cfg := config(l.Addr().String())
			cfg.MaxConnsFrom, cfg.MaxConns = upstream.PoolFile, 1
			b := newBackend(t, cfg, upstream.Events{})
			kept := 0
			for range 300 {
				r := request("POST", "x")
				if err := r.do(t, b); err != nil {
					t.Fatalf("%v, %+v", err, r.x.Trace)
				}
				if r.x.Trace.Reused {
					kept++
				}
			}
			if ran.Load() != 300 || (kept > 100) != (network == "unix") { // TCP tells too little
				t.Errorf("%d runs of 300 requests, %d of them on kept connections", ran.Load(), kept)
			}
		})
	}
}

func TestAServerThatIsWellIsNotAskedWhetherItIsThere(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		harness.NoLeaks(t)
		begin := fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: fcgi.RoleResponder})
		serve := append(fcgitest.Script{fcgitest.ExpectBytes(begin)}, serves(1)...)
		b := fpm(t, network, func(c *upstream.Config) { c.KeepConn = upstream.Off }, serve, serve, serve)
		for _, method := range []string{"POST", "GET", "POST"} {
			runs(t, b, method, 1)
		}
	}
}

func TestARequestThatKillsItsWorkerIsNotRepeatedOnceThatIsKnown(t *testing.T) {
	killed := fcgitest.Script{fcgitest.Expect(72)} // with the end of STDIN unread, as php-fpm
	for _, c := range []struct {
		name, network string
		source        upstream.Source
		second        fcgitest.Script
		tries         int
	}{
		{"unix", "unix", upstream.Configured, killed, 2},
		{"TCP, php-fpm", "tcp", upstream.PoolFile, replies(fcgitest.Expect(1)), 2},
		{"TCP, nobody says", "tcp", upstream.Configured, killed, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.NoLeaks(t)
			b := fpm(t, c.network, func(cfg *upstream.Config) { cfg.MaxConnsFrom = c.source },
				killed, c.second, c.second, c.second, serves(1))
			r, err := get(t, b)
			if !errors.Is(err, fcgi.ErrStale) || upstream.Status(err) != 502 || r.x.Trace.Tries != c.tries {
				t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
			}
		})
	}
}

// wary returns a backend whose server seems to be ending and takes nothing.
func wary(t *testing.T, network string, readTimeout time.Duration) *upstream.Backend {
	closed := make(chan struct{})
	b := fpm(t, network, func(c *upstream.Config) { c.ReadTimeout = readTimeout },
		endsKept(closed), fcgitest.Script{fcgitest.Stall()}, serves(1))
	fine(t, b)
	await(t, closed)
	time.Sleep(20 * time.Millisecond)
	return b
}

func TestAWorkerThatIsNotThereInTimeIsAReadTimeout(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		harness.NoLeaks(t)
		r := request("POST", "x")
		err := r.do(t, wary(t, network, 100*time.Millisecond))
		if !errors.Is(err, fcgi.ErrReadTimeout) || upstream.Status(err) != 504 || r.x.Trace.Tries != 1 {
			t.Errorf("%s: %v, %d tries", network, err, r.x.Trace.Tries)
		}
	}
}

func TestAClientThatLeavesEndsTheWaitForAWorker(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		harness.NoLeaks(t)
		errGone := errors.New("gone")
		b := wary(t, network, patience)
		r := request("POST", "x")
		done := r.start(t, b)
		harness.Eventually(t, "the client is watched", func() bool { return r.out.ticks.Load() > 2 })
		r.leave(errGone)
		if err := await(t, done); err != errGone {
			t.Error(network, err)
		}
		if st := b.Snapshot()[0].Pool; st.Busy != 0 || st.Open != 0 {
			t.Errorf("%s: left: %+v", network, st)
		}
	}
}
