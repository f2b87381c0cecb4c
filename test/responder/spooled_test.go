package responder_test

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// spooled is the size of replies that a client does not read and that go to
// temporary files therefore.
const spooled = 8 << 20

// The worker is gone when the client comes to the place where the reply breaks
// off; it must see the break nevertheless.
func TestAReplyThatBreaksOffWhileItIsQueuedIsBroken(t *testing.T) {
	large := strings.Repeat("x", 32<<10)
	for _, tt := range []struct {
		name   string
		end    step
		whole  bool
		reason string
	}{
		{"end of the reply", says(end()), true, ""},
		{"end of the connection", closes(), false, endedWithin},
		{"protocol error", says(foreign(stdout, 7, "secret")), false, foreignID},
		{"protocol status", says(ends(0, overloaded)), false, "overloaded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := noLeaks(t)
			written := make(chan struct{}, 1)
			app := (&responder{plan: plays(says(out(goodHead)), floods(stdout, large, spooled), tt.end, tells(written))}).listen(t, "unix")
			r := start(t, "unix", keys{"response_buffer": `"64KiB"`}, app)
			defer check()
			defer r.close()
			c := r.dial()
			defer c.close()
			c.send(at("GET", 0))
			<-written // before the client has read a byte
			h := c.read("GET", nil)
			if h.status != 200 || h.complete != tt.whole || !tt.whole && !h.broken() || len(h.body) != spooled || strings.Trim(h.body, "x") != "" {
				t.Errorf("client: %v", h)
			}
			if e := r.access(atURI(0)); (e.Error == "") != tt.whole || !strings.Contains(e.Error, tt.reason) || e.Bytes != spooled {
				t.Errorf("record: %+v", e)
			}
			c.close()
			r.noTemp()
			r.checkHouse(privateSlots)
		})
	}
}

func TestAClientThatLeavesAQueuedReplyLeavesNoFile(t *testing.T) {
	check := noLeaks(t)
	written := make(chan struct{}, 1)
	app := (&responder{plan: plays(says(out(goodHead)), floods(stdout, strings.Repeat("x", 32<<10), spooled), tells(written), stalls())}).listen(t, "unix")
	r := start(t, "unix", keys{"response_buffer": `"64KiB"`}, app)
	defer check()
	defer r.close()
	c := r.dial()
	c.send(at("GET", 0))
	<-written
	c.close()
	harness.Eventually(t, "the connection is closed", func() bool { return app.last(path).conn.isGone() })
	if e := r.access(atURI(0)); e.Status != 499 {
		t.Errorf("record: %+v", e)
	}
	r.noTemp()
	r.checkHouse(privateSlots)
}
