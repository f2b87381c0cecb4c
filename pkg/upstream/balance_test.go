package upstream_test

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestABackendNeedsServers(t *testing.T) {
	s := sock.NewSweeper(tick)
	defer s.Close()
	if b, err := upstream.New(upstream.Config{Name: "app"}, s, upstream.Events{}); err == nil || b != nil {
		t.Errorf("%v, %v", b, err)
	}
}

func TestAddressesReadAsInTheConfiguration(t *testing.T) {
	for _, c := range []struct {
		a    upstream.Address
		want string
	}{
		{upstream.Address{Network: "unix", Addr: "/run/php.sock"}, "unix:/run/php.sock"},
		{upstream.Address{Network: "tcp", Addr: "127.0.0.1:9000"}, "127.0.0.1:9000"},
	} {
		if got := c.a.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestTheServerWithTheLeastToDoIsTaken(t *testing.T) {
	harness.NoLeaks(t)
	a, addrA := newGated(t, false)
	b, addrB := newGated(t, false)
	backend := newBackend(t, config(addrA, addrB), upstream.Events{})
	var running []<-chan error
	start := func() { running = append(running, request("GET", "").start(t, backend)) }
	start() // on either
	var idle *gated
	select {
	case <-a.entered:
		idle = b
	case <-b.entered:
		idle = a
	case <-time.After(patience):
		t.Fatal("no request came")
	}
	start()
	await(t, idle.entered) // not on the busy one
	start()
	start()
	await(t, a.entered) // one more for each
	await(t, b.entered)
	close(a.leave)
	close(b.leave)
	for _, done := range running {
		if err := await(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestServersWithNothingToDoTakeTurns(t *testing.T) {
	harness.NoLeaks(t)
	a, addrA := respond(t, hello)
	b, addrB := respond(t, hello)
	backend := newBackend(t, config(addrA, addrB), upstream.Events{})
	for range 10 {
		fine(t, backend)
	}
	if na, nb := len(a.Requests()), len(b.Requests()); na != 5 || nb != 5 {
		t.Errorf("%d and %d requests", na, nb)
	}
}

func TestAServerThatIsDownIsAvoided(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := respond(t, hello)
	cfg := config(nowhere(t), addr)
	cfg.RetryTimeout = patience
	down := make(chan string, 100)
	b := newBackend(t, cfg, upstream.Events{ServerDown: func(_, server string, _ error) { down <- server }})
	retried := 0
	for range 20 {
		r := request("POST", "x") // a refused dial is no reason not to try elsewhere
		if err := r.do(t, b); err != nil {
			t.Fatal(err)
		}
		retried += r.x.Trace.Tries - 1
	}
	if len(s.Requests()) != 20 || retried != 1 || len(down) != 1 {
		t.Errorf("%d requests, %d retried, told %d times", len(s.Requests()), retried, len(down))
	}
}

func TestAServerThatIsBackIsUsedAgain(t *testing.T) {
	harness.NoLeaks(t)
	path := nowhere(t)
	_, addr := respond(t, hello)
	up := make(chan string, 1)
	b := newBackend(t, config(path, addr), upstream.Events{ServerUp: func(_, server string) { up <- server }})
	fine(t, b)
	fine(t, b) // one of the two has met the server that is down
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) }}
	serve(t, s, path)
	harness.Eventually(t, "a request on the server that is back", func() bool {
		fine(t, b)
		return len(s.Requests()) > 0
	})
	if got := await(t, up); got != "unix:"+path {
		t.Errorf("ServerUp: %s", got)
	}
}

// serve runs s on a unix socket at path.
func serve(t *testing.T, s *fcgitest.Server, path string) {
	t.Helper()
	serveOn(t, s, listen(t, path))
}

// serveOn runs s on l until the test ends.
func serveOn(t *testing.T, s *fcgitest.Server, l net.Listener) {
	t.Helper()
	done := make(chan struct{})
	go func() { // ends when s is closed
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
}

func TestWhenAllServersAreDownTheLastIsWaitedFor(t *testing.T) {
	harness.NoLeaks(t)
	a, b := nowhere(t), nowhere(t)
	cfg := config(a, b)
	cfg.RetryTimeout = 30 * time.Millisecond
	start := time.Now()
	r, err := get(t, newBackend(t, cfg, upstream.Events{}))
	var dial *upstream.DialError
	if !errors.As(err, &dial) || r.x.Trace.Tries < 2 || r.x.Trace.Tries > cfg.Tries || time.Since(start) < cfg.RetryTimeout {
		t.Errorf("%v after %d tries and %v", err, r.x.Trace.Tries, time.Since(start))
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := respond(t, hello)
	cfg := config(addr)
	cfg.IdleTimeout = 20 * time.Millisecond
	b := newBackend(t, cfg, upstream.Events{})
	fine(t, b)
	harness.Eventually(t, "no connection is open", func() bool { return s.Open() == 0 })
	if r := fine(t, b); r.x.Trace.Reused || r.x.Trace.Tries != 1 {
		t.Errorf("%+v", r.x.Trace)
	}
}

func TestConnectionsAreKeptAsConfigured(t *testing.T) {
	for _, c := range []struct {
		mode     upstream.Mode
		maxConns int
		want     bool
	}{
		{upstream.Auto, 2, true},
		{upstream.Auto, 0, false}, // a kept connection occupies one of an unknown number of workers
		{upstream.On, 0, true},
		{upstream.On, 2, true},
		{upstream.Off, 0, false},
		{upstream.Off, 2, false},
	} {
		harness.NoLeaks(t)
		s, addr := respond(t, hello)
		cfg := config(addr)
		cfg.KeepConn, cfg.MaxConns = c.mode, c.maxConns
		b := newBackend(t, cfg, upstream.Events{})
		for i := range 4 {
			if r := fine(t, b); r.x.Trace.Reused != (c.want && i > 0) {
				t.Errorf("%+v: request %d reused %v", c, i, r.x.Trace.Reused)
			}
		}
		for _, r := range s.Requests() {
			if r.KeepConn != c.want {
				t.Errorf("%+v: KEEP_CONN %v", c, r.KeepConn)
			}
		}
		if want := map[bool]int{true: 1, false: 4}[c.want]; s.Accepted() != want {
			t.Errorf("%+v: %d connections", c, s.Accepted())
		}
	}
}

func TestErrorsBecomeStatuses(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		busy   bool
	}{
		{pool.ErrQueueFull, 503, true},
		{pool.ErrQueueTimeout, 503, true},
		{fcgi.ErrOverloaded, 503, true},
		{fmt.Errorf("wrapped: %w", pool.ErrQueueFull), 503, true},
		{fcgi.ErrReadTimeout, 504, false},
		{fcgi.ErrSendTimeout, 504, false},
		{upstream.ErrRequestTimeout, 504, false},
		{&upstream.DialError{Server: "s", Err: upstream.ErrConnectTimeout}, 504, false},
		{&upstream.DialError{Server: "s", Err: errors.New("refused")}, 502, false},
		{&upstream.ReplyError{What: "x"}, 502, false},
		{fcgi.ErrStale, 502, false},
		{fcgi.ErrTruncated, 502, false},
		{&fcgi.ProtocolError{What: "x"}, 502, false},
		{errors.New("anything else"), 502, false},
	} {
		if s, busy := upstream.Status(c.err), upstream.Busy(c.err); s != c.status || busy != c.busy {
			t.Errorf("%v: %d, busy %v", c.err, s, busy)
		}
	}
}
