package upstream_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// eachKind runs f with private and with shared connections.
func eachKind(t *testing.T, f func(t *testing.T, g *gated, cfg upstream.Config)) {
	for name, mpxs := range map[string]bool{"private": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			g, addr := newGated(t, mpxs)
			cfg := config(addr)
			cfg.MaxConns = 1
			if mpxs {
				cfg.Multiplex = upstream.On
			}
			f(t, g, cfg)
		})
	}
}

func (c *call) leave(err error) { c.out.tickErr.Store(&err) }

func TestAClientThatLeavesStopsTheWork(t *testing.T) {
	eachKind(t, func(t *testing.T, g *gated, cfg upstream.Config) {
		b := newBackend(t, cfg, upstream.Events{})
		r := request("GET", "")
		done := r.start(t, b)
		worker := await(t, g.entered)
		r.leave(exchange.ErrClientGone)
		if err := await(t, done); err != exchange.ErrClientGone {
			t.Error(err)
		}
		await(t, worker.Aborted)
		// A private connection is closed, for php-fpm does not take ABORT_REQUEST
		// for what it is.
		if cfg.Multiplex != upstream.On && g.Aborts() != 0 {
			t.Error("ABORT_REQUEST on a private connection")
		}
		close(g.leave)
		fine(t, b)
	})
}

func TestARequestThatIgnoresItsClientRunsToItsEnd(t *testing.T) {
	for name, gone := range map[string]error{"gone": exchange.ErrClientGone, "slow": exchange.ErrSendTimeout} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, g *gated, cfg upstream.Config) {
				b := newBackend(t, cfg, upstream.Events{})
				r := request("GET", "")
				r.in.IgnoreAbort = true
				r.out.onBody = func() error { return gone } // it is noticed by a write as well
				done := r.start(t, b)
				worker := await(t, g.entered)
				r.leave(gone)
				seen := r.out.ticks.Load()
				harness.Eventually(t, "it is seen that the client has left", func() bool { return r.out.ticks.Load() > seen+2 })
				if st := b.Snapshot()[0].Pool; st.Busy != 1 {
					t.Errorf("the worker is free: %+v", st)
				}
				close(g.leave)
				if err := await(t, done); err != gone || r.x.Trace.Tries != 1 {
					t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
				}
				select {
				case <-worker.Aborted:
					t.Error("the work was stopped")
				default:
				}
				if st := b.Snapshot()[0].Pool; st.Busy != 0 || st.Idle != 1 || g.Aborts() != 0 {
					t.Errorf("%+v, %d ABORT_REQUEST", st, g.Aborts())
				}
			})
		})
	}
}

func TestTheRestOfAReplyForNobodyIsRead(t *testing.T) {
	for name, mpxs := range map[string]upstream.Mode{"private": upstream.Off, "shared": upstream.On} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			written := make(chan error, 1)
			s := &fcgitest.Server{Mpxs: mpxs == upstream.On, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
				_, err := w.WriteString("A: b\r\n\r\n")
				for range 200 {
					_, werr := w.WriteString(strings.Repeat("x", 32<<10))
					err = errors.Join(err, werr)
				}
				written <- errors.Join(err, w.Flush())
			}}
			cfg := config(s.Start(t))
			cfg.Multiplex = mpxs
			b := newBackend(t, cfg, upstream.Events{})
			r := request("GET", "")
			r.in.IgnoreAbort = true
			r.out.onBody = func() error { return exchange.ErrClientGone }
			if err := r.do(t, b); err != exchange.ErrClientGone {
				t.Error(err)
			}
			if err := await(t, written); err != nil || r.out.body.Len() >= 200*32<<10 {
				t.Errorf("%v, %d bytes for nobody", err, r.out.body.Len())
			}
			if again := fine(t, b); !again.x.Trace.Reused {
				t.Error("the connection was not kept")
			}
		})
	}
}

func TestTheRequestTimeoutBoundsARequestThatIgnoresItsClient(t *testing.T) {
	eachKind(t, func(t *testing.T, g *gated, cfg upstream.Config) {
		cfg.RequestTimeout = 100 * time.Millisecond
		b := newBackend(t, cfg, upstream.Events{})
		r := request("GET", "")
		r.in.IgnoreAbort = true
		r.leave(exchange.ErrClientGone)
		done := r.start(t, b)
		worker := await(t, g.entered)
		if err := await(t, done); !errors.Is(err, upstream.ErrRequestTimeout) {
			t.Error(err)
		}
		await(t, worker.Aborted)
	})
}

func TestTheGatewaysOwnEndIsNotIgnored(t *testing.T) {
	eachKind(t, func(t *testing.T, g *gated, cfg upstream.Config) {
		b := newBackend(t, cfg, upstream.Events{})
		r := request("GET", "")
		r.in.IgnoreAbort = true
		done := r.start(t, b)
		await(t, g.entered)
		r.leave(exchange.ErrCutOff)
		if err := await(t, done); !errors.Is(err, exchange.ErrClientGone) {
			t.Error(err)
		}
	})
}

func TestARequestThatIgnoresItsClientWaitsItsTurn(t *testing.T) {
	harness.NoLeaks(t)
	g, addr := newGated(t, false)
	cfg := config(addr)
	cfg.MaxConns = 1
	b := newBackend(t, cfg, upstream.Events{})
	first := occupy(t, b, g)
	r := request("POST", "x")
	r.in.IgnoreAbort = true
	r.leave(exchange.ErrClientGone)
	done := r.start(t, b)
	harness.Eventually(t, "it waits", func() bool { return r.out.ticks.Load() > 2 })
	close(g.leave)
	for _, ch := range []<-chan error{first, done} {
		if err := await(t, ch); err != nil {
			t.Error(err)
		}
	}
	if n := len(g.Requests()); n != 2 {
		t.Errorf("%d requests ran", n)
	}
}

func TestAClientMayLeaveWithAllItWasPromised(t *testing.T) {
	harness.NoLeaks(t)
	passed, leave := make(chan struct{}), make(chan struct{})
	addr := fcgitest.StartScripts(t, fcgitest.Script{
		fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("Content-Length: 2\r\n\r\nok")),
		fcgitest.Wait(leave), fcgitest.Reply(""), fcgitest.Drain(),
	})
	b := newBackend(t, config(addr), upstream.Events{})
	r := request("GET", "")
	r.out.onPaused = func() { close(passed) }
	done := r.start(t, b)
	await(t, passed)
	r.leave(exchange.ErrClientGone)
	seen := r.out.ticks.Load()
	harness.Eventually(t, "it is seen that the client has left", func() bool { return r.out.ticks.Load() > seen+2 })
	close(leave)
	if err := await(t, done); err != nil { // the application was let come to its end
		t.Error(err)
	}
	if st := b.Snapshot()[0].Pool; st.Idle != 1 {
		t.Errorf("the connection was not kept: %+v", st)
	}
}
