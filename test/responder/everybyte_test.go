package responder_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// sample is a good reply that tests cut or stop at every byte.
type sample struct {
	name string
	head string
}

var (
	unsized  = sample{"without Content-Length", goodHead}
	declared = sample{"with Content-Length", sized(len("first second"))}
)

// bytes are the reply as records.
func (s sample) bytes(id uint16) []byte {
	return join(errOut("e\n"), out(s.head[:9]), out(s.head[9:]), out("first "), padded(stdout, "second", 3), end())(id)
}

// places are where the reply can end: everywhere, or between two records.
func (s sample) places(betweenRecords bool) (list []int) {
	all := s.bytes(1)
	next := 0
	for n := range all {
		if n == next {
			h := parseHeader(all[n:])
			next += headerLen + h.length + h.padding
			list = append(list, n)
		} else if !betweenRecords {
			list = append(list, n)
		}
	}
	return list
}

// content returns what of STDOUT is in the first n bytes of the reply.
func (s sample) content(n int) string {
	var b strings.Builder
	for rest := s.bytes(1)[:n]; len(rest) >= headerLen; {
		h := parseHeader(rest)
		rest = rest[headerLen:]
		if h.kind == stdout {
			b.Write(rest[:min(h.length, len(rest))])
		}
		rest = rest[min(h.length+h.padding, len(rest)):]
	}
	return b.String()
}

// body returns what of the body is in the first n bytes of the reply; ok is
// false if the head is not complete in them.
func (s sample) body(n int) (body string, ok bool) { return strings.CutPrefix(s.content(n), s.head) }

// at is the request for a reply of which n bytes come.
func at(method string, n int) string {
	length := ""
	if method == "POST" {
		length = "Content-Length: 0\r\n"
	}
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, atURI(n), length)
}

func atURI(n int) string { return fmt.Sprintf("%s?at=%d", path, n) }

// offset is the n of such a request.
func (r *request) offset() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(r.params["QUERY_STRING"], "at="))
	return n
}

// cutter is one way to have replies cut at every byte.
type cutter struct {
	name   string
	method string
	warm   bool // on a connection that has carried another request
	shared bool
	late   bool // the client has the head before the connection is closed
}

var cutters = []cutter{
	{name: "first request of a connection", method: "GET"},
	{name: "GET on a kept connection", method: "GET", warm: true},
	{name: "POST", method: "POST"},
	{name: "shared connection", method: "GET", shared: true},
	{name: "head of the response first", method: "GET", late: true},
	{name: "head of the response first, shared connection", method: "GET", late: true, shared: true},
}

func TestAReplyCutAtEveryByteIsNeverTakenForAWholeOne(t *testing.T) {
	for _, s := range []sample{unsized, declared} {
		for _, c := range cutters {
			if s == declared && c.warm {
				continue // tells nothing new
			}
			t.Run(s.name+"/"+c.name, func(t *testing.T) { c.run(t, s) })
		}
	}
}

// script is the reply cut at the request's offset. A second run of the request
// gets the whole reply.
func (c cutter) script(s sample) func(q *request) script {
	seen := map[int]bool{} // guarded by the responder's lock
	return func(q *request) script {
		n := q.offset()
		if seen[n] {
			return script{says(s.bytes)}
		}
		seen[n] = true
		if _, headed := s.body(n); c.late && headed {
			k := len(join(errOut("e\n"), out(s.head[:9]), out(s.head[9:]))(1))
			return script{says(first(k, s.bytes)), untilSeen(), says(raw(string(s.bytes(q.id)[k:n]))), closes()}
		}
		return script{says(first(n, s.bytes)), closes()}
	}
}

func (c cutter) run(t *testing.T, s sample) {
	check := noLeaks(t)
	app := (&responder{mpxs: c.shared}).listen(t, "unix")
	k, slots := keys{}, privateSlots
	if c.shared {
		k, slots = sharing, sharedSlots
	}
	r := start(t, "unix", k, app)
	defer check()
	defer r.close()
	if c.shared {
		r.untilShared()
	}
	app.answerBy(c.script(s))
	for n := range s.bytes(1) {
		if c.warm {
			r.good("before")
		}
		if t.Failed() {
			return // each of the other places would take its time to fail, too
		}
		c.check(r, s, n, r.asks(at(c.method, n), c.method, !c.replayed(n)))
	}
	r.good("afterwards")
	c.checkLogs(r, s.places(false))
	r.checkHouse(slots)
}

// replayed says whether a request whose connection was closed behind n bytes is
// sent again: only when no byte of a reply came on a connection that may have
// been closed before, and not if it might run twice. On a shared connection it
// takes a record's content to tell whose reply has begun.
func (c cutter) replayed(n int) bool {
	return c.method == "GET" && (n == 0 && c.warm || c.shared && n <= headerLen)
}

func (c cutter) check(r *rig, s sample, n int, h heard) {
	r.t.Helper()
	body, headed := s.body(n)
	all, _ := s.body(len(s.bytes(1)))
	ok := false
	switch {
	case c.shared && n <= headerLen: // again if another request was on the connection before
		ok = h.status == 502 && h.complete || h.status == 200 && h.complete && h.body == all
	case c.replayed(n):
		ok = h.status == 200 && h.complete && h.body == all
	case !headed:
		ok = h.status == 502 && h.complete
	case c.late || h.status == 200:
		ok = h.status == 200 && h.body == body && (h.broken() || s == declared && body == all)
	default:
		ok = h.status == 502 && h.complete
	}
	if !ok {
		r.t.Errorf("cut behind %d bytes, body %q: %v", n, body, h)
	}
}

// checkLogs wants every cut named.
func (c cutter) checkLogs(r *rig, places []int) {
	r.t.Helper()
	access, failed := r.accessFor(places), r.failures()
	for _, n := range places {
		c.checkLog(r.t, n, access[atURI(n)], failed[atURI(n)])
	}
}

// accessFor returns the access records of requests whose replies end at places.
func (r *rig) accessFor(places []int) map[string]entry {
	r.t.Helper()
	uris := make([]string, len(places))
	for i, n := range places {
		uris[i] = atURI(n)
	}
	return r.accessAll(uris...)
}

func (c cutter) checkLog(t testing.TB, n int, e entry, failed []entry) {
	t.Helper()
	again := e.Tries > 1
	if again && !c.replayed(n) || !again && c.warm && c.replayed(n) {
		t.Errorf("cut behind %d bytes: %d tries", n, e.Tries)
	}
	if !again && !strings.HasPrefix(e.Error, "fcgi: connection ended") || again && e.Status == 200 && e.Error != "" {
		t.Errorf("cut behind %d bytes: %+v", n, e)
	}
	if len(failed) > 1 || e.Status == 502 && len(failed) == 0 {
		t.Errorf("cut behind %d bytes: error log %+v", n, failed)
	}
}

// asks sends a request on a connection of its own and reads the response. When
// that has all its bytes without the responder having ended it, as cut says, the
// gateway must close the connection behind it.
func (r *rig) asks(request, method string, cut bool) heard {
	c := r.dial()
	defer c.close()
	p := r.apps[0].follow()
	c.send(request)
	h := c.read(method, func() { close(p.seen) })
	close(p.over)
	if cut && h.status == 200 && h.complete {
		c.ends(h)
	}
	return h
}

// ends fails unless the gateway closes the connection behind a response whose
// every declared byte has come, and not the end of the reply.
func (c *client) ends(h heard) {
	c.t.Helper()
	if b, err := c.in.ReadByte(); err == nil || isTimeout(err) {
		c.t.Errorf("behind %v: %q, %v", h, b, err)
	}
}
