package responder_test

import (
	"testing"
	"time"
)

// rest is more than a kept connection must have been unused before a POST is
// trusted to it. The tests cannot see it pass but by the clock.
const rest = 50 * time.Millisecond

// A kept connection that ends without a byte of a reply, behind a request that
// the responder has read, may have been closed by the request. Only what may run
// twice is sent again.
func TestARequestThatMayHaveRunIsNotSentAgain(t *testing.T) {
	for _, tt := range []struct {
		method string
		want   want
		runs   int
	}{
		{"GET", reply("again"), 2},
		{"POST", page(502), 1},
	} {
		t.Run(tt.method, func(t *testing.T) {
			check := noLeaks(t)
			app := (&responder{plan: plan{scripts: []script{{closes()}, {says(out(goodHead+"again"), end())}}}}).listen(t, "unix")
			r := start(t, "unix", nil, app)
			defer check()
			defer r.close()
			r.good("before")
			<-time.After(rest)
			tt.want.check(t, r.asks(at(tt.method, 0), tt.method, false))
			if n := app.count(path); n != tt.runs {
				t.Errorf("the request reached the responder %d times", n)
			}
			if q := app.first(path); q.conn != app.first("/good.php").conn {
				t.Error("it did not come on the kept connection")
			}
			r.checkHouse(privateSlots)
		})
	}
}
