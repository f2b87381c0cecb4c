package responder_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

// Over TCP a crash of the responder's machine, or of a responder that has not
// read everything, is a reset and not an end.
func TestAConnectionThatIsResetIsNeverTakenForTheEndOfAReply(t *testing.T) {
	good := says(out(goodHead+"good"), end())
	for _, tt := range []struct {
		name    string
		request string
		plan    plan
		want    want
		runs    int // at least
		most    int
	}{
		{"before the reply to a GET, once", at("GET", 0), plan{scripts: []script{{resets()}, {good}}}, reply("good"), 2, 2},
		{"before the reply to a GET, always", at("GET", 0), plays(resets()), page(502), 2, 50},
		{"before the reply to a POST", post, plan{scripts: []script{{resets()}, {good}}}, page(502), 1, 1},
		{"within the header", at("GET", 0), plays(says(out("Content-Type: te")), resets()), page(502), 1, 1},
		{"within the body", at("GET", 0), plays(says(out(goodHead+"part")), untilSeen(), resets()), cut("part"), 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := noLeaks(t)
			app := (&responder{plan: tt.plan}).listen(t, "tcp")
			r := start(t, "tcp", nil, app)
			defer check()
			defer r.close()
			method, _, _ := strings.Cut(tt.request, " ")
			tt.want.check(t, r.asks(tt.request, method, false))
			if n := app.count(path); n < tt.runs || n > tt.most {
				t.Errorf("the request reached the responder %d times", n)
			}
			r.checkHouse(privateSlots)
		})
	}
}

// A client of HTTP/1.0 knows the end of a body by the end of the connection: a
// broken reply must be a reset to it.
func TestABrokenReplyIsAResetToClientsOfHTTP10(t *testing.T) {
	for _, tt := range []struct {
		name string
		plan plan
		want error
	}{
		{"whole", plays(says(out(goodHead+"part")), untilSeen(), says(end())), nil},
		{"broken", plays(says(out(goodHead+"part")), untilSeen(), closes()), syscall.ECONNRESET},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := noLeaks(t)
			app := (&responder{plan: tt.plan}).listen(t, "unix")
			r := start(t, "tcp", nil, app)
			defer check()
			defer r.close()
			h := r.asks("GET "+path+" HTTP/1.0\r\nHost: x\r\n\r\n", "GET", false)
			if h.status != 200 || !errors.Is(h.err, tt.want) || !strings.HasPrefix("part", h.body) || errors.Is(h.err, io.EOF) {
				t.Errorf("%v", h)
			}
			r.checkHouse(privateSlots)
		})
	}
}
