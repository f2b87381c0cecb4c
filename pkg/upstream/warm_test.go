package upstream_test

import (
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestWarmConnectionsAreThereBeforeTheFirstRequest(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := respond(t, hello)
	cfg := config(addr)
	cfg.WarmUp = 3
	b := newBackend(t, cfg, upstream.Events{})
	if s.Accepted() != 0 {
		t.Error("New has dialled")
	}
	b.Warm()
	harness.Eventually(t, "three are idle", func() bool { return b.Snapshot()[0].Pool.Idle == 3 })
	if r := fine(t, b); !r.x.Trace.Reused || s.Accepted() != 3 {
		t.Errorf("reused %v, %d connections", r.x.Trace.Reused, s.Accepted())
	}
}

func TestNothingIsWarmedWhereNothingIsKept(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := respond(t, hello)
	cfg := config(addr)
	cfg.WarmUp, cfg.KeepConn = 3, upstream.Off
	b := newBackend(t, cfg, upstream.Events{})
	b.Warm()
	fine(t, b)
	b.Close()
	if n := s.Accepted(); n != 1 {
		t.Errorf("%d connections for one request", n)
	}
}

func TestAServerThatRefusesToBeWarmedIsReportedOnce(t *testing.T) {
	harness.NoLeaks(t)
	cfg := config(nowhere(t))
	cfg.WarmUp = 4
	down := make(chan error, 9)
	b := newBackend(t, cfg, upstream.Events{ServerDown: func(_, _ string, err error) { down <- err }})
	b.Warm()
	await(t, down)
	b.Close()
	if st := b.Snapshot()[0].Pool; st.DialFailures != 1 || len(down) != 0 {
		t.Errorf("%d dials failed, reported %d times more", st.DialFailures, len(down))
	}
}

func TestCloseEndsAWarmUp(t *testing.T) {
	harness.NoLeaks(t)
	cfg := config(deaf(t)) // its dials take as long as they may
	cfg.WarmUp = 2
	b := newBackend(t, cfg, upstream.Events{ServerDown: func(string, string, error) { t.Error("the server has done nothing") }})
	b.Warm()
	harness.Eventually(t, "it is dialled", func() bool { return b.Snapshot()[0].Pool.Dialling == 1 })
	closed := make(chan struct{})
	go func() { // ends when the dial was given up
		b.Close()
		close(closed)
	}()
	await(t, closed)
	b.Warm() // does nothing any more
}

func TestAServerThatTurnsOutToMultiplexIsWarmedAgain(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) }}
	cfg := config(s.Start(t))
	cfg.Multiplex, cfg.WarmUp = upstream.Auto, 2
	b := newBackend(t, cfg, upstream.Events{})
	b.Warm() // the dials make it ask
	harness.Eventually(t, "two shared connections are idle", func() bool {
		st := b.Snapshot()[0]
		return st.Multiplex == upstream.On && st.Pool.Streams == 4 && st.Pool.Idle == 2
	})
	if r := fine(t, b); !r.x.Trace.Reused {
		t.Error("the first request dialled")
	}
}
