package upstream_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestRepliesAreTakenForWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		name, method, reply string
		status              int
		header, body        string
		reused              bool // may the connection carry another request
	}{
		{"plain", "GET", hello, 200, "Content-Type: text/plain", "hello", true},
		{"status", "GET", "Status: 404 No\r\nA: b\r\n\r\nx", 404, "A: b", "x", true},
		{"no body", "GET", "Status: 204\r\n\r\n", 204, "", "", true},
		{"redirect without status", "GET", "Location: /x\r\n\r\n", 302, "Location: /x", "", true},
		{"exact length", "GET", "Content-Length: 2\r\n\r\nab", 200, "", "ab", true},
		{"more than its length", "GET", "Content-Length: 2\r\n\r\nabc", 200, "", "ab", false},
		{"body behind length 0", "GET", "Content-Length: 0\r\n\r\nabc", 200, "", "", false},
		{"length without body on HEAD", "HEAD", "Content-Length: 9\r\n\r\n", 200, "", "", true},
		{"length without body on 304", "GET", "Status: 304\r\nContent-Length: 9\r\n\r\n", 304, "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.NoLeaks(t)
			_, addr := respond(t, c.reply)
			b := newBackend(t, config(addr), upstream.Events{})
			r := request(c.method, "")
			if err := r.do(t, b); err != nil {
				t.Fatal(err)
			}
			if r.out.status != c.status || r.out.header != c.header || r.out.body.String() != c.body {
				t.Errorf("%d %q %q", r.out.status, r.out.header, r.out.body.String())
			}
			again := request(c.method, "")
			if err := again.do(t, b); err != nil || again.x.Trace.Reused != c.reused {
				t.Errorf("%v, reused %v", err, again.x.Trace.Reused)
			}
		})
	}
}

func TestBadRepliesAreErrors(t *testing.T) {
	for _, c := range []struct{ name, reply, want string }{
		{"nothing", "", "it is empty"},
		{"half a head", "Content-Type: text/html\r\nX-", "ends within its header"},
		{"a head without its blank line", "A: b\r\n", "ends within its header"},
		{"blank line first", "\r\nhello", "without a header"},
		{"no colon", "hello\r\n\r\n", "no colon"},
		{"two statuses", "Status: 200\r\nStatus: 200\r\n\r\n", "more than one Status"},
		{"two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", "conflicting Content-Length"},
		{"shorter than its length", "Content-Length: 9\r\n\r\nabc", "shorter than its Content-Length"},
		{"a head beyond the limit", "X: " + strings.Repeat("x", 5000) + "\r\n\r\n", "exceeds 4096 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.NoLeaks(t)
			s, addr := respond(t, c.reply)
			cfg := config(addr)
			cfg.MaxResponseHeader = 4096
			b := newBackend(t, cfg, upstream.Events{})
			r, err := get(t, b)
			if !isReply(err, c.want) || upstream.Status(err) != 502 {
				t.Errorf("%v, status %d", err, upstream.Status(err))
			}
			if n := len(s.Requests()); n != 1 || r.x.Trace.Tries != 1 {
				t.Errorf("%d requests, %d tries: received bytes forbid another", n, r.x.Trace.Tries)
			}
			if again, _ := get(t, b); again.x.Trace.Reused {
				t.Error("the connection was used again")
			}
		})
	}
}

func TestStderrAloneIsAnEmptyReply(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		_ = w.Stderr([]byte("PHP Fatal error"))
	}}
	b := newBackend(t, config(s.Start(t)), upstream.Events{})
	r, err := get(t, b)
	if !isReply(err, "it is empty") || r.out.stderr.String() != "PHP Fatal error" {
		t.Errorf("%v, stderr %q", err, r.out.stderr.String())
	}
	if r.x.Trace.FirstByte <= 0 {
		t.Error("stderr is a first byte too")
	}
}

func TestInterimResponsesPrecedeTheHead(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := respond(t, "Status: 103\r\nLink: </a>\r\n\r\nStatus: 103\r\nLink: </b>\r\n\r\nStatus: 201\r\nA: b\r\n\r\nbody")
	r := fine(t, newBackend(t, config(addr), upstream.Events{}))
	if !slices.Equal(r.out.interim, []string{"103 Link: </a>", "103 Link: </b>"}) || r.out.status != 201 ||
		r.out.header != "A: b" || r.out.body.String() != "body" {
		t.Errorf("%q, %d %q %q", r.out.interim, r.out.status, r.out.header, r.out.body.String())
	}
	if got := strings.Join(r.out.calls[:3], " "); got != "interim head body" {
		t.Errorf("calls %v", r.out.calls)
	}
}

func TestAReplyOfInterimResponsesOnlyIsIncomplete(t *testing.T) {
	_, addr := respond(t, "Status: 103\r\nLink: </a>\r\n\r\n")
	if _, err := get(t, newBackend(t, config(addr), upstream.Events{})); !isReply(err, "ends within its header") {
		t.Error(err)
	}
}

func TestPausesComeBetweenWhatArrivesAndOnlyBehindAHead(t *testing.T) {
	harness.NoLeaks(t)
	waiting, paused := make(chan struct{}), make(chan struct{})
	addr := fcgitest.StartScripts(t, fcgitest.Script{
		fcgitest.ExpectRequest(),
		fcgitest.Stdout([]byte("A: b\r\n")), fcgitest.Wait(waiting),
		fcgitest.Stdout([]byte("\r\none")), fcgitest.Wait(paused),
		fcgitest.Reply("two"),
	})
	b := newBackend(t, config(addr), upstream.Events{})
	r := request("GET", "")
	r.out.onPaused = func() { close(paused) } // once only, or it panics
	done := r.start(t, b)
	// Half a head: no pause may be told of, so let the script go on from here.
	harness.Eventually(t, "the wait for the rest of the head", func() bool { return r.out.ticks.Load() > 1 })
	close(waiting)
	if err := await(t, done); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.out.calls, " "); got != "head body pause body done" {
		t.Errorf("calls: %s", got)
	}
}

func TestTheRequestArrivesAsItWasGiven(t *testing.T) {
	harness.NoLeaks(t)
	body := strings.Repeat("0123456789", 20_000)
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		_, _ = w.WriteString("A: " + r.Params["REQUEST_METHOD"] + "\r\n\r\n")
		_, _ = w.Write(r.Stdin)
	}}
	b := newBackend(t, config(s.Start(t)), upstream.Events{})
	for name, prepare := range map[string]func(c *call){
		"in memory": func(*call) {},
		"by reader": func(c *call) {
			c.in.Body, c.in.OpenBody = nil, func() (io.Reader, error) { return strings.NewReader(body), nil }
		},
	} {
		r := request("PUT", body)
		prepare(r)
		if err := r.do(t, b); err != nil {
			t.Fatal(name, err)
		}
		if r.out.header != "A: PUT" || r.out.body.String() != body {
			t.Errorf("%s: %q, %d bytes", name, r.out.header, r.out.body.Len())
		}
	}
}

func TestErrorsOfTheReplysMethodsEndTheRequest(t *testing.T) {
	errMine := errors.New("mine")
	harness.NoLeaks(t)
	_, addr := respond(t, hello)
	b := newBackend(t, config(addr), upstream.Events{})
	fail := func() error { return errMine }
	for name, prepare := range map[string]func(a *answer){
		"Head": func(a *answer) { a.onHead = fail },
		"Body": func(a *answer) { a.onBody = fail },
	} {
		r := request("GET", "")
		prepare(&r.out)
		if err := r.do(t, b); err != errMine || r.x.Trace.Tries != 1 {
			t.Errorf("%s: %v, %d tries", name, err, r.x.Trace.Tries)
		}
	}
	fine(t, b)
}

func TestTruncatedRepliesAreErrors(t *testing.T) {
	for _, sent := range []string{"A: b\r\n\r\nhal", "A: b\r\n"} {
		harness.NoLeaks(t)
		addr := fcgitest.StartScripts(t, fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte(sent))},
			fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Reply(hello)})
		r, err := get(t, newBackend(t, config(addr), upstream.Events{}))
		if !errors.Is(err, fcgi.ErrTruncated) || upstream.Status(err) != 502 || r.x.Trace.Tries != 1 {
			t.Errorf("%q: %v, %d tries", sent, err, r.x.Trace.Tries)
		}
	}
}
