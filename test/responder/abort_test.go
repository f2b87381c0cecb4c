package responder_test

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// leaver is a reply whose client goes away.
type leaver struct {
	name  string
	plan  plan
	early bool // it goes before anything of the response has come
}

var leavers = []leaver{
	{name: "before the reply", plan: plays(stalls()), early: true},
	{name: "behind the head", plan: plays(says(out(goodHead+"part")), stalls())},
	{name: "while body bytes come", plan: plays(says(out(goodHead)), drips(nil, out(".")))},
	{name: "while STDERR comes", plan: plays(drips(nil, errOut("."))), early: true},
}

// leave sends a request and closes the client's connection in the middle.
func (l leaver) leave(r *rig) {
	r.t.Helper()
	c := r.dial()
	defer c.close()
	c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
	if l.early {
		harness.Eventually(r.t, "the request has come", func() bool { return r.apps[0].count(path) > 0 })
		return
	}
	if _, err := c.readHead(); err != nil {
		r.t.Errorf("head of the response: %v", err)
	}
}

func (l leaver) checkLog(r *rig) {
	r.t.Helper()
	if e := r.access(path); e.Status != 499 || !strings.Contains(e.Error, "client") {
		r.t.Errorf("access record: %+v", e)
	}
	if failed := r.failures()[path]; len(failed) > 0 {
		r.t.Errorf("error log: %+v", failed)
	}
}

func TestAClientThatLeavesClosesAPrivateConnection(t *testing.T) {
	for _, l := range leavers {
		t.Run(l.name, func(t *testing.T) {
			check := noLeaks(t)
			app := (&responder{plan: l.plan}).listen(t, "unix")
			r := start(t, "unix", nil, app)
			defer check()
			defer r.close()
			l.leave(r)
			harness.Eventually(t, "the connection is closed", func() bool { return app.last(path) != nil && app.last(path).conn.isGone() })
			l.checkLog(r)
			if n := app.aborts(); n > 0 {
				t.Errorf("%d ABORT_REQUEST on a private connection, which php-fpm takes for a part of the request", n)
			}
			r.checkHouse(privateSlots)
		})
	}
}

func TestAClientThatLeavesAbortsItsRequestOnASharedConnection(t *testing.T) {
	for _, l := range leavers {
		t.Run(l.name+"/with a neighbour", func(t *testing.T) { l.abort(t, true) })
		t.Run(l.name+"/alone", func(t *testing.T) { l.abort(t, false) })
	}
}

// abort wants ABORT_REQUEST and a connection that goes on.
func (l leaver) abort(t *testing.T, beside bool) {
	check := noLeaks(t)
	app := (&responder{plan: l.plan, mpxs: true}).listen(t, "unix")
	r := start(t, "unix", sharing, app)
	defer check()
	defer r.close()
	r.untilShared()
	var n *neighbour
	if beside {
		n = r.neighbour()
	}
	l.leave(r)
	harness.Eventually(t, "the request is aborted", func() bool { return app.last(path) != nil && app.last(path).conn.aborted() > 0 })
	l.checkLog(r)
	bad := app.last(path)
	r.good("on the same connection")
	if again := app.last("/good.php").conn; again != bad.conn {
		t.Errorf("the next request is on connection %d, and the aborted one was on %d", again.number, bad.conn.number)
	}
	if beside {
		n.finish(spared)
	}
	if got := app.aborts(); got != 1 {
		t.Errorf("%d ABORT_REQUEST", got)
	}
	r.checkHouse(sharedSlots)
}

// A responder need not care for ABORT_REQUEST. The id of the request is its
// until it has ended it, and nothing of the reply reaches anyone.
func TestAnAbortThatIsIgnoredHurtsNobody(t *testing.T) {
	check := noLeaks(t)
	done := make(chan struct{})
	late := says(out(strings.Repeat("secret", 1000)), errOut("secret\n"), end())
	app := (&responder{mpxs: true, plan: plays(says(out(goodHead+"part")), unmovedUntil(done), late)}).listen(t, "unix")
	r := start(t, "unix", sharing, app)
	defer check()
	defer r.close()
	r.untilShared()
	n := r.neighbour()
	leavers[1].leave(r)
	harness.Eventually(t, "the request is aborted", func() bool { return n.conn.aborted() > 0 })
	r.good("while the aborted one goes on")
	if bad, good := app.last(path), app.last("/good.php"); good.conn == bad.conn && good.id == bad.id {
		t.Errorf("id %d was used again before its request had ended", bad.id)
	}
	close(done)
	r.good("when the aborted one has ended")
	n.finish(spared)
	r.checkHouse(sharedSlots)
}
