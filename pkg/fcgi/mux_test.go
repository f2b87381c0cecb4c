package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

func newMux(tb testing.TB, nc net.Conn, cfg fcgi.MuxConfig) *fcgi.Mux {
	tb.Helper()
	m := fcgi.NewMux(nc, cfg)
	tb.Cleanup(func() { m.Close() })
	return m
}

func mpxServer() *fcgitest.Server { return &fcgitest.Server{Mpxs: true, Handler: echo} }

func TestMuxServesManyCallersEachItsOwnReply(t *testing.T) {
	transports(t, mpxServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		m := newMux(t, dial(), fcgi.MuxConfig{Streams: 32, Sweeper: sweeper(t, time.Millisecond), ReadTimeout: patience})
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() { // ends with its requests
				for k := range 20 {
					name := fmt.Sprint("c", i, "r", k)
					body := attack(i * k * 150)
					h := new(collect)
					req := post(body, "NAME", name)
					if k%3 == 1 {
						req.Stdin, req.StdinReader, req.StdinLen = nil, bytes.NewReader(body), int64(len(body))
					}
					_, err := m.Do(req, h)
					want := append(fmt.Appendf(nil, "Status: 200\r\n\r\n%s %d:", name, len(body)), body...)
					if err != nil || !bytes.Equal(h.out.Bytes(), want) {
						t.Errorf("%s: %d bytes, want %d, %v", name, h.out.Len(), len(want), err)
						return
					}
					if req.Progress != (fcgi.Progress{Sent: true, Received: true}) {
						t.Errorf("%s: progress %+v", name, req.Progress)
					}
				}
			})
		}
		wg.Wait()
		if m.InUse() != 0 || m.Free() != 32 || m.Err() != nil || s.Accepted() != 1 {
			t.Fatalf("in use %d, free %d, err %v, %d connections", m.InUse(), m.Free(), m.Err(), s.Accepted())
		}
	})
}

func TestMuxUsesTheSmallestFreeID(t *testing.T) {
	s := mpxServer()
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{})
	for range 5 {
		if _, err := m.Do(post(nil), new(collect)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range s.Requests() {
		if r.ID != 1 || !r.KeepConn {
			t.Fatalf("id %d, keep %v", r.ID, r.KeepConn)
		}
	}
}

func TestMuxRefusesMoreRequestsThanStreams(t *testing.T) {
	s := mpxServer()
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{Streams: 1})
	var second error
	free := -1
	h := &collect{onOut: func([]byte) error {
		free = m.Free()
		_, second = m.Do(post(nil), new(collect))
		return nil
	}}
	if _, err := m.Do(post(nil), h); err != nil || second != fcgi.ErrNoStream || free != 0 {
		t.Fatalf("%v, %v, free %d", err, second, free)
	}
}

func TestMuxReplyLargerThanItsBufferReachesACallerThatTakesIt(t *testing.T) {
	big := pattern(2 << 20)
	s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		w.Stderr([]byte("first"))
		w.Write(big)
	}}
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{StreamBuffer: 1, Stall: patience})
	h := new(collect)
	if _, err := m.Do(post(nil), h); err != nil || !bytes.Equal(h.out.Bytes(), big) || h.err.String() != "first" {
		t.Fatalf("%d bytes, %q, %v", h.out.Len(), h.err.String(), err)
	}
}

func TestMuxCallerThatBlocksLosesItsRequestAndNobodyElses(t *testing.T) {
	harness.NoLeaks(t)
	big := pattern(1 << 20)
	s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		if r.Params["NAME"] == "big" {
			w.Write(big)
			return
		}
		echo(w, r)
	}}
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{StreamBuffer: 1, Stall: time.Millisecond})
	blocked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := make(chan error)
	go func() { // ends when release closes
		_, err := m.Do(post(nil, "NAME", "big"), &collect{onOut: func([]byte) error {
			once.Do(func() { close(blocked) })
			<-release
			return nil
		}})
		slow <- err
	}()
	<-blocked
	for range 10 {
		h := new(collect)
		if _, err := m.Do(post(nil, "NAME", "x"), h); err != nil || h.out.Len() == 0 {
			t.Fatalf("neighbour: %v", err)
		}
	}
	close(release)
	if err := <-slow; !errors.Is(err, fcgi.ErrOverrun) {
		t.Fatalf("got %v", err)
	}
	if m.Err() != nil {
		t.Fatal(m.Err())
	}
}

// waitFor yields until f holds.
func waitFor(tb testing.TB, f func() bool) {
	tb.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !f() {
		select {
		case <-poll.C:
		case <-deadline.C:
			tb.Fatal("condition did not come about")
		}
	}
}

func TestMuxBodyThatEndsEarlyAbortsOnlyItsRequest(t *testing.T) {
	transports(t, mpxServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		m := newMux(t, dial(), fcgi.MuxConfig{})
		req := &fcgi.Request{StdinReader: bytes.NewReader(make([]byte, 99)), StdinLen: 100}
		if _, err := m.Do(req, new(collect)); err != fcgi.ErrStdinShort {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return m.InUse() == 0 })
		if len(s.Requests()) != 0 || s.Aborts() != 1 || m.Err() != nil {
			t.Fatalf("%d requests, %d aborts, %v", len(s.Requests()), s.Aborts(), m.Err())
		}
		if _, err := m.Do(post(nil), new(collect)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMuxReplyBeforeTheBodyStopsTheBody(t *testing.T) {
	harness.NoLeaks(t)
	begin := 16 + 8 + 8
	path := fcgitest.StartScripts(t, fcgitest.Script{
		fcgitest.Expect(begin), fcgitest.Reply("early"), fcgitest.Drain(),
	})
	m := newMux(t, dial(t, path), fcgi.MuxConfig{})
	pr, pw := io.Pipe()
	defer pw.Close()
	h := new(collect)
	req := &fcgi.Request{StdinReader: pr, StdinLen: 1 << 30, StdinStop: func() { pr.Close() }}
	go pw.Write(make([]byte, 10)) // ends when the reader is closed
	if _, err := m.Do(req, h); err != nil || h.out.String() != "early" {
		t.Fatalf("%q, %v", h.out.String(), err)
	}
	if m.InUse() != 0 || m.Err() != nil {
		t.Fatalf("%d in use, %v", m.InUse(), m.Err())
	}
}

func TestMuxLargeBodiesLeaveRoomForSmallRequests(t *testing.T) {
	harness.NoLeaks(t)
	s := mpxServer()
	m := newMux(t, dial(t, s.Start(t)), fcgi.MuxConfig{WriteBuffer: 1})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { // ends with its request
			body := attack(1 << 20)
			h := new(collect)
			if _, err := m.Do(post(body), h); err != nil || !bytes.HasSuffix(h.out.Bytes(), body) {
				t.Errorf("%d bytes, %v", h.out.Len(), err)
			}
		})
	}
	for range 50 {
		if _, err := m.Do(post(pattern(100)), new(collect)); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestMuxConnectionErrorReachesEveryCaller(t *testing.T) {
	two := func(id uint16) []byte { return fcgi.AppendRecord(nil, fcgi.TypeStdout, id, []byte("x")) }
	bad := func(uint16) []byte { return fcgi.AppendRecord(nil, fcgi.TypeStdout, 9, []byte("x")) }
	tests := map[string]struct {
		then      fcgitest.Step
		got, none error // of the request with a reply byte, and of the one without
	}{
		"end":      {fcgitest.Close(), fcgi.ErrTruncated, fcgi.ErrStale},
		"half":     {fcgitest.CloseWrite(), fcgi.ErrTruncated, fcgi.ErrStale},
		"protocol": {fcgitest.SendFor(bad), &fcgi.ProtocolError{}, fcgi.ErrStale},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			second := make(chan struct{})
			path := fcgitest.StartScripts(t, fcgitest.Script{
				fcgitest.ExpectRequest(), fcgitest.SendFor(two), fcgitest.ExpectRequest(), fcgitest.Wait(second), tt.then, fcgitest.Drain(),
			})
			m := newMux(t, dial(t, path), fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond)})
			first := make(chan error)
			paused := make(chan struct{})
			go func() { // ends when the connection does
				_, err := m.Do(post(nil), &collect{onPause: func() error { close(paused); return nil }})
				first <- err
			}()
			<-paused
			var once sync.Once
			req := post(nil)
			_, err := m.Do(req, &collect{onTick: func() error { once.Do(func() { close(second) }); return nil }})
			if !sameKind(err, tt.none) || req.Progress.Received {
				t.Errorf("without a byte: %v, %+v", err, req.Progress)
			}
			if err := <-first; !sameKind(err, tt.got) {
				t.Errorf("with bytes: %v", err)
			}
			if m.Err() == nil || m.Free() != 0 {
				t.Error("connection still usable")
			}
		})
	}
}

// sameKind is errors.Is, and errors.As for a *ProtocolError.
func sameKind(err, want error) bool {
	var pe *fcgi.ProtocolError
	if errors.As(want, &pe) {
		return errors.As(err, &pe) && !errors.Is(err, fcgi.ErrStale)
	}
	return errors.Is(err, want)
}

func TestMuxCloseEndsRunningRequests(t *testing.T) {
	s := func() *fcgitest.Server {
		return &fcgitest.Server{Mpxs: true, Handler: func(_ *fcgitest.Response, r *fcgitest.Request) { <-r.Aborted }}
	}
	transports(t, s, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		m := newMux(t, dial(), fcgi.MuxConfig{})
		errs := make(chan error)
		for range 8 {
			go func() { // ends with Close
				_, err := m.Do(post(nil), new(collect))
				errs <- err
			}()
		}
		waitFor(t, func() bool { return len(s.Requests()) == 8 })
		m.Close()
		for range 8 {
			if err := <-errs; err != fcgi.ErrClosed {
				t.Error(err)
			}
		}
	})
}

func TestMuxSmallRequestsAllocateNothing(t *testing.T) {
	if harness.Race {
		t.Skip("the race detector makes sync.Pool forget")
	}
	m := newMux(t, dial(t, startStub(t)), fcgi.MuxConfig{Sweeper: sweeper(t, 0), ReadTimeout: patience})
	req := &fcgi.Request{Params: typicalParams(), Stdin: pattern(200)}
	h := new(discard)
	allocs := testing.AllocsPerRun(2000, func() {
		if _, err := m.Do(req, h); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 || h.n != 2001*stubBody {
		t.Fatalf("%v allocations per request, %d bytes", allocs, h.n)
	}
}
