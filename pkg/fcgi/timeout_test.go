package fcgi_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

// short is a timeout that is meant to pass.
const short = 20 * time.Millisecond

func TestSilentBackendIsAReadTimeout(t *testing.T) {
	harness.NoLeaks(t)
	say := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("x")), fcgitest.Stall()}
	path := fcgitest.StartScripts(t, fcgitest.Script{fcgitest.Stall()}, fcgitest.Script{fcgitest.Stall()}, say, say)
	sw := sweeper(t, time.Millisecond)
	for _, received := range []bool{false, true} {
		c := newConn(t, dial(t, path), fcgi.Config{Sweeper: sw, ReadTimeout: short})
		req := post(nil)
		if _, err := c.Do(req, new(collect)); err != fcgi.ErrReadTimeout || req.Progress.Received != received || c.Reusable() {
			t.Fatalf("conn: %v, %+v", err, req.Progress)
		}
		m := newMux(t, dial(t, path), fcgi.MuxConfig{Sweeper: sw, ReadTimeout: short})
		req = post(nil)
		if _, err := m.Do(req, new(collect)); err != fcgi.ErrReadTimeout || req.Progress.Received != received {
			t.Fatalf("mux: %v, %+v", err, req.Progress)
		}
		if m.Err() != nil || m.InUse() != 1 {
			t.Fatalf("mux: %v, %d in use", m.Err(), m.InUse())
		}
	}
}

func TestReadTimeoutCountsFromTheLastBytes(t *testing.T) {
	for _, mux := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
				for range 10 {
					time.Sleep(time.Second) // of the bubble's clock
					w.WriteString("x")
					w.Flush()
				}
			}}
			defer s.Close()
			a, b := net.Pipe()
			s.ServeConn(b)
			sw := sock.NewSweeper(0)
			defer sw.Close()
			h := new(collect)
			start := time.Now()
			if err := doOnce(a, mux, sw, 2*time.Second, h); err != nil || h.out.Len() != 10 {
				t.Fatalf("mux %v: %v, %d bytes", mux, err, h.out.Len())
			}
			if took := time.Since(start); took != 10*time.Second {
				t.Fatalf("took %v", took)
			}
		})
	}
}

func TestReadTimeoutIsOffByATickOrTwoAtMost(t *testing.T) {
	for _, mux := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &fcgitest.Server{Mpxs: true, Handler: func(_ *fcgitest.Response, r *fcgitest.Request) { <-r.Aborted }}
			defer s.Close()
			a, b := net.Pipe()
			s.ServeConn(b)
			sw := sock.NewSweeper(100 * time.Millisecond)
			defer sw.Close()
			start := time.Now()
			err := doOnce(a, mux, sw, time.Second, new(collect))
			if took := time.Since(start); err != fcgi.ErrReadTimeout || took < 900*time.Millisecond || took > 1200*time.Millisecond {
				t.Fatalf("mux %v: %v after %v", mux, err, took)
			}
		})
	}
}

// doOnce makes one request on a connection of its own and closes it.
func doOnce(nc net.Conn, mux bool, sw *sock.Sweeper, wait time.Duration, h fcgi.Handler) error {
	if mux {
		m := fcgi.NewMux(nc, fcgi.MuxConfig{Sweeper: sw, ReadTimeout: wait})
		defer m.Close()
		_, err := m.Do(post(nil), h)
		return err
	}
	c := fcgi.NewConn(nc, fcgi.Config{Sweeper: sw, ReadTimeout: wait})
	defer c.Close()
	_, err := c.Do(post(nil), h)
	return err
}

func TestBackendThatDoesNotReadIsASendTimeout(t *testing.T) {
	harness.NoLeaks(t)
	stall := fcgitest.Script{fcgitest.Stall()}
	path := fcgitest.StartScripts(t, stall, stall, stall)
	sw := sweeper(t, time.Millisecond)
	big := make([]byte, 8<<20)
	c := newConn(t, dial(t, path), fcgi.Config{Sweeper: sw, SendTimeout: short, ReadTimeout: time.Nanosecond})
	if _, err := c.Do(post(big), new(collect)); err != fcgi.ErrSendTimeout {
		t.Fatalf("raw: %v", err)
	}
	p := newConn(t, &fcgitest.Conn{Conn: dial(t, path)}, fcgi.Config{Sweeper: sw, SendTimeout: short})
	if _, err := p.Do(post(big), new(collect)); err != fcgi.ErrSendTimeout {
		t.Fatalf("plain: %v", err)
	}
	m := newMux(t, dial(t, path), fcgi.MuxConfig{Sweeper: sw, SendTimeout: short})
	if _, err := m.Do(post(big), new(collect)); err != fcgi.ErrSendTimeout || m.Err() != fcgi.ErrSendTimeout {
		t.Fatalf("mux: %v, %v", err, m.Err())
	}
}

func TestBackendThatDiesWithinItsReplyIsNoticedWithoutReadTimeout(t *testing.T) {
	// Data and end of stream arrive before the client reads: one edge for
	// both. The sweeper's look finds the end.
	harness.NoLeaks(t)
	s := sweeper(t, time.Millisecond)
	for range 20 {
		path := fcgitest.StartScripts(t, fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("x")), fcgitest.Close()})
		c := newConn(t, dial(t, path), fcgi.Config{Sweeper: s})
		if _, err := c.Do(post(nil), new(collect)); !errors.Is(err, fcgi.ErrTruncated) {
			t.Fatal(err)
		}
	}
}

func TestSlowBodyIsNotASendTimeout(t *testing.T) {
	harness.NoLeaks(t)
	s := echoServer()
	pr, pw := io.Pipe()
	h := new(collect)
	waited := make(chan struct{})
	h.onTick = func() error {
		if h.ticks.Load() == 100 {
			close(waited)
		}
		return nil
	}
	go func() { // ends when the request has waited for 100 ticks
		<-waited
		pw.Write([]byte("body"))
		pw.Close()
	}()
	c := newConn(t, dial(t, s.Start(t)), fcgi.Config{Sweeper: sweeper(t, time.Millisecond), SendTimeout: short, ReadTimeout: patience})
	_, err := c.Do(&fcgi.Request{KeepConn: true, StdinReader: pr, StdinLen: 4}, h)
	if err != nil || !c.Reusable() {
		t.Fatalf("%v, reusable %v", err, c.Reusable())
	}
}

func TestTickEndsARequestWhoseClientIsGone(t *testing.T) {
	gone := errors.New("client gone")
	for name, mux := range map[string]bool{"conn": false, "mux": true} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			s := &fcgitest.Server{Mpxs: true, Handler: func(_ *fcgitest.Response, r *fcgitest.Request) { <-r.Aborted }}
			path := s.Start(t)
			h := new(collect)
			h.onTick = func() error {
				if h.ticks.Load() < 5 {
					return nil
				}
				return gone
			}
			sw := sweeper(t, time.Millisecond)
			do := newConn(t, dial(t, path), fcgi.Config{Sweeper: sw}).Do
			if mux {
				do = newMux(t, dial(t, path), fcgi.MuxConfig{Sweeper: sw}).Do
			}
			if _, err := do(post(nil), h); err != gone {
				t.Fatal(err)
			}
			if h.ticks.Load() != 5 {
				t.Fatalf("%d ticks", h.ticks.Load())
			}
		})
	}
}
