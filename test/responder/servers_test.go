package responder_test

import (
	"testing"
)

// refusals are the ways in which a responder says that it has not run a request.
var refusals = []struct {
	name   string
	status byte
	page   int // what the client gets when there is no other server
}{
	{"OVERLOADED", overloaded, 503},
	{"CANT_MPX_CONN", cantMpxConn, 502},
	{"UNKNOWN_ROLE", unknownRole, 502},
}

// refusesOnce answers the first request that comes to any of the responders by
// a protocol status, and those behind it as they should be.
func refusesOnce(status byte) func(*request) script {
	refused := make(chan struct{}, 1)
	return func(*request) script {
		select {
		case refused <- struct{}{}:
			return script{says(ends(0, status))}
		default:
			return script{says(out(goodHead+"other"), end())}
		}
	}
}

const post = "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"

func TestARequestThatAServerRefusesIsSentToAnother(t *testing.T) {
	for _, tt := range refusals {
		for _, method := range []string{"GET", "POST"} {
			t.Run(tt.name+"/"+method, func(t *testing.T) {
				check := noLeaks(t)
				g, by := newGates(), refusesOnce(tt.status)
				a := (&responder{gates: g, plan: plan{by: by}}).listen(t, "unix")
				b := (&responder{gates: g, plan: plan{by: by}}).listen(t, "unix")
				r := start(t, "unix", nil, a, b)
				defer check()
				defer r.close()
				request := post
				if method == "GET" {
					request = at("GET", 0)
				}
				if h := r.asks(request, method, false); h.status != 200 || h.body != "other" || !h.complete {
					t.Errorf("client: %v", h)
				}
				if a.count(path) != 1 || b.count(path) != 1 {
					t.Errorf("the servers got %d and %d requests", a.count(path), b.count(path))
				}
				r.checkHouse(2 * privateSlots)
			})
		}
	}
}

func TestARequestThatEveryServerRefusesIsAnsweredSoon(t *testing.T) {
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			check := noLeaks(t)
			g, p := newGates(), plays(says(ends(0, tt.status)))
			a := (&responder{gates: g, plan: p}).listen(t, "unix")
			b := (&responder{gates: g, plan: p}).listen(t, "unix")
			r := start(t, "unix", nil, a, b)
			defer check()
			defer r.close()
			w := page(tt.page)
			w.check(t, r.asks(post, "POST", false))
			if n := a.count(path) + b.count(path); n < 2 || n > 3 || a.count(path) == 0 || b.count(path) == 0 {
				t.Errorf("the servers got %d and %d requests, want both some and not more than tries", a.count(path), b.count(path))
			}
			r.checkHouse(2 * privateSlots)
		})
	}
}

// A server that has said it multiplexes and then refuses to is believed: the
// request runs, and so do those behind it, on connections of their own.
func TestMultiplexingIsGivenUpOnCantMpxConn(t *testing.T) {
	check := noLeaks(t)
	app := (&responder{mpxs: true, plan: plan{by: refusesOnce(cantMpxConn)}}).listen(t, "unix")
	r := start(t, "unix", merge(sharing, keys{"max_conns": "2"}), app)
	defer check()
	defer r.close()
	r.untilShared()
	n := r.neighbour()
	if h := r.asks(post, "POST", false); h.status != 200 || h.body != "other" || !h.complete {
		t.Errorf("client: %v", h)
	}
	n.finish(spared)
	r.checkHouse(2)
}
