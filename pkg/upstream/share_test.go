package upstream_test

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// told gathers what a backend says of its server's ability to multiplex.
type told struct {
	answers  chan bool
	unshared chan error
}

func hear() (*told, upstream.Events) {
	t := &told{answers: make(chan bool, 99), unshared: make(chan error, 99)}
	return t, upstream.Events{
		Multiplex: func(_, _ string, on bool) { t.answers <- on },
		Unshared:  func(_, _ string, err error) { t.unshared <- err },
	}
}

// becomes waits until the backend's server is known to multiplex, or not to.
func becomes(tb testing.TB, b *upstream.Backend, m upstream.Mode) {
	tb.Helper()
	harness.Eventually(tb, "its ability is known", func() bool { return b.Snapshot()[0].Multiplex == m })
}

// counter answers each request when a token comes, and tells its method before.
type counter struct {
	fcgitest.Server
	entered chan string
	leave   chan struct{}
}

func newCounter() *counter {
	c := &counter{entered: make(chan string, 99), leave: make(chan struct{}, 99)}
	c.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
		c.entered <- r.Params["REQUEST_METHOD"]
		<-c.leave
		_, _ = w.WriteString(hello)
	}
	return c
}

func (c *counter) release(n int) {
	for range n {
		c.leave <- struct{}{}
	}
}

// ran returns how many requests of the method ran.
func (c *counter) ran(method string) (n int) {
	for _, r := range c.Requests() {
		if r.Params["REQUEST_METHOD"] == method {
			n++
		}
	}
	return n
}

func TestAServerThatRefusesToMultiplexGetsAConnectionForEachRequest(t *testing.T) {
	for name, c := range map[string]struct {
		mode   upstream.Mode
		retry  upstream.Retry
		tries  int
		method string
	}{
		"on its own word":            {upstream.Auto, upstream.RetrySafe, 3, "GET"},
		"by configuration":           {upstream.On, upstream.RetrySafe, 3, "GET"},
		"a request to run once":      {upstream.Auto, upstream.RetrySafe, 3, "POST"},
		"without any other attempts": {upstream.On, 0, 1, "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			s := newCounter()
			s.Values = map[string]string{fcgi.VarMpxsConns: "1"} // which is not true
			cfg := config(s.Start(t))
			cfg.Multiplex, cfg.Retry, cfg.Tries = c.mode, c.retry, c.tries
			heard, events := hear()
			b := newBackend(t, cfg, events)
			s.release(1)
			fine(t, b) // starts the question
			becomes(t, b, upstream.On)

			first := request("HEAD", "").start(t, b)
			for await(t, s.entered) != "HEAD" {
			}
			refused := request(c.method, "body")
			second := refused.start(t, b)
			if m := await(t, s.entered); m != c.method {
				t.Errorf("%s entered", m)
			}
			third := request("PUT", "x").start(t, b)
			await(t, s.entered)
			s.release(3)
			for _, done := range []<-chan error{first, second, third} {
				if err := await(t, done); err != nil {
					t.Error(err)
				}
			}
			if err := await(t, heard.unshared); !errors.Is(err, fcgi.ErrCantMultiplex) || len(heard.unshared) != 0 {
				t.Errorf("told %v, and %d times more", err, len(heard.unshared))
			}
			if n := s.ran(c.method); refused.x.Trace.Tries != 2 || c.method == "POST" && n != 1 {
				t.Errorf("%d tries, ran %d times", refused.x.Trace.Tries, n)
			}
			becomes(t, b, upstream.Off)
			if st := b.Snapshot()[0].Pool; st.Streams != 1 || st.Busy != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// program is a FastCGI program on a path that others may come to have.
func program(tb testing.TB, path string, mpxs bool) *counter {
	tb.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	c := newCounter()
	c.Mpxs = mpxs
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		_ = c.Serve(l)
	}()
	tb.Cleanup(func() {
		c.Close()
		<-done
	})
	return c
}

// together sends n requests at once and waits until all of them run.
func together(t *testing.T, b *upstream.Backend, c *counter, n int) []<-chan error {
	t.Helper()
	var running []<-chan error
	for range n {
		running = append(running, request("POST", "x").start(t, b))
	}
	for range n {
		await(t, c.entered)
	}
	return running
}

func (c *counter) finish(t *testing.T, running []<-chan error) {
	t.Helper()
	c.release(len(running))
	for _, done := range running {
		if err := await(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestAServerThatComesBackIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		before, after, missed bool // missed: a request finds nobody in between
	}{{true, false, false}, {true, false, true}, {true, true, false}, {true, true, true}, {false, true, true}, {false, false, true}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			harness.NoLeaks(t)
			path := filepath.Join(t.TempDir(), "s.sock")
			cfg := config(path)
			cfg.Multiplex = upstream.Auto
			heard, events := hear()
			b := newBackend(t, cfg, events)
			mode := map[bool]upstream.Mode{true: upstream.On, false: upstream.Off}

			old := program(t, path, c.before)
			old.finish(t, together(t, b, old, 1))
			becomes(t, b, mode[c.before])
			old.finish(t, together(t, b, old, 3))
			old.Close()
			if c.missed {
				if _, err := get(t, b); err == nil {
					t.Error("a request was answered by nobody")
				}
			}

			now := program(t, path, c.after)
			now.finish(t, together(t, b, now, 1)) // the question goes with its dial
			becomes(t, b, mode[c.after])
			running := together(t, b, now, 3)
			if conns := connsOf(now, 3); (conns == 1) != c.after {
				t.Errorf("%d connections for 3 requests", conns)
			}
			now.finish(t, running)
			var why error
			select {
			case why = <-heard.unshared:
			default:
			}
			if (why != nil) != (c.before && !c.after) || errors.Is(why, fcgi.ErrCantMultiplex) {
				t.Errorf("told %v", why) // never by mixing requests up
			}
		})
	}
}

// connsOf returns how many connections the last n requests came on.
func connsOf(c *counter, n int) int {
	conns := map[int]bool{}
	reqs := c.Requests()
	for _, r := range reqs[len(reqs)-n:] {
		conns[r.Conn] = true
	}
	return len(conns)
}

func TestASharedConnectionIsNotSharedOnAnotherProgramsWord(t *testing.T) {
	asked := fcgitest.Expect(8)
	ended := fcgitest.Script{asked}
	unknown := fcgitest.Script{asked, fcgitest.Send(fcgi.AppendUnknown(nil, fcgi.TypeGetValues)), fcgitest.Drain()}
	for name, answer := range map[string]fcgitest.Script{
		"it says nothing":                {asked, fcgitest.Drain()},
		"it ends the connection":         ended,
		"it does not know the question":  unknown,
		"it is no FastCGI program":       {asked, fcgitest.Send([]byte("220 ready\r\n")), fcgitest.Drain()},
		"it says so and something else ": {asked, fcgitest.Send(append(said("1"), 1, 6, 0, 1)), fcgitest.Drain()},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			// The first request, the question, the shared connection, and one
			// for each of two requests.
			addr := fcgitest.StartScripts(t, serveOnce(),
				fcgitest.Script{asked, fcgitest.Send(said("1")), fcgitest.Drain()},
				answer, serveOnce(), serveOnce())
			cfg := config(addr)
			cfg.Multiplex, cfg.KeepConn, cfg.Retry, cfg.Tries = upstream.Auto, upstream.Off, 0, 1
			heard, events := hear()
			b := newBackend(t, cfg, events)
			fine(t, b)
			becomes(t, b, upstream.On)
			for range 2 {
				fine(t, b)
			}
			if err := await(t, heard.unshared); err == nil || len(heard.unshared) != 0 {
				t.Errorf("told %v, and %d times more", err, len(heard.unshared))
			}
		})
	}
}

// said is the answer to the question whether a server multiplexes.
func said(value string) []byte {
	return fcgi.AppendRecord(nil, fcgi.TypeGetValuesResult, 0, fcgi.AppendPair(nil, fcgi.VarMpxsConns, value))
}

func TestAClientThatLeavesCostsNoSharedConnection(t *testing.T) {
	harness.NoLeaks(t)
	s := newCounter()
	s.Mpxs = true
	stays := s.Handler
	s.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
		if r.Params["REQUEST_METHOD"] != "GET" {
			stays(w, r)
			return
		}
		s.entered <- "GET"
		<-r.Aborted
	}
	cfg := config(s.Start(t))
	cfg.Multiplex = upstream.On
	b := newBackend(t, cfg, upstream.Events{})
	for range 5 {
		neighbour := together(t, b, s, 1)
		leaving := request("GET", "")
		done := leaving.start(t, b)
		await(t, s.entered)
		s.finish(t, neighbour) // the connection has shown that it is well
		leaving.x.Cancel(exchange.ErrClientGone)
		leaving.out.tickErr.Store(new(error(exchange.ErrClientGone)))
		if err := await(t, done); err != exchange.ErrClientGone {
			t.Error(err)
		}
	}
	harness.Eventually(t, "the server knows", func() bool { return s.Aborts() == 5 })
	if s.Accepted() != 1 {
		t.Errorf("%d connections", s.Accepted())
	}
}
