package responder_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// row is one bad behaviour and what must be seen of it.
type row struct {
	name   string
	method string // of the request; "" is GET
	body   string // of the request
	keys   keys
	plan   plan

	client want
	log    logged
	runs   int    // how often the request may reach the responder at most; 0: once
	keep   keep   // what becomes of the private connection
	shared fate   // of a neighbour on a shared connection
	begun  string // on a shared connection the client may have got this much of the body before all is known
}

// keep says whether a connection carries the next request.
type keep int

const (
	closed keep = iota
	kept
	either // both are right, and which it is depends on who is faster
)

// fate is what becomes of a healthy request on the same connection.
type fate int

const (
	alone  fate = iota // the row is about private connections
	spared             // it gets its whole reply
	lost               // the connection cannot be trusted: it is broken visibly
)

// want is what a client must see.
type want struct {
	outcome
	status int
	body   string
	more   func(h *heard) error // what else must hold
}

type outcome int

const (
	whole   outcome = iota // the responder's reply, complete
	refused                // the gateway's own page, complete
	broken                 // the beginning of a reply, and visibly no more
)

// logged is what the one access record must say besides the status.
type logged struct {
	reason  string // part of the error; "": there is none
	app     int64
	stderr  []string
	dropped int64
}

const path = "/bad.php"

func (tt *row) requestMethod() string {
	if tt.method == "" {
		return "GET"
	}
	return tt.method
}

func (tt *row) request() string {
	length := ""
	if tt.body != "" {
		length = fmt.Sprintf("Content-Length: %d\r\n", len(tt.body))
	}
	return tt.requestMethod() + " " + path + " HTTP/1.1\r\nHost: x\r\n" + length + "\r\n" + tt.body
}

// ask sends the row's request. When it is answered in good order the next
// request on the client's connection must be, too.
func (tt *row) ask(r *rig) heard {
	r.t.Helper()
	c := r.dial()
	defer c.close()
	at := r.apps[0].follow()
	c.send(tt.request())
	h := c.read(tt.requestMethod(), func() { close(at.seen) })
	close(at.over)
	if h.complete {
		if next := c.get("/good.php"); !next.complete || next.body != "good" {
			r.t.Errorf("the next response on the client's connection: %v", next)
		}
	}
	return h
}

// check compares what a client got.
func (w *want) check(t testing.TB, h heard) {
	t.Helper()
	ok := h.status == w.status
	switch w.outcome {
	case whole:
		ok = ok && h.complete && h.body == w.body
	case refused:
		ok = ok && h.complete && strings.Contains(h.body, fmt.Sprintf("<h1>%d ", w.status)) &&
			h.get("content-type") == "text/html; charset=utf-8" && (h.get("retry-after") != "") == (w.status == 503)
	case broken:
		ok = ok && h.broken() && h.body == w.body
	}
	if !ok {
		t.Errorf("client: got %v; want %v of status %d, body %.120q", h, w.outcome, w.status, w.body)
	}
	if w.more == nil {
		return
	}
	if err := w.more(&h); err != nil {
		t.Errorf("client: %v in %v, %.500q", err, h, h.fields)
	}
}

func (o outcome) String() string {
	return [...]string{"a whole reply", "an error page", "a broken reply"}[o]
}

// checkLog compares the access record, and the error log with it.
func (tt *row) checkLog(r *rig) {
	r.t.Helper()
	e := r.access(path)
	if e.Status != tt.client.status || e.Backend != "app" || e.Tries < 1 || e.Server == "" {
		r.t.Errorf("access record: %+v, want status %d", e, tt.client.status)
	}
	if tt.client.outcome != refused && tt.method != "HEAD" && e.Status == 200 && e.Bytes != int64(len(tt.client.body)) {
		r.t.Errorf("access record: %d bytes, want %d", e.Bytes, len(tt.client.body))
	}
	want := &tt.log
	if (e.Error != "") != (want.reason != "") || !strings.Contains(e.Error, want.reason) {
		r.t.Errorf("access record: error %q, want %q", e.Error, want.reason)
	}
	if e.AppStatus != want.app || !slices.Equal(e.Stderr, want.stderr) || e.StderrDropped != want.dropped {
		r.t.Errorf("access record: app_status %d, stderr %.300q and %d bytes more, want %+v", e.AppStatus, e.Stderr, e.StderrDropped, want)
	}
	failed := r.failures()[path]
	if len(failed) > 1 || tt.client.outcome == refused && len(failed) != 1 || tt.client.outcome == whole && len(failed) > 0 {
		r.t.Errorf("error log: %+v", failed)
	}
	for _, f := range failed {
		if f.Status != tt.client.status || f.Error != e.Error {
			r.t.Errorf("error log: %+v, want status %d and %q", f, tt.client.status, e.Error)
		}
	}
}

// private runs the row on a private connection.
func (tt *row) private(t *testing.T) {
	check := noLeaks(t)
	app := (&responder{plan: tt.plan}).listen(t, "unix")
	r := start(t, "unix", tt.keys, app)
	defer check()
	defer r.close()
	tt.client.check(t, tt.ask(r))
	tt.checkLog(r)
	if n := app.count(path); n < 1 || n > max(tt.runs, 1) {
		t.Errorf("the request reached the responder %d times", n)
	}
	tt.checkConn(r)
	r.noTemp()
	r.checkHouse(privateSlots)
}

// checkConn looks whether the private connection was kept.
func (tt *row) checkConn(r *rig) {
	r.t.Helper()
	app := r.apps[0]
	c := app.last(path).conn
	if tt.keep == closed {
		harness.Eventually(r.t, "the connection is closed", c.isGone)
	}
	r.good("afterwards")
	if again := app.last("/good.php").conn == c; again != (tt.keep == kept) && tt.keep != either {
		r.t.Errorf("the next request is on the same connection: %v", again)
	}
	if n := c.aborted(); n > 0 {
		r.t.Errorf("%d ABORT_REQUEST on a private connection", n)
	}
}

// beside runs the row on a shared connection with a healthy request beside it.
func (tt *row) beside(t *testing.T) {
	check := noLeaks(t)
	app := (&responder{plan: tt.plan, mpxs: true}).listen(t, "unix")
	r := start(t, "unix", merge(sharing, tt.keys), app)
	defer check()
	defer r.close()
	r.untilShared()
	n := r.neighbour()
	h := tt.ask(r)
	if tt.begun != "" && h.status == 200 {
		tt.client = cut(tt.begun)
	}
	tt.client.check(t, h)
	tt.checkLog(r)
	if q := app.first(path); q == nil || q.conn != n.conn {
		t.Error("the request did not come on the neighbour's connection")
	}
	n.finish(tt.shared)
	if tt.shared == lost {
		harness.Eventually(t, "the connection is closed", n.conn.isGone)
	}
	if r.good("afterwards"); tt.keep == kept && app.last("/good.php").conn != n.conn {
		t.Error("the next request is on another connection")
	}
	r.noTemp()
	r.checkHouse(sharedSlots)
}

// neighbour is a healthy request on a shared connection.
type neighbour struct {
	r     *rig
	conn  *conn
	reply chan heard
}

// neighbour begins a request whose reply goes on until finish.
func (r *rig) neighbour() *neighbour {
	r.t.Helper()
	n := &neighbour{r: r, reply: make(chan heard, 1)}
	begun := make(chan struct{})
	go func() { // ends with the reply
		c := r.dial()
		defer c.close()
		c.send("GET /neighbour.php HTTP/1.1\r\nHost: x\r\n\r\n")
		n.reply <- c.read("GET", func() { close(begun) })
	}()
	select {
	case <-begun:
	case h := <-n.reply:
		r.t.Fatalf("the neighbour: %v", h)
	}
	n.conn = r.apps[0].last("/neighbour.php").conn
	return n
}

var neighbourReply = regexp.MustCompile(`^one \.* two$`)

// finish ends the neighbour's reply and checks that it met its fate.
func (n *neighbour) finish(f fate) {
	n.r.t.Helper()
	if f == lost {
		h := <-n.reply // it ends by itself
		if !h.broken() || strings.Trim(h.body, "one .") != "" {
			n.r.t.Errorf("the neighbour on a connection that was lost: %v", h)
		}
		return
	}
	n.r.apps[0].gates.letGo()
	if h := <-n.reply; h.status != 200 || !h.complete || !neighbourReply.MatchString(h.body) {
		n.r.t.Errorf("the neighbour: %v", h)
	}
}

func (tt *row) run(t *testing.T) {
	t.Run("private", tt.private)
	if tt.shared != alone {
		t.Run("shared", tt.beside)
	}
}
