package upstream_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestRequestsShareAMultiplexedConnection(t *testing.T) {
	harness.NoLeaks(t)
	g, addr := newGated(t, true)
	cfg := config(addr)
	cfg.Multiplex = upstream.On
	b := newBackend(t, cfg, upstream.Events{})
	var running []<-chan error
	for range 4 {
		running = append(running, request("GET", "").start(t, b))
		await(t, g.entered)
	}
	if n := g.Accepted(); n != 1 {
		t.Errorf("%d connections for 4 requests", n)
	}
	close(g.leave)
	for _, done := range running {
		if err := await(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestAutoSwitchesToMultiplexingWithoutLosingARequest(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{
		Mpxs:    true,
		Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) },
	}
	cfg := config(s.Start(t))
	cfg.Multiplex, cfg.Queue = upstream.Auto, 100
	said := make(chan bool, 1)
	b := newBackend(t, cfg, upstream.Events{Multiplex: func(_, _ string, on bool) { said <- on }})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for range 40 {
				if _, err := get(t, b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if !await(t, said) {
		t.Error("not multiplexed")
	}
	if n := len(s.Requests()); n != 12*40 {
		t.Errorf("%d requests ran", n)
	}
	before := s.Accepted()
	for range 5 {
		fine(t, b)
	}
	if s.Accepted() > before+1 {
		t.Errorf("%d connections for 5 requests", s.Accepted()-before)
	}
}

func TestThoseWhoWaitComeOverWhenTheServerMultiplexes(t *testing.T) {
	harness.NoLeaks(t)
	g, addr := newGated(t, true)
	cfg := config(addr)
	cfg.Multiplex, cfg.MaxConns = upstream.Auto, 1
	said := make(chan bool, 1)
	b := newBackend(t, cfg, upstream.Events{Multiplex: func(_, _ string, on bool) { said <- on }})
	running := []<-chan error{request("GET", "").start(t, b)}
	await(t, g.entered)
	waiting := request("GET", "")
	running = append(running, waiting.start(t, b))
	await(t, said)
	close(g.leave)
	for _, done := range running {
		if err := await(t, done); err != nil {
			t.Error(err)
		}
	}
	if waiting.x.Trace.Tries != 1 {
		t.Errorf("%d tries", waiting.x.Trace.Tries)
	}
}

func TestAServerThatDoesNotMultiplexIsAskedOnce(t *testing.T) {
	for name, values := range map[string]map[string]string{
		"php-fpm":         {fcgi.VarMpxsConns: "0"},
		"says nothing":    {},
		"says other text": {fcgi.VarMpxsConns: "yes"},
	} {
		harness.NoLeaks(t)
		s := &fcgitest.Server{
			Values:  values,
			Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) },
		}
		cfg := config(s.Start(t))
		cfg.Multiplex, cfg.KeepConn = upstream.Auto, upstream.Off // each request dials
		said := make(chan bool, 9)
		b := newBackend(t, cfg, upstream.Events{Multiplex: func(_, _ string, on bool) { said <- on }})
		fine(t, b)
		if await(t, said) {
			t.Errorf("%s: multiplexed", name)
		}
		for range 5 {
			fine(t, b)
		}
		if n := s.Accepted(); n != 7 || len(said) != 0 {
			t.Errorf("%s: %d connections for 6 requests and a question, told %d times more", name, n, len(said))
		}
	}
}

func TestTheQuestionWhetherToMultiplexDelaysNoRequest(t *testing.T) {
	harness.NoLeaks(t)
	// The first connection is the request's; the second, the question's, is
	// never answered.
	addr := fcgitest.StartScripts(t, serveOnce(), fcgitest.Script{fcgitest.Drain()})
	cfg := config(addr)
	cfg.Multiplex = upstream.Auto
	b := newBackend(t, cfg, upstream.Events{Multiplex: func(string, string, bool) { t.Error("no one said") }})
	start := time.Now()
	fine(t, b)
	if took := time.Since(start); took > 900*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestADeadSharedConnectionHarmsNoNewRequest(t *testing.T) {
	harness.NoLeaks(t)
	first := true
	s := &fcgitest.Server{Mpxs: true}
	s.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
		_, _ = w.WriteString(hello)
		if r.Params["REQUEST_METHOD"] == "HOLD" {
			_ = w.Flush()
			<-r.Aborted
		}
	}
	cfg := config(s.Start(t))
	cfg.Multiplex = upstream.On
	b := newBackend(t, cfg, upstream.Events{})
	held, leave := make(chan struct{}), make(chan struct{})
	slow := request("HOLD", "")
	slow.out.onBody = func() error { // still on the connection when it dies
		if first {
			first = false
			close(held)
			<-leave
		}
		return nil
	}
	done := slow.start(t, b)
	await(t, held)
	s.CloseConns()
	harness.Eventually(t, "the server sees the end", func() bool { return s.Open() == 0 })
	for range 5 {
		if r, err := get(t, b); err != nil {
			t.Errorf("%v after %d tries", err, r.x.Trace.Tries)
		}
	}
	close(leave)
	if err := await(t, done); !errors.Is(err, fcgi.ErrTruncated) {
		t.Errorf("the request on it: %v", err)
	}
}

func TestNoRequestWaitsUnwatchedForAWorker(t *testing.T) {
	harness.NoLeaks(t)
	for range 40 {
		g, addr := newGated(t, false)
		cfg := config(addr)
		cfg.MaxConns, cfg.QueueTimeout = 1, 20*time.Millisecond
		b := newBackend(t, cfg, upstream.Events{})
		errs := make(chan error, 4)
		begin := make(chan struct{})
		for range 4 {
			go func() { // ends with its request
				<-begin
				_, err := get(t, b)
				errs <- err
			}()
		}
		close(begin)
		for range 3 { // the fourth has the worker
			if err := await(t, errs); !errors.Is(err, pool.ErrQueueTimeout) {
				t.Fatal(err)
			}
		}
		close(g.leave)
		if err := await(t, errs); err != nil {
			t.Error(err)
		}
	}
}

func TestCloseMayComeWhileRequestsRunAndAsk(t *testing.T) {
	harness.NoLeaks(t)
	for range 20 {
		s := &fcgitest.Server{
			Mpxs:    true,
			Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) },
		}
		sweeper := sock.NewSweeper(tick)
		cfg := config(s.Start(t))
		cfg.Multiplex = upstream.Auto
		b, err := upstream.New(cfg, sweeper, upstream.Events{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := get(t, b); err != nil && !errors.Is(err, pool.ErrClosed) {
					t.Error(err)
				}
			})
		}
		b.Close()
		wg.Wait()
		harness.Eventually(t, "no connection is open", func() bool { return s.Open() == 0 })
		sweeper.Close()
	}
}
