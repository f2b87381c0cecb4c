package upstream_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// hangUp answers one request and closes without an answer to the next.
func hangUp() fcgitest.Script {
	return fcgitest.Script{
		fcgitest.ExpectRequest(), fcgitest.Reply(hello), fcgitest.ExpectRequest(), fcgitest.Close(),
	}
}

func serveOnce() fcgitest.Script {
	return fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Reply(hello), fcgitest.Drain()}
}

func TestAStaleKeptConnectionIsReplayedForIdempotentMethodsOnly(t *testing.T) {
	for _, c := range []struct {
		method string
		replay bool
	}{
		{"GET", true},
		{"HEAD", true},
		{"OPTIONS", true},
		{"PUT", true},
		{"DELETE", true},
		{"TRACE", true},
		{"POST", false},
		{"PATCH", false},
		{"get", false},
		{"PROPFIND", false},
	} {
		t.Run(c.method, func(t *testing.T) {
			harness.NoLeaks(t)
			b := newBackend(t, config(fcgitest.StartScripts(t, hangUp(), serveOnce())), upstream.Events{})
			fine(t, b)
			// A method that must not run twice gets a rested connection or a new one.
			time.Sleep(20 * time.Millisecond)
			r := request(c.method, "")
			err := r.do(t, b)
			switch {
			case c.replay && (err != nil || r.x.Trace.Tries != 2 || r.x.Trace.Reused):
				t.Errorf("not replayed: %v, %+v", err, r.x.Trace)
			case !c.replay && (!errors.Is(err, fcgi.ErrStale) || r.x.Trace.Tries != 1 || !r.x.Trace.Reused):
				t.Errorf("replayed: %v, %d tries, reused %v", err, r.x.Trace.Tries, r.x.Trace.Reused)
			}
		})
	}
}

func TestAConnectionInUseAMomentAgoCarriesNoUnsafeRequest(t *testing.T) {
	harness.NoLeaks(t)
	cfg := config(fcgitest.StartScripts(t, hangUp(), serveOnce(), serveOnce()))
	cfg.Retry = 0 // it could not be repeated
	b := newBackend(t, cfg, upstream.Events{})
	fine(t, b)
	start := time.Now()
	r := request("POST", "x")
	if err := r.do(t, b); time.Since(start) < 10*time.Millisecond && (err != nil || r.x.Trace.Reused) {
		t.Errorf("%v, reused %v", err, r.x.Trace.Reused)
	}
}

func TestAKeptConnectionThatIsClosedIsSeenBeforeAPost(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{
		Handler:     func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) },
		MaxRequests: 1,
	}
	b := newBackend(t, config(s.Start(t)), upstream.Events{})
	for range 20 {
		r := request("POST", "body")
		if err := r.do(t, b); err != nil || r.x.Trace.Tries != 1 {
			t.Fatalf("%v after %d tries", err, r.x.Trace.Tries)
		}
	}
	if n := len(s.Requests()); n != 20 {
		t.Errorf("%d requests ran for 20", n)
	}
}

func TestANewConnectionThatEndsWithoutAReplyIsNotReplayed(t *testing.T) {
	harness.NoLeaks(t)
	crash := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Close()}
	b := newBackend(t, config(fcgitest.StartScripts(t, crash, serveOnce())), upstream.Events{})
	r, err := get(t, b)
	if !errors.Is(err, fcgi.ErrStale) || r.x.Trace.Tries != 1 || upstream.Status(err) != 502 {
		t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
	}
}

func TestReceivedBytesForbidAReplay(t *testing.T) {
	for name, sent := range map[string]fcgitest.Step{
		"stdout":        fcgitest.Stdout([]byte("A:")),
		"stderr":        fcgitest.Stderr([]byte("x")),
		"half a record": fcgitest.Send([]byte{1, 6, 0}),
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			dies := append(hangUp()[:3:3], sent, fcgitest.Close())
			b := newBackend(t, config(fcgitest.StartScripts(t, dies, serveOnce())), upstream.Events{})
			fine(t, b)
			r, err := get(t, b)
			if !errors.Is(err, fcgi.ErrTruncated) || r.x.Trace.Tries != 1 || !r.x.Trace.Reused {
				t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
			}
		})
	}
}

func TestTriesBoundTheReplays(t *testing.T) {
	harness.NoLeaks(t)
	cfg := config(fcgitest.StartScripts(t, hangUp(), serveOnce()))
	cfg.Tries = 1
	b := newBackend(t, cfg, upstream.Events{})
	fine(t, b)
	if r, err := get(t, b); !errors.Is(err, fcgi.ErrStale) || r.x.Trace.Tries != 1 {
		t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
	}
}

func TestEachAttemptGetsTheWholeBody(t *testing.T) {
	harness.NoLeaks(t)
	got := make(chan string, 1)
	path := nowhere(t)
	fcgitest.PlayOn(t, listen(t, path), hangUp())
	b := newBackend(t, config(path), upstream.Events{})
	fine(t, b)
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		got <- string(r.Stdin)
		_, _ = w.WriteString(hello)
	}}
	cfg := config(fcgitest.StartScripts(t, hangUp()), s.Start(t))
	two := newBackend(t, cfg, upstream.Events{})
	o := &opener{body: strings.Repeat("abc", 100_000)}
	for o.opened < 2 { // until a request met the connection that hangs up
		r := request("PUT", "")
		r.in.OpenBody, r.in.BodyLen = o.open, int64(len(o.body))
		o.opened = 0
		if err := r.do(t, two); err != nil {
			t.Fatal(err)
		}
		select {
		case body := <-got:
			if body != o.body {
				t.Fatalf("%d bytes arrived", len(body))
			}
		default: // the script took it
		}
	}
}

func TestABodyThatCannotBeOpenedFailsTheRequest(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := respond(t, hello)
	b := newBackend(t, config(addr), upstream.Events{})
	o := &opener{err: errors.New("disk on fire")}
	r := request("PUT", "")
	r.in.OpenBody, r.in.BodyLen = o.open, 5
	if err := r.do(t, b); err != o.err || len(s.Requests()) != 0 {
		t.Errorf("%v, %d requests", err, len(s.Requests()))
	}
	fine(t, b)
}

func TestARefusedDialWaitsForTheServer(t *testing.T) {
	harness.NoLeaks(t)
	path := nowhere(t)
	cfg := config(path)
	cfg.RetryTimeout = patience
	down, up := make(chan error, 1), make(chan string, 1)
	b := newBackend(t, cfg, upstream.Events{
		ServerDown: func(_, server string, err error) { down <- fmt.Errorf("%s: %w", server, err) },
		ServerUp:   func(_, server string) { up <- server },
	})
	r := request("POST", "x")
	done := r.start(t, b)
	if err := await(t, down); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("ServerDown: %v", err)
	}
	fcgitest.PlayOn(t, listen(t, path), serveOnce())
	if err := await(t, done); err != nil {
		t.Fatal(err)
	}
	if s := await(t, up); s != "unix:"+path {
		t.Errorf("ServerUp: %s", s)
	}
	if r.x.Trace.Tries != 1 || r.x.Trace.Connect <= 0 {
		t.Errorf("%+v", r.x.Trace)
	}
}

func TestTheRetryTimeoutBoundsTheWait(t *testing.T) {
	harness.NoLeaks(t)
	for _, limit := range []time.Duration{0, 50 * time.Millisecond} {
		cfg := config(nowhere(t))
		cfg.RetryTimeout = limit
		start := time.Now()
		r, err := get(t, newBackend(t, cfg, upstream.Events{}))
		var dial *upstream.DialError
		if !errors.As(err, &dial) || !errors.Is(err, syscall.ENOENT) || upstream.Status(err) != 502 {
			t.Errorf("%v", err)
		}
		if took := time.Since(start); took < limit || took > limit+5*time.Second || r.x.Trace.Tries != 1 {
			t.Errorf("limit %v: %v, %d tries", limit, took, r.x.Trace.Tries)
		}
	}
}

func TestAClientThatLeavesEndsTheWaitForAServer(t *testing.T) {
	harness.NoLeaks(t)
	errGone := errors.New("gone")
	cfg := config(nowhere(t))
	cfg.RetryTimeout = patience
	r := request("GET", "")
	r.out.tickErr.Store(&errGone)
	start := time.Now()
	if err := r.do(t, newBackend(t, cfg, upstream.Events{})); time.Since(start) > patience/2 || r.x.Cause() != errGone {
		t.Errorf("%v after %v, cause %v", err, time.Since(start), r.x.Cause())
	}
}

// overloaded answers every request with FCGI_OVERLOADED.
func overloaded(tb testing.TB, before string) (*fcgitest.Server, string) {
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString(before)
		_ = w.End(0, fcgi.StatusOverloaded)
	}}
	return s, s.Start(tb)
}

func TestAnOverloadedServerIs503(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := overloaded(t, "")
	r, err := get(t, newBackend(t, config(addr), upstream.Events{}))
	if !errors.Is(err, fcgi.ErrOverloaded) || upstream.Status(err) != 503 || !upstream.Busy(err) {
		t.Error(err)
	}
	if r.x.Trace.Tries != 1 || len(s.Requests()) != 1 {
		t.Errorf("%d tries at the only server", r.x.Trace.Tries)
	}
}

func TestAnotherServerIsAskedWhenOneIsOverloaded(t *testing.T) {
	harness.NoLeaks(t)
	_, full := overloaded(t, "")
	s, addr := respond(t, hello)
	b := newBackend(t, config(full, addr), upstream.Events{})
	for i := range 6 { // POST too: the first server says that nothing has run
		r := request("POST", "x")
		if err := r.do(t, b); err != nil || r.out.body.String() != "hello" {
			t.Fatalf("request %d: %v after %d tries", i, err, r.x.Trace.Tries)
		}
	}
	if n := len(s.Requests()); n != 6 {
		t.Errorf("%d requests ran", n)
	}
}

func TestAnOverloadedServerThatHasAnsweredIsNotReplayed(t *testing.T) {
	harness.NoLeaks(t)
	_, a := overloaded(t, "A: b\r\n\r\n")
	_, b := overloaded(t, "A: b\r\n\r\n")
	r, err := get(t, newBackend(t, config(a, b), upstream.Events{}))
	if !errors.Is(err, fcgi.ErrOverloaded) || r.x.Trace.Tries != 1 {
		t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
	}
}
