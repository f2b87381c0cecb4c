package fcgi_test

import (
	"bytes"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestConnWhoseWritesBreakIsStale(t *testing.T) {
	harness.NoLeaks(t)
	s := echoServer()
	path := s.Start(t)
	body := pattern(200_000)
	for _, at := range []int64{1, 8, 17, 100, 65536, 100_000, 199_000} {
		nc := &fcgitest.Conn{Conn: dial(t, path), BreakWrite: at}
		c := newConn(t, nc, fcgi.Config{})
		req := post(body)
		_, err := c.Do(req, new(collect))
		if !errors.Is(err, fcgi.ErrStale) && !errors.Is(err, fcgi.ErrClosed) {
			t.Fatalf("broken at %d: %v", at, err)
		}
		if req.Progress != (fcgi.Progress{Sent: true}) || c.Reusable() {
			t.Fatalf("broken at %d: %+v, reusable %v", at, req.Progress, c.Reusable())
		}
		if _, written := nc.Counts(); written != at {
			t.Fatalf("wrote %d bytes, want %d", written, at)
		}
	}
	s.Close()
	if n := len(s.Requests()); n != 0 {
		t.Fatalf("backend took %d requests for complete", n)
	}
}

func TestConnWhoseReadsBreakIsTruncated(t *testing.T) {
	harness.NoLeaks(t)
	s := echoServer()
	path := s.Start(t)
	for _, at := range []int64{1, 9, 40} {
		c := newConn(t, &fcgitest.Conn{Conn: dial(t, path), BreakRead: at}, fcgi.Config{})
		if _, err := c.Do(post(pattern(100)), new(collect)); !errors.Is(err, fcgi.ErrTruncated) || !errors.Is(err, fcgitest.ErrBroken) {
			t.Fatalf("broken at %d: %v", at, err)
		}
	}
}

func TestIdleConnHoldsNoBuffer(t *testing.T) {
	gate := make(chan struct{})
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		w.WriteString("x")
		w.Flush()
		<-gate
	}}
	c := newConn(t, dial(t, s.Start(t)), fcgi.Config{Sweeper: sweeper(t, time.Millisecond)})
	h := new(collect)
	h.onPause = func() error {
		close(gate)
		return nil
	}
	if _, err := c.Do(post(pattern(30_000)), h); err != nil || h.pauses != 1 {
		t.Fatal(err)
	}
	if c.HoldsBuffers() {
		t.Fatal("idle connection holds a buffer")
	}
}

func TestMuxRequestThatWaitsForRoomCanBeEnded(t *testing.T) {
	harness.NoLeaks(t)
	path := fcgitest.StartScripts(t, fcgitest.Script{fcgitest.Stall()})
	sw := sweeper(t, time.Millisecond)
	m := newMux(t, dial(t, path), fcgi.MuxConfig{Sweeper: sw, WriteBuffer: 1})
	gone := errors.New("client gone")
	body := pattern(30_000)
	errs := make(chan error)
	const callers = 40 // enough for the socket's buffers and ours
	for range callers {
		go func() { // ends when its Tick says so
			h := new(collect)
			h.onTick = func() error {
				if h.ticks.Load() > 20 {
					return gone
				}
				return nil
			}
			_, err := m.Do(post(body), h)
			errs <- err
		}()
	}
	for range callers {
		if err := <-errs; err != gone {
			t.Error(err)
		}
	}
	if m.InUse() == 0 || m.InUse() == callers {
		t.Errorf("%d ids reserved: those that were begun, and no others", m.InUse())
	}
}

func TestMuxCloseDoesNotWaitForACallerThatBlocks(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { w.Write(pattern(1 << 20)) }}
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{StreamBuffer: 1, Stall: time.Hour})
	blocked, release := make(chan struct{}, 100), make(chan struct{})
	done := make(chan error)
	go func() { // ends when release closes
		_, err := m.Do(post(nil), &collect{onOut: func([]byte) error {
			blocked <- struct{}{}
			<-release
			return nil
		}})
		done <- err
	}()
	<-blocked
	m.Close()
	close(release)
	if err := <-done; err != fcgi.ErrClosed {
		t.Fatal(err)
	}
}

func TestMuxOnAConnectionOfSmallPieces(t *testing.T) {
	harness.NoLeaks(t)
	s := mpxServer()
	nc := &fcgitest.Conn{Conn: dial(t, s.Start(t)), MaxRead: 5, MaxWrite: 11}
	m := newMux(t, nc, fcgi.MuxConfig{})
	body := pattern(5000)
	h := new(collect)
	if _, err := m.Do(post(body), h); err != nil || !bytes.HasSuffix(h.out.Bytes(), body) {
		t.Fatalf("%d bytes, %v", h.out.Len(), err)
	}
}

func TestMuxOverAConnectionThatIsGoneIsStale(t *testing.T) {
	harness.NoLeaks(t)
	s := mpxServer()
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{})
	if _, err := m.Do(post(nil), new(collect)); err != nil {
		t.Fatal(err)
	}
	s.CloseConns()
	_, err := m.Do(post(nil), new(collect))
	if !errors.Is(err, fcgi.ErrStale) && err != fcgi.ErrClosed {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return m.Err() != nil && m.Free() == 0 })
}

func TestAuthorizerAndFilterGetTheirStreams(t *testing.T) {
	transports(t, echoServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		c := newConn(t, dial(), fcgi.Config{})
		for _, req := range []*fcgi.Request{
			{Role: fcgi.RoleAuthorizer, KeepConn: true, Params: params("A", "1"), Stdin: []byte("not sent")},
			{Role: fcgi.RoleFilter, KeepConn: true, Stdin: []byte("in"), Data: pattern(70_000)},
			{KeepConn: true, Stdin: []byte("in"), Data: []byte("not sent")},
		} {
			if _, err := c.Do(req, new(collect)); err != nil || !c.Reusable() {
				t.Fatalf("role %d: %v", req.Role, err)
			}
		}
		got := s.Requests()
		if a := got[0]; a.Role != fcgi.RoleAuthorizer || len(a.Stdin) != 0 || a.Params["A"] != "1" {
			t.Errorf("authorizer: %+v", a)
		}
		if f := got[1]; f.Role != fcgi.RoleFilter || string(f.Stdin) != "in" || !bytes.Equal(f.Data, pattern(70_000)) {
			t.Errorf("filter: role %d, %q, %d bytes of data", f.Role, f.Stdin, len(f.Data))
		}
		if r := got[2]; r.Role != fcgi.RoleResponder || string(r.Stdin) != "in" || len(r.Data) != 0 {
			t.Errorf("responder: %+v", r)
		}
	})
}
