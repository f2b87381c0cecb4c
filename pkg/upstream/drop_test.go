package upstream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestTheRestOfARefusedReplyIsReadIfItIsShort(t *testing.T) {
	errMine := fmt.Errorf("mine: %w", upstream.ErrUnwanted)
	long := strings.Repeat("x", 100<<10)
	reply := func(text string) fcgitest.Script {
		return fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Reply(text), fcgitest.ExpectRequest(), fcgitest.Reply(hello), fcgitest.Drain()}
	}
	for _, c := range []struct {
		name   string
		script fcgitest.Script
		kept   bool
	}{
		{"no body", reply("Status: 404\r\n\r\n"), true},
		{"a short body", reply("Status: 404\r\n\r\n" + long[:10<<10]), true},
		{"a body of a declared length", reply("Status: 404\r\nContent-Length: 10\r\n\r\n0123456789"), true},
		{"a body that is longer than declared", reply("Status: 404\r\nContent-Length: 1\r\n\r\n0123456789"), true},
		{"a long body", reply("Status: 404\r\n\r\n" + long), false},
		{"a declared length that is too much", reply("Status: 404\r\nContent-Length: 102400\r\n\r\n" + long), false},
		{"an end that does not come", fcgitest.Script{
			fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("Status: 404\r\n\r\nbegun")), fcgitest.Stall(),
		}, false},
		{"an end of the connection", fcgitest.Script{
			fcgitest.ExpectRequest(), fcgitest.Stdout([]byte("Status: 404\r\n\r\nbegun")),
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.NoLeaks(t)
			b := newBackend(t, config(fcgitest.StartScripts(t, c.script, serveOnce())), upstream.Events{})
			r := request("GET", "")
			r.out.onHead = func() error { return errMine }
			if err := r.do(t, b); err != errMine || r.x.Trace.Tries != 1 || r.out.body.Len() > 0 {
				t.Errorf("%v, %d tries, %d bytes", err, r.x.Trace.Tries, r.out.body.Len())
			}
			if again := fine(t, b); again.x.Trace.Reused != c.kept || again.x.Trace.Tries != 1 {
				t.Errorf("reused %v, %d tries", again.x.Trace.Reused, again.x.Trace.Tries)
			}
		})
	}
}

func TestAnyOtherErrorOfAReplyEndsItAtOnce(t *testing.T) {
	harness.NoLeaks(t)
	errMine := errors.New("mine")
	addr := fcgitest.StartScripts(t, fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Reply("Status: 404\r\n\r\n"), fcgitest.Drain()}, serveOnce())
	b := newBackend(t, config(addr), upstream.Events{})
	r := request("GET", "")
	r.out.onHead = func() error { return errMine }
	if err := r.do(t, b); err != errMine {
		t.Error(err)
	}
	if again := fine(t, b); again.x.Trace.Reused {
		t.Error("the connection was used again")
	}
}

func TestAReplyLongerThanItsLengthIsNoted(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := respond(t, "Content-Length: 2\r\n\r\nabc")
	r := fine(t, newBackend(t, config(addr), upstream.Events{}))
	if !isReply(r.x.Trace.Err, "longer than its Content-Length") {
		t.Errorf("%v", r.x.Trace.Err)
	}
}
