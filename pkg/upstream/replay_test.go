package upstream_test

import (
	"errors"
	"math/bits"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// everything is every failure there is.
const everything = upstream.RetryNonIdempotent<<1 - 1

// failing is a way in which a server fails one request.
type failing struct {
	name   string
	script fcgitest.Script // of the first connection; nil: nobody listens
	rules  upstream.Retry  // any of which lets a GET be repeated
	post   upstream.Retry  // the same of a POST; 0: the same
	unseen bool            // it is known of a POST that the application has not seen it
	kept   bool            // it is the second request of its connection
	busy   bool            // which was in use a moment ago
	others bool            // there is another server
	reset  bool            // it reads no more than it says, and what is left resets its connections
	tcp    bool
}

// picky is a listener whose connections are read in small pieces.
type picky struct{ net.Listener }

func (l picky) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	return &fcgitest.Conn{Conn: nc, MaxRead: 8}, err
}

func (f *failing) listener(l net.Listener) net.Listener {
	if f.reset {
		return picky{l}
	}
	return l
}

func failings() []failing {
	const lost = upstream.RetryStale | upstream.RetryError
	over := func(status uint8) fcgitest.Script {
		return fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.End(0, status), fcgitest.Drain()}
	}
	says := func(text string) fcgitest.Script {
		return fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Reply(text), fcgitest.Drain()}
	}
	halfClose := func(before ...fcgitest.Step) fcgitest.Script {
		return append(before, fcgitest.ExpectRequest(), fcgitest.CloseWrite(), fcgitest.Drain())
	}
	first := []fcgitest.Step{fcgitest.ExpectRequest(), fcgitest.Reply(hello)}
	return []failing{
		{name: "no server", rules: upstream.RetryRefused, unseen: true, others: true},
		{name: "kept, half closed", script: halfClose(first...), rules: lost, post: upstream.RetryError, kept: true},
		{name: "kept, half closed, TCP", script: halfClose(first...), rules: lost, kept: true, tcp: true},
		{name: "kept, closed", script: hangUp(), rules: lost, post: upstream.RetryError, kept: true},
		{name: "new, half closed", script: halfClose(), rules: upstream.RetryError},
		{name: "new, closed", script: fcgitest.Script{fcgitest.ExpectRequest()}, rules: upstream.RetryError},
		{name: "new, never taken", script: fcgitest.Script{fcgitest.Expect(8)}, rules: lost, post: upstream.RetryClosed, unseen: true, reset: true},
		{name: "new, reset amid the work", script: fcgitest.Script{fcgitest.Expect(72)}, rules: lost, post: upstream.RetryError, reset: true},
		{name: "new, reset, TCP", script: fcgitest.Script{fcgitest.Expect(8)}, rules: lost, reset: true, tcp: true},
		{name: "kept and busy, not taken", script: append(first[:2:2], fcgitest.Expect(8)), rules: lost, post: upstream.RetryClosed, unseen: true, kept: true, busy: true, reset: true},
		{name: "kept and busy, reset amid the work", script: append(first[:2:2], fcgitest.Expect(72)), rules: lost, post: upstream.RetryError, kept: true, busy: true, reset: true},
		{name: "closed amid the head", script: fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("A: b\r\n"))}, rules: upstream.RetryError},
		{name: "closed behind stderr", script: fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stderr([]byte("oh"))}, rules: upstream.RetryError},
		{name: "silent", script: fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stall()}, rules: upstream.RetryTimeout},
		{name: "silent, never taken", script: fcgitest.Script{fcgitest.Stall()}, rules: upstream.RetryTimeout, post: upstream.RetryRefused, unseen: true, others: true},
		{name: "silent amid the head", script: fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("A: b\r\n")), fcgitest.Stall()}, rules: upstream.RetryTimeout},
		{name: "no head", script: says("hello, world\r\n\r\n"), rules: upstream.RetryInvalid},
		{name: "empty", script: says(""), rules: upstream.RetryInvalid},
		{name: "foreign id", script: fcgitest.Script{
			fcgitest.ExpectRequest(), fcgitest.SendFor(func(id uint16) []byte { return fcgi.AppendEnd(nil, id+1, fcgi.End{}) }), fcgitest.Drain(),
		}, rules: upstream.RetryInvalid},
		{name: "overloaded", script: over(fcgi.StatusOverloaded), rules: upstream.RetryOverloaded, unseen: true, others: true},
		{name: "unknown role", script: over(fcgi.StatusUnknownRole), rules: upstream.RetryOverloaded, unseen: true, others: true},
		{name: "cannot multiplex", script: over(fcgi.StatusCantMpxConn), rules: upstream.RetryOverloaded, unseen: true, others: true},
		{name: "403", script: says("Status: 403\r\n\r\nno"), rules: upstream.RetryHTTP403, others: true},
		{name: "404", script: says("Status: 404\r\n\r\nno"), rules: upstream.RetryHTTP404, others: true},
		{name: "429", script: says("Status: 429\r\n\r\nno"), rules: upstream.RetryHTTP429, others: true},
		{name: "500", script: says("Status: 500\r\n\r\nno"), rules: upstream.RetryHTTP500, others: true},
		{name: "502", script: says("Status: 502\r\n\r\nno"), rules: upstream.RetryHTTP502, others: true},
		{name: "503", script: says("Status: 503\r\n\r\nno"), rules: upstream.RetryHTTP503, others: true},
		{name: "504", script: says("Status: 504\r\n\r\nno"), rules: upstream.RetryHTTP504, others: true},
	}
}

// run does one request of that method and reports whether it was repeated, well.
func (f *failing) run(t *testing.T, method string, retry upstream.Retry) (repeated bool) {
	t.Helper()
	harness.NoLeaks(t)
	b := newBackend(t, f.config(t, retry), upstream.Events{})
	r := request(method, "")
	if f.kept {
		fine(t, b)
		if !f.busy {
			time.Sleep(20 * time.Millisecond) // the rest that lets a POST be sent without more ado
		}
	}
	err := r.do(t, b)
	repeated = r.x.Trace.Tries == 2
	switch {
	case r.x.Trace.Tries > 2:
		t.Errorf("%d tries", r.x.Trace.Tries)
	case repeated && (err != nil || r.out.body.String() != "hello" || r.x.Trace.Reused):
		t.Errorf("repeated in vain: %v, %q, %+v", err, r.out.body.String(), r.x.Trace)
	case !repeated && err == nil && r.out.status < 400:
		t.Error("nothing failed")
	}
	return repeated
}

// config has a server that fails once, and one that does not where there is
// another.
func (f *failing) config(t *testing.T, retry upstream.Retry) upstream.Config {
	var cfg upstream.Config
	good := serveOnce()
	switch {
	case f.script == nil:
		cfg = config(fcgitest.StartScripts(t, good), nowhere(t))
	case f.others:
		cfg = config(fcgitest.StartScripts(t, good), fcgitest.StartScripts(t, f.script))
	case f.tcp:
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		fcgitest.PlayOn(t, f.listener(l), f.script, good)
		cfg = config(l.Addr().String())
	case f.reset:
		path := nowhere(t)
		fcgitest.PlayOn(t, f.listener(listen(t, path)), f.script, good)
		cfg = config(path)
	default:
		cfg = config(fcgitest.StartScripts(t, f.script, good))
	}
	if strings.HasPrefix(f.name, "silent") {
		cfg.ReadTimeout = 30 * time.Millisecond
	}
	if f.busy { // only php-fpm's is used
		cfg.MaxConnsFrom = upstream.PoolFile
	}
	cfg.Retry = retry
	return cfg
}

// of returns the rules for a method.
func (f *failing) of(method string) upstream.Retry {
	if method == "POST" && f.post != 0 {
		return f.post
	}
	return f.rules
}

func TestARequestIsRepeatedAfterTheFailuresOfTheListOnly(t *testing.T) {
	const any, watched = upstream.RetryNonIdempotent, upstream.RetryClosed
	for _, f := range failings() {
		t.Run(f.name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				rules := f.of(method)
				for rest := rules; rest != 0; rest &= rest - 1 {
					rule := upstream.Retry(1) << bits.TrailingZeros16(uint16(rest))
					if got := f.run(t, method, rule|watched); got != (method == "GET" || f.unseen) {
						t.Errorf("rule %b: %s repeated: %v", rule, method, got)
					}
					if !f.run(t, method, rule|watched|any) {
						t.Errorf("rule %b: %s is not repeated with non_idempotent", rule, method)
					}
				}
				if !f.busy && f.run(t, method, everything&^rules) && rules&watched == 0 {
					t.Errorf("%s is repeated by another rule", method)
				}
			}
		})
	}
}

func TestTheDefaultRepeatsNoRequestThatMayRunTwice(t *testing.T) {
	for _, f := range failings() {
		t.Run(f.name, func(t *testing.T) {
			if got := f.run(t, "POST", upstream.RetrySafe); got != f.unseen {
				t.Errorf("POST repeated: %v", got)
			}
			if got := f.run(t, "GET", upstream.RetrySafe); got != (f.rules&upstream.RetrySafe != 0) {
				t.Errorf("GET repeated: %v", got)
			}
		})
	}
}

func TestNothingIsRepeatedWithoutARule(t *testing.T) {
	for _, f := range failings() {
		if f.busy {
			continue // without the rule such a connection is not used
		}
		t.Run(f.name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST"} {
				if f.run(t, method, upstream.RetryNonIdempotent) {
					t.Errorf("%s is repeated", method)
				}
			}
		})
	}
}

func TestNothingIsRepeatedBehindAHeadThatWasPassedOn(t *testing.T) {
	for name, step := range map[string]fcgitest.Step{
		"head":        fcgitest.Stdout([]byte("A: b\r\n\r\n")),
		"early hints": fcgitest.Stdout([]byte("Status: 103\r\nLink: </a>\r\n\r\n")),
		"head and garbage": fcgitest.SendFor(func(id uint16) []byte {
			return append(fcgi.AppendStream(nil, fcgi.TypeStdout, id, []byte("A: b\r\n\r\nx")), "garbage!"...)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			cfg := config(fcgitest.StartScripts(t, fcgitest.Script{fcgitest.ExpectRequest(), step}, serveOnce()))
			cfg.Retry = everything
			if r, err := get(t, newBackend(t, cfg, upstream.Events{})); err == nil || r.x.Trace.Tries != 1 {
				t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
			}
		})
	}
}

func TestAContinueOfTheApplicationForbidsNoReplay(t *testing.T) {
	harness.NoLeaks(t)
	bad := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("Status: 100\r\n\r\n"))} // it is not passed on
	cfg := config(fcgitest.StartScripts(t, bad, serveOnce()))
	cfg.Retry = everything
	if r, err := get(t, newBackend(t, cfg, upstream.Events{})); err != nil || r.x.Trace.Tries != 2 {
		t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
	}
}

func TestTheLastServersAnswerIsPassedOn(t *testing.T) {
	harness.NoLeaks(t)
	a, addrA := respond(t, "Status: 503\r\n\r\nfrom a")
	b, addrB := respond(t, "Status: 503\r\n\r\nfrom b")
	cfg := config(addrA, addrB)
	cfg.Retry, cfg.Tries = everything, 9
	up := newBackend(t, cfg, upstream.Events{})
	for i := range 4 {
		r := fine(t, up)
		if r.out.status != 503 || !strings.HasPrefix(r.out.body.String(), "from ") || r.x.Trace.Tries != 2 {
			t.Errorf("%d %q, %d tries", r.out.status, r.out.body.String(), r.x.Trace.Tries)
		}
		if (i > 0) != r.x.Trace.Reused { // the declined answers were read to their ends
			t.Errorf("request %d: reused %v", i, r.x.Trace.Reused)
		}
	}
	if len(a.Requests()) != 4 || len(b.Requests()) != 4 || a.Accepted() != 1 || b.Accepted() != 1 {
		t.Errorf("%d and %d requests on %d and %d connections", len(a.Requests()), len(b.Requests()), a.Accepted(), b.Accepted())
	}
}

func TestNoFailureIsRepeatedWithoutBound(t *testing.T) {
	for _, f := range failings() {
		if f.kept || f.script == nil {
			continue // there is one kept connection at most; dials have tests of their own
		}
		t.Run(f.name, func(t *testing.T) {
			harness.NoLeaks(t)
			for _, tries := range []int{1, 2, 5} {
				scripts := make([]fcgitest.Script, 20)
				for i := range scripts {
					scripts[i] = f.script
				}
				cfg := config(fcgitest.StartScripts(t, scripts...), fcgitest.StartScripts(t, scripts...))
				cfg.Retry, cfg.Tries, cfg.ReadTimeout = everything, tries, 20*time.Millisecond
				r, err := get(t, newBackend(t, cfg, upstream.Events{}))
				want := tries
				if status := r.out.status; status != 0 {
					want = min(tries, 2) // an answer is declined while there is another server
				} else if err == nil {
					t.Error("no error")
				}
				if r.x.Trace.Tries != want {
					t.Errorf("%d tries, %d made: %v", tries, r.x.Trace.Tries, err)
				}
			}
		})
	}
}

func TestNoAttemptBeginsLaterThanTheRetryTimeout(t *testing.T) {
	harness.NoLeaks(t)
	scripts := make([]fcgitest.Script, 100)
	for i := range scripts {
		scripts[i] = fcgitest.Script{fcgitest.Expect(8)} // reset
	}
	path := nowhere(t)
	fcgitest.PlayOn(t, picky{listen(t, path)}, scripts...)
	cfg := config(path)
	cfg.Retry, cfg.Tries, cfg.RetryTimeout = everything, 100, 300*time.Millisecond
	start := time.Now()
	r, err := get(t, newBackend(t, cfg, upstream.Events{}))
	if !errors.Is(err, fcgi.ErrStale) || r.x.Trace.Tries < 2 || r.x.Trace.Tries > 20 {
		t.Errorf("%v, %d tries", err, r.x.Trace.Tries)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("took %v", took)
	}
}

func TestWhatTheConfigurationCallsFailuresAreFailures(t *testing.T) {
	var got upstream.Retry
	for _, name := range []string{
		"refused", "closed", "stale", "overloaded", "error", "timeout", "invalid_header",
		"http_403", "http_404", "http_429", "http_500", "http_502", "http_503", "http_504", "non_idempotent",
	} {
		r := upstream.RetryNamed(name)
		if bits.OnesCount16(uint16(r)) != 1 || got&r != 0 {
			t.Errorf("%s: %b", name, r)
		}
		got |= r
	}
	if got != everything || upstream.RetryNamed("http_200") != 0 || upstream.RetryNamed("") != 0 {
		t.Errorf("%b of %b", got, everything)
	}
}
