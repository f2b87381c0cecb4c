package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/iotest"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// transports runs f over a unix socket, TCP, and a pipe without descriptor.
func transports(t *testing.T, s func() *fcgitest.Server, f func(t *testing.T, dial func() net.Conn, s *fcgitest.Server)) {
	t.Run("unix", func(t *testing.T) {
		harness.NoLeaks(t)
		s := s()
		path := s.Start(t)
		f(t, func() net.Conn { return dial(t, path) }, s)
	})
	t.Run("tcp", func(t *testing.T) {
		harness.NoLeaks(t)
		s := s()
		addr := s.StartTCP(t)
		f(t, func() net.Conn { return dial(t, addr) }, s)
	})
	t.Run("pipe", func(t *testing.T) {
		harness.NoLeaks(t)
		s := s()
		t.Cleanup(s.Close)
		f(t, func() net.Conn {
			a, b := net.Pipe()
			s.ServeConn(b)
			return a
		}, s)
	})
}

func echoServer() *fcgitest.Server { return &fcgitest.Server{Handler: echo} }

func TestConnServesRequestsOfAnySizeOneAfterTheOther(t *testing.T) {
	transports(t, echoServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		c := newConn(t, dial(), fcgi.Config{Sweeper: sweeper(t, 0), ReadTimeout: patience, SendTimeout: patience})
		for i, size := range []int{0, 1, 100, 65527, 65528, 65529, 65535, 65536, 65543, 99000, 131072, 1 << 20} {
			body := attack(size)
			h := new(collect)
			req := post(body, "NAME", fmt.Sprint("r", i))
			end, err := c.Do(req, h)
			if err != nil || end != (fcgi.End{}) {
				t.Fatalf("size %d: %v, %v", size, end, err)
			}
			want := append(fmt.Appendf(nil, "Status: 200\r\n\r\nr%d %d:", i, size), body...)
			if !bytes.Equal(h.out.Bytes(), want) {
				t.Fatalf("size %d: reply of %d bytes, want %d", size, h.out.Len(), len(want))
			}
			if !c.Reusable() || !c.Alive() {
				t.Fatalf("size %d: connection not reusable", size)
			}
			if req.Progress != (fcgi.Progress{Sent: true, Received: true}) {
				t.Fatalf("size %d: progress %+v", size, req.Progress)
			}
		}
		if got := len(s.Requests()); got != 12 || c.Requests() != 12 {
			t.Fatalf("backend saw %d requests, Conn counts %d, want 12", got, c.Requests())
		}
	})
}

func TestConnChangesTheRequestIDEveryTime(t *testing.T) {
	s := echoServer()
	c := newConn(t, dial(t, s.Start(t)), fcgi.Config{})
	for range 260 {
		if _, err := c.Do(post(nil), new(collect)); err != nil {
			t.Fatal(err)
		}
	}
	var last uint16
	for i, r := range s.Requests() {
		if r.ID == last || r.ID == 0 || r.ID > 255 || (i == 0 && r.ID != 1) {
			t.Fatalf("request %d has id %d behind id %d", i, r.ID, last)
		}
		last = r.ID
	}
}

func TestConnSplitsParamsOfAnySize(t *testing.T) {
	transports(t, echoServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		c := newConn(t, dial(), fcgi.Config{})
		for _, size := range []int{10, 65500, 65528, 70000, 300000} {
			v := string(pattern(size))
			if _, err := c.Do(&fcgi.Request{KeepConn: true, Params: params("A", "1", "BIG", v, "Z", "2")}, new(collect)); err != nil {
				t.Fatal(err)
			}
			reqs := s.Requests()
			got := reqs[len(reqs)-1].Params
			if got["BIG"] != v || got["A"] != "1" || got["Z"] != "2" {
				t.Fatalf("size %d: params differ", size)
			}
		}
	})
}

func TestConnStreamsABodyFromAReader(t *testing.T) {
	body := pattern(500_000)
	readers := map[string]func() io.Reader{
		"whole":    func() io.Reader { return bytes.NewReader(body) },
		"halves":   func() io.Reader { return iotest.HalfReader(bytes.NewReader(body)) },
		"dataErr":  func() io.Reader { return iotest.DataErrReader(bytes.NewReader(body)) },
		"too much": func() io.Reader { return io.MultiReader(bytes.NewReader(body), bytes.NewReader(body)) },
	}
	transports(t, echoServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		c := newConn(t, dial(), fcgi.Config{})
		for name, r := range readers {
			h := new(collect)
			req := &fcgi.Request{KeepConn: true, Params: params("NAME", name), StdinReader: r(), StdinLen: int64(len(body))}
			if _, err := c.Do(req, h); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.HasSuffix(h.out.Bytes(), body) || !c.Reusable() {
				t.Fatalf("%s: reply of %d bytes, reusable %v", name, h.out.Len(), c.Reusable())
			}
		}
	})
}

func TestConnGivesUpTheConnectionWhenTheBodyIsShort(t *testing.T) {
	boom := errors.New("boom")
	readers := map[string]struct {
		r    io.Reader
		want error
	}{
		"short":     {bytes.NewReader(make([]byte, 99)), fcgi.ErrStdinShort},
		"empty":     {bytes.NewReader(nil), fcgi.ErrStdinShort},
		"error":     {io.MultiReader(bytes.NewReader(make([]byte, 99)), iotest.ErrReader(boom)), boom},
		"no bytes":  {zeroReader{}, io.ErrNoProgress},
		"cut large": {io.LimitReader(zeros{}, 300_000), fcgi.ErrStdinShort},
	}
	for name, tt := range readers {
		t.Run(name, func(t *testing.T) {
			transports(t, echoServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
				c := newConn(t, dial(), fcgi.Config{})
				_, err := c.Do(&fcgi.Request{KeepConn: true, StdinReader: tt.r, StdinLen: 400_000}, new(collect))
				if !errors.Is(err, tt.want) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
				if c.Reusable() {
					t.Fatal("connection still usable")
				}
				s.Close()
				if n := len(s.Requests()); n != 0 {
					t.Fatalf("backend saw %d requests end", n)
				}
			})
		})
	}
}

// zeroReader breaks the rule that a Read gives bytes or an error.
type zeroReader struct{}

func (zeroReader) Read([]byte) (int, error) { return 0, nil }

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestConnIsClosedWhenTheReplyEndsBeforeTheRequest(t *testing.T) {
	harness.NoLeaks(t)
	early := fcgitest.Script{
		fcgitest.Expect(24),
		fcgitest.Reply("early"),
		fcgitest.Drain(),
	}
	path := fcgitest.StartScripts(t, early, early)
	pr, pw := io.Pipe()
	t.Cleanup(func() { pw.Close() })
	for name, req := range map[string]*fcgi.Request{
		"memory": {KeepConn: true, Stdin: make([]byte, 64<<20)},
		"reader": {KeepConn: true, StdinReader: pr, StdinLen: 10, StdinStop: func() { pr.Close() }},
	} {
		c := newConn(t, dial(t, path), fcgi.Config{})
		h := new(collect)
		if _, err := c.Do(req, h); err != nil || h.out.String() != "early" {
			t.Fatalf("%s: %q, %v", name, h.out.String(), err)
		}
		if c.Reusable() {
			t.Fatalf("%s: connection with half a request in it is reusable", name)
		}
	}
}

func TestConnReadsAReplyThatComesBeforeTheRequestIsRead(t *testing.T) {
	// The reply is larger than all socket buffers: without reading while it
	// writes, the connection would stand still.
	harness.NoLeaks(t)
	big := pattern(2 << 20)
	path := fcgitest.StartScripts(t, fcgitest.Script{
		fcgitest.Expect(24),
		fcgitest.Stdout(big),
		fcgitest.ExpectRequest(),
		fcgitest.End(0, 0),
	})
	c := newConn(t, dial(t, path), fcgi.Config{})
	h := new(collect)
	if _, err := c.Do(&fcgi.Request{KeepConn: true, Stdin: make([]byte, 2<<20)}, h); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(h.out.Bytes(), big) || !c.Reusable() {
		t.Fatalf("%d bytes, reusable %v", h.out.Len(), c.Reusable())
	}
}

func TestConnReturnsHandlerErrorsAsTheyAre(t *testing.T) {
	boom := errors.New("boom")
	handlers := map[string]*collect{
		"stdout": {onOut: func([]byte) error { return boom }},
		"stderr": {onErr: func([]byte) error { return boom }},
		"pause":  {onPause: func() error { return boom }},
		"tick":   {onTick: func() error { return boom }},
	}
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			s := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
				w.Stderr([]byte("e"))
				w.WriteString("o")
				w.Flush()
				<-r.Aborted
			}}
			c := newConn(t, dial(t, s.Start(t)), fcgi.Config{Sweeper: sweeper(t, time.Millisecond)})
			if _, err := c.Do(post(nil), h); err != boom {
				t.Fatalf("got %v", err)
			}
			if c.Reusable() || c.Alive() {
				t.Fatal("connection still usable")
			}
			if _, err := c.Do(post(nil), h); err != fcgi.ErrClosed {
				t.Fatalf("next Do: %v", err)
			}
		})
	}
}

func TestConnPausesOncePerBurst(t *testing.T) {
	gate := make(chan struct{})
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		w.WriteString("a")
		w.Flush()
		<-gate
		w.WriteString("b")
		w.Stderr([]byte("c"))
	}}
	c := newConn(t, dial(t, s.Start(t)), fcgi.Config{})
	h := new(collect)
	h.onPause = func() error {
		if h.out.String() != "a" {
			t.Errorf("paused behind %q", h.out.String())
		}
		close(gate)
		return nil
	}
	if _, err := c.Do(post(nil), h); err != nil {
		t.Fatal(err)
	}
	if h.pauses != 1 || h.out.String() != "ab" || h.err.String() != "c" {
		t.Fatalf("%d pauses, %q, %q", h.pauses, h.out.String(), h.err.String())
	}
}

func TestConnWithoutKeepConnIsClosedBehindTheReply(t *testing.T) {
	transports(t, echoServer, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		c := newConn(t, dial(), fcgi.Config{})
		h := new(collect)
		if _, err := c.Do(&fcgi.Request{Params: params("NAME", "x")}, h); err != nil || h.out.Len() == 0 {
			t.Fatalf("%q, %v", h.out.String(), err)
		}
		if c.Reusable() {
			t.Fatal("reusable")
		}
	})
}

func TestConnRefusesASecondRequestWhileBusy(t *testing.T) {
	s := echoServer()
	c := newConn(t, dial(t, s.Start(t)), fcgi.Config{})
	var second error
	h := &collect{onOut: func([]byte) error {
		_, second = c.Do(post(nil), new(collect))
		return nil
	}}
	if _, err := c.Do(post(nil), h); err != nil || second != fcgi.ErrBusy {
		t.Fatalf("%v, %v", err, second)
	}
}

func TestConnCloseEndsARunningRequest(t *testing.T) {
	s := func() *fcgitest.Server {
		return &fcgitest.Server{Handler: func(_ *fcgitest.Response, r *fcgitest.Request) { <-r.Aborted }}
	}
	transports(t, s, func(t *testing.T, dial func() net.Conn, s *fcgitest.Server) {
		c := newConn(t, dial(), fcgi.Config{Sweeper: sweeper(t, time.Millisecond)})
		waiting := make(chan struct{}, 1)
		done := make(chan error)
		go func() { // ends when Do does
			_, err := c.Do(post(nil), &collect{onTick: func() error {
				select {
				case waiting <- struct{}{}:
				default:
				}
				return nil
			}})
			done <- err
		}()
		<-waiting
		c.Close()
		if err := <-done; err != fcgi.ErrClosed {
			t.Fatalf("got %v", err)
		}
	})
}

func TestConnSmallRequestsAllocateNothing(t *testing.T) {
	if harness.Race {
		t.Skip("the race detector makes sync.Pool forget")
	}
	c := newConn(t, dial(t, startStub(t)), fcgi.Config{Sweeper: sweeper(t, 0), ReadTimeout: patience, SendTimeout: patience})
	req := &fcgi.Request{KeepConn: true, Params: typicalParams(), Stdin: pattern(200)}
	h := new(discard)
	allocs := testing.AllocsPerRun(2000, func() {
		if _, err := c.Do(req, h); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Fatalf("%v allocations per request", allocs)
	}
	if h.n != 2001*stubBody {
		t.Fatalf("%d bytes delivered", h.n)
	}
}
