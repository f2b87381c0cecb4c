package responder_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// crowd are the keys of a gateway that serves many requests at once, each of
// which may stand still for a second.
var crowd = keys{"max_conns": "128", "read_timeout": `"2s"`}

func TestAReplyThatStallsAtEveryByteEndsByReadTimeout(t *testing.T) {
	for _, s := range []sample{unsized, declared} {
		t.Run(s.name+"/private", func(t *testing.T) { stallEverywhere(t, s, false) })
		t.Run(s.name+"/shared", func(t *testing.T) { stallEverywhere(t, s, true) })
	}
}

// stallEverywhere has as many requests at once as the reply has bytes; each
// reply stops at another one. On a shared connection a record that stops stops
// everyone, so there it is behind every record.
func stallEverywhere(t *testing.T, s sample, shared bool) {
	check := noLeaks(t)
	app := (&responder{mpxs: shared}).listen(t, "unix")
	k, slots := crowd, 128
	if shared {
		k = merge(crowd, keys{"max_conns": "1", "streams": strconv.Itoa(slots)})
	}
	r := start(t, "unix", k, app)
	defer check()
	defer r.close()
	n := &neighbour{}
	if shared {
		r.untilShared()
		n = r.neighbour()
	}
	app.answerBy(func(q *request) script { return script{says(first(q.offset(), s.bytes)), stalls()} })
	places := s.places(shared)
	heard := r.crowd(places)
	access := r.accessFor(places)
	for i, h := range heard {
		at := places[i]
		checkStall(t, s, at, h)
		e := access[atURI(at)]
		if e.Status != h.status || !strings.Contains(e.Error, "sent nothing in time") {
			t.Errorf("stalled behind %d bytes: %+v", at, e)
		}
	}
	if shared {
		checkAborts(t, app, n, len(places))
	} else {
		harness.Eventually(t, "the connections are closed", func() bool { return app.open() == 0 })
		if a := app.aborts(); a > 0 {
			t.Errorf("%d ABORT_REQUEST on private connections", a)
		}
	}
	r.checkHouse(slots)
}

// checkAborts wants every request ended by a record of its own, and the
// connection to live.
func checkAborts(t *testing.T, app *responder, n *neighbour, want int) {
	t.Helper()
	harness.Eventually(t, "every request is aborted", func() bool { return n.conn.aborted() >= want })
	n.finish(spared)
	if a := app.aborts(); a != want {
		t.Errorf("%d ABORT_REQUEST for %d requests", a, want)
	}
}

// crowd sends requests at once, one for each of the places.
func (r *rig) crowd(places []int) []heard {
	list := make([]heard, len(places))
	var wg sync.WaitGroup
	for i, n := range places {
		wg.Go(func() { // ends with the response
			c := r.dial()
			defer c.close()
			c.send(at("GET", n))
			list[i] = c.read("GET", nil)
			if list[i].status == 200 && list[i].complete {
				c.ends(list[i])
			}
		})
	}
	wg.Wait()
	return list
}

func checkStall(t *testing.T, s sample, at int, h heard) {
	t.Helper()
	body, headed := s.body(at)
	all, _ := s.body(len(s.bytes(1)))
	ok := h.status == 504 && h.complete
	if headed {
		ok = h.status == 200 && h.body == body && (h.broken() || s == declared && body == all)
	}
	if !ok {
		t.Errorf("stalled behind %d bytes, body %q: %v", at, body, h)
	}
}

// A record that stops within holds up all of its shared connection.
func TestARecordThatStallsOnASharedConnectionEndsItOnly(t *testing.T) {
	check := noLeaks(t)
	app := (&responder{mpxs: true, plan: plays(says(out(goodHead), claims(stdout, 100, "half")), blocks())}).listen(t, "unix")
	r := start(t, "unix", merge(sharing, keys{"read_timeout": `"1s"`}), app)
	defer check()
	defer r.close()
	r.untilShared()
	n := r.neighbour()
	if h := r.asks("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n", "GET", true); !h.broken() || h.body != "half" {
		t.Errorf("the request whose record stalls: %v", h)
	}
	n.finish(lost)
	r.good("afterwards")
	if app.last("/good.php").conn == n.conn {
		t.Error("the next request is on the connection that stalls")
	}
	r.checkHouse(sharedSlots)
}

func TestAReplyWithoutEndEndsByRequestTimeout(t *testing.T) {
	for _, tt := range []struct {
		name string
		plan plan
		want want
	}{
		{"of header bytes", plays(drips(nil, out("X"))), page(504)},
		{"of STDERR", plays(drips(nil, errOut("."))), page(504)},
		{"of body bytes", plays(says(out(goodHead)), drips(nil, out("."))), want{outcome: broken, status: 200}},
		{"of management records", plays(drips(nil, manage(getValuesResult, ""))), page(504)},
		{"of records without content and with padding", plays(trickles(1, padded(stderr, "", 255)), stalls()), page(504)},
	} {
		for _, shared := range []bool{false, true} {
			t.Run(tt.name+map[bool]string{true: "/shared", false: "/private"}[shared], func(t *testing.T) {
				check := noLeaks(t)
				app := (&responder{mpxs: shared, plan: tt.plan}).listen(t, "unix")
				k := keys{}
				if shared {
					k = sharing
				}
				r := start(t, "unix", merge(k, keys{"request_timeout": `"500ms"`}), app)
				defer check()
				defer r.close()
				if shared {
					r.untilShared()
				}
				h := r.asks("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n", "GET", true)
				tt.want.body = strings.Repeat(".", strings.Count(h.body, ".")) // as many as there was time for
				tt.want.check(t, h)
				if e := r.access(path); e.Status != tt.want.status || !strings.Contains(e.Error, "longer than request_timeout") {
					t.Errorf("access record: %+v", e)
				}
				r.good("afterwards")
			})
		}
	}
}
