package responder_test

import "github.com/fcgigw/fcgigw/test/harness"

// checkHouse proves from outside that no request holds or waits for a slot: as
// many requests as there are slots get one at once, and the next one is turned
// away at once, because nothing may wait. Either fails when a slot is lost or a
// count is wrong by one.
func (r *rig) checkHouse(slots int) {
	r.t.Helper()
	g := r.apps[0].gates
	answers := make(chan heard, slots)
	for range slots {
		go func() { answers <- r.get("/hold.php") }() // ends with the answer
	}
	held := 0
	for range slots {
		select {
		case <-g.held:
			held++
		case h := <-answers:
			r.t.Errorf("of %d slots not all are free: %v", slots, h)
		}
	}
	if h := r.get("/good.php"); held == slots && (h.status != 503 || !h.complete || h.get("retry-after") != "1") {
		r.t.Errorf("more than %d requests at once: %v, Retry-After %q", slots, h, h.get("retry-after"))
	}
	g.letGo()
	for range held {
		if h := <-answers; h.status != 200 || h.body != "held" || !h.complete {
			r.t.Errorf("a held request: %v", h)
		}
	}
	r.good("afterwards")
}

// slots is how many requests the rigs of the tables serve at once, on private
// connections and on a shared one.
const (
	privateSlots = 2
	sharedSlots  = 4
)

// sharing are the keys of a gateway that asks whether connections can be shared.
var sharing = keys{"max_conns": "1", "streams": "4", "multiplex": `"auto"`}

// untilShared waits until the gateway has learned that it can share
// connections: two requests are then served at once on the only connection.
func (r *rig) untilShared() {
	r.t.Helper()
	g := r.apps[0].gates
	harness.Eventually(r.t, "connections are shared", func() bool {
		first := make(chan heard, 1)
		go func() { first <- r.get("/hold.php") }() // ends with the answer
		select {
		case <-g.held:
		case <-first: // came while the pools were exchanged
			return false
		}
		second := r.get("/good.php")
		g.letGo()
		<-first
		return second.status == 200
	})
}
