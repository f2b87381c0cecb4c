package responder_test

import (
	"strings"
	"testing"
)

// The access log may be off: what goes wrong behind the head of a response is in
// the error log, as is what goes wrong before it.
func TestABrokenReplyIsInTheErrorLog(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		plan         plan
	}{
		{"connection closed", endedWithin, plays(says(out(goodHead+"part")), untilSeen(), closes())},
		{"protocol error", foreignID, plays(says(out(goodHead+"part")), untilSeen(), says(foreign(stdout, 7, "x")), stalls())},
		{"Content-Length too long", tooShort, plays(says(out(sized(9)+"part")), untilSeen(), says(end()))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := noLeaks(t)
			app := (&responder{plan: tt.plan}).listen(t, "unix")
			r := start(t, "unix", nil, app)
			defer check()
			defer r.close()
			if h := r.asks(at("GET", 0), "GET", false); !h.broken() {
				t.Errorf("client: %v", h)
			}
			r.access(atURI(0)) // which is written last
			list := r.log("error.log")[atURI(0)]
			if len(list) != 1 || !strings.Contains(list[0].Error, tt.reason) {
				t.Errorf("error log: %+v", list)
			}
		})
	}
}
