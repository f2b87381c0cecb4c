package upstream_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestARequestThatTakesTooLongEnds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(cfg *upstream.Config)
		want   error
	}{
		"as a whole":     {func(cfg *upstream.Config) { cfg.RequestTimeout = 30 * time.Millisecond }, upstream.ErrRequestTimeout},
		"between reads":  {func(cfg *upstream.Config) { cfg.ReadTimeout = 30 * time.Millisecond }, fcgi.ErrReadTimeout},
		"whatever first": {func(cfg *upstream.Config) { cfg.RequestTimeout, cfg.ReadTimeout = time.Hour, 30*time.Millisecond }, fcgi.ErrReadTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			g, addr := newGated(t, false)
			cfg := config(addr)
			c.change(&cfg)
			r, err := get(t, newBackend(t, cfg, upstream.Events{}))
			if !errors.Is(err, c.want) || upstream.Status(err) != 504 || r.x.Trace.Tries != 1 {
				t.Errorf("%v, status %d", err, upstream.Status(err))
			}
			worker := await(t, g.entered)
			await(t, worker.Aborted) // its connection was closed
		})
	}
}

func TestASlowReplyThatGoesOnMeetsTheRequestTimeoutOnly(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		_, _ = w.WriteString("A: b\r\n\r\n")
		for w.Flush() == nil {
			select {
			case <-r.Aborted:
				return
			case <-time.After(5 * time.Millisecond):
				_, _ = w.WriteString("x")
			}
		}
	}}
	cfg := config(s.Start(t))
	cfg.RequestTimeout, cfg.ReadTimeout = 100*time.Millisecond, 5*time.Second
	r, err := get(t, newBackend(t, cfg, upstream.Events{}))
	if !errors.Is(err, upstream.ErrRequestTimeout) || r.out.status != 200 {
		t.Errorf("%v, status %d, %d bytes", err, r.out.status, r.out.body.Len())
	}
}

func TestAClientThatLeavesEndsItsRequest(t *testing.T) {
	errGone := errors.New("gone")
	for _, mpxs := range []bool{false, true} {
		harness.NoLeaks(t)
		g, addr := newGated(t, mpxs)
		cfg := config(addr)
		if mpxs {
			cfg.Multiplex = upstream.On
		}
		b := newBackend(t, cfg, upstream.Events{})
		r := request("GET", "")
		done := r.start(t, b)
		worker := await(t, g.entered)
		r.out.tickErr.Store(&errGone)
		if err := await(t, done); err != errGone {
			t.Errorf("mpxs %v: %v", mpxs, err)
		}
		await(t, worker.Aborted)
		close(g.leave)
		fine(t, b)
	}
}

// occupy starts a request that holds the only worker.
func occupy(t *testing.T, b *upstream.Backend, g *gated) <-chan error {
	t.Helper()
	done := request("GET", "").start(t, b)
	await(t, g.entered)
	return done
}

func TestARequestThatWaitsForAWorkerCanEnd(t *testing.T) {
	errGone := errors.New("gone")
	for name, c := range map[string]struct {
		change func(cfg *upstream.Config)
		leave  func(r *call)
		want   error
		status int
	}{
		"the client leaves":    {nil, func(r *call) { r.out.tickErr.Store(&errGone) }, errGone, 502},
		"it is cancelled":      {nil, func(r *call) { r.x.Cancel(errGone) }, errGone, 502},
		"request timeout":      {func(cfg *upstream.Config) { cfg.RequestTimeout = 300 * time.Millisecond }, nil, upstream.ErrRequestTimeout, 504},
		"queue timeout":        {func(cfg *upstream.Config) { cfg.QueueTimeout = 20 * time.Millisecond }, nil, pool.ErrQueueTimeout, 503},
		"the queue is full":    {func(cfg *upstream.Config) { cfg.Queue = 0 }, nil, pool.ErrQueueFull, 503},
		"no limit, but cancel": {func(cfg *upstream.Config) { cfg.QueueTimeout = 0 }, func(r *call) { r.x.Cancel(errGone) }, errGone, 502},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			g, addr := newGated(t, false)
			cfg := config(addr)
			cfg.MaxConns = 1
			if c.change != nil {
				c.change(&cfg)
			}
			b := newBackend(t, cfg, upstream.Events{})
			first := occupy(t, b, g)
			r := request("GET", "")
			done := r.start(t, b)
			if c.leave != nil {
				harness.Eventually(t, "the client is watched in the queue", func() bool { return r.out.ticks.Load() > 0 })
				c.leave(r)
			}
			if err := await(t, done); !errors.Is(err, c.want) || upstream.Status(err) != c.status {
				t.Errorf("%v, status %d", err, upstream.Status(err))
			}
			close(g.leave)
			if err := await(t, first); err != nil && cfg.RequestTimeout == 0 {
				t.Errorf("the first request: %v", err)
			}
			if n := len(g.Requests()); n != 1 && cfg.RequestTimeout == 0 { // the first ends by that too, a moment before
				t.Errorf("%d requests ran", n)
			}
			fine(t, b)
		})
	}
}

func TestTheQueueTimeIsOnTheTrace(t *testing.T) {
	harness.NoLeaks(t)
	g, addr := newGated(t, false)
	cfg := config(addr)
	cfg.MaxConns = 1
	b := newBackend(t, cfg, upstream.Events{})
	first := occupy(t, b, g)
	r := request("GET", "")
	done := r.start(t, b)
	harness.Eventually(t, "it waits", func() bool { return r.out.ticks.Load() > 2 })
	close(g.leave)
	for _, ch := range []<-chan error{first, done} {
		if err := await(t, ch); err != nil {
			t.Error(err)
		}
	}
	tr := &r.x.Trace
	if tr.Queue <= 0 || !tr.Reused || tr.Connect != 0 || tr.Upstream <= 0 || tr.FirstByte <= 0 || tr.FirstByte > tr.Upstream ||
		tr.Backend != "app" || tr.Server != "unix:"+addr {
		t.Errorf("%+v", tr)
	}
}

// deaf listens on TCP and never takes a connection off a queue that is full, so
// that dials to it get no answer.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*unix.SockaddrInet4).Port}).String()
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("this system does not bound the queue of connections")
	return ""
}

func TestADialWithoutAnAnswerIsAConnectTimeout(t *testing.T) {
	harness.NoLeaks(t)
	cfg := config(deaf(t))
	cfg.ConnectTimeout, cfg.RetryTimeout = 20*time.Millisecond, patience
	b := newBackend(t, cfg, upstream.Events{})
	for range 20 { // two clocks end a dial, and each has an error of its own
		start := time.Now()
		_, err := get(t, b)
		if !errors.Is(err, upstream.ErrConnectTimeout) || upstream.Status(err) != 504 {
			t.Fatalf("%v, status %d", err, upstream.Status(err))
		}
		if time.Since(start) > patience/2 {
			t.Fatal("it was tried again")
		}
	}
}

func TestADialWithoutAnAnswerEndsWithItsRequest(t *testing.T) {
	errGone := errors.New("gone")
	addr := deaf(t)
	for name, c := range map[string]struct {
		limit time.Duration
		end   func(r *call)
		want  error
	}{
		"the client leaves": {0, func(r *call) { r.out.tickErr.Store(&errGone) }, errGone},
		"it is cancelled":   {0, func(r *call) { r.x.Cancel(errGone) }, errGone},
		"request timeout":   {50 * time.Millisecond, func(*call) {}, upstream.ErrRequestTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			cfg := config(addr)
			cfg.RequestTimeout, cfg.MaxConns = c.limit, 1
			b := newBackend(t, cfg, upstream.Events{})
			r := request("GET", "")
			start := time.Now()
			done := r.start(t, b)
			harness.Eventually(t, "the client is watched", func() bool { return r.out.ticks.Load() > 0 })
			c.end(r)
			if err := await(t, done); !errors.Is(err, c.want) || time.Since(start) > cfg.ConnectTimeout/2 {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			if st := b.Snapshot()[0].Pool; st.Busy != 0 || st.Dialling != 0 || st.Waiting != 0 {
				t.Errorf("left: %+v", st)
			}
		})
	}
}

func TestAClientThatLeavesWhileAServerIsWaitedForIsGone(t *testing.T) {
	harness.NoLeaks(t)
	errGone := errors.New("gone")
	cfg := config(nowhere(t))
	cfg.RetryTimeout = patience
	b := newBackend(t, cfg, upstream.Events{})
	r := request("GET", "")
	done := r.start(t, b)
	harness.Eventually(t, "the client is watched", func() bool { return r.out.ticks.Load() > 0 })
	r.out.tickErr.Store(&errGone)
	if err := await(t, done); err != errGone { // and not that nobody listens
		t.Error(err)
	}
}

// stuck accepts connections and reads nothing from them.
func stuck(t *testing.T) string {
	path := nowhere(t)
	fcgitest.PlayOn(t, listen(t, path), fcgitest.Script{fcgitest.Stall()})
	return path
}

func TestEachTimeoutHasItsErrorAndStatus(t *testing.T) {
	const soon = 30 * time.Millisecond
	begun := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("A: b\r\n\r\nbegun")), fcgitest.Stall()}
	silent := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stall()}
	play := func(s fcgitest.Script) func(*testing.T) string {
		return func(t *testing.T) string { return fcgitest.StartScripts(t, s) }
	}
	for _, c := range []struct {
		name   string
		server func(*testing.T) string
		change func(*upstream.Config)
		want   error
		status int
		begun  bool // the client has got the beginning of a response
	}{
		{"connect", deaf, func(c *upstream.Config) { c.ConnectTimeout = soon }, upstream.ErrConnectTimeout, 504, false},
		{"send", stuck, func(c *upstream.Config) { c.SendTimeout = soon }, fcgi.ErrSendTimeout, 504, false},
		{"read", play(silent), func(c *upstream.Config) { c.ReadTimeout = soon }, fcgi.ErrReadTimeout, 504, false},
		{"read, begun", play(begun), func(c *upstream.Config) { c.ReadTimeout = soon }, fcgi.ErrReadTimeout, 504, true},
		{"total", play(silent), func(c *upstream.Config) { c.RequestTimeout = soon }, upstream.ErrRequestTimeout, 504, false},
		{"total, begun", play(begun), func(c *upstream.Config) { c.RequestTimeout = soon }, upstream.ErrRequestTimeout, 504, true},
		{"total, sending", stuck, func(c *upstream.Config) { c.RequestTimeout = soon }, upstream.ErrRequestTimeout, 504, false},
		{"total, connecting", deaf, func(c *upstream.Config) { c.RequestTimeout = soon }, upstream.ErrRequestTimeout, 504, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.NoLeaks(t)
			cfg := config(c.server(t))
			c.change(&cfg)
			b := newBackend(t, cfg, upstream.Events{})
			r := request("PUT", "")
			if strings.Contains(c.name, "send") {
				r.in.Body = make([]byte, 4<<20) // more than a socket holds
				r.in.BodyLen = int64(len(r.in.Body))
			}
			err := r.do(t, b)
			if !errors.Is(err, c.want) || upstream.Status(err) != c.status || upstream.Busy(err) || r.x.Trace.Tries != 1 {
				t.Errorf("%v, status %d, %d tries", err, upstream.Status(err), r.x.Trace.Tries)
			}
			if (r.out.status == 200) != c.begun || (r.out.body.String() == "begun") != c.begun {
				t.Errorf("head %d, body %q", r.out.status, r.out.body.String())
			}
			if st := b.Snapshot()[0].Pool; st.Busy != 0 || st.Open != 0 {
				t.Errorf("left: %+v", st) // what is late is closed
			}
		})
	}
}
