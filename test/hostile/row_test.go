package hostile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// row is one sequence of bytes, and all that may come of it.
//
// A canary request is pipelined behind it in the same write. When the
// connection is to stay open it must be answered, and reach the backend as it
// is; else it must not.
type row struct {
	name string
	ref  string // the section, CVE or attack that says so
	send string

	want   []int    // statuses, in order, without the canary's
	reach  []string // what the backend gets, see scene.report, without the canary
	ends   bool     // the connection is closed behind the last answer
	alone  bool     // no canary: the bytes have no end
	eof    bool     // the client ends its side behind the bytes
	may100 bool     // 100 may come or not: it depends on whether the body is here yet
	rude   bool     // the client has asked for the end and goes on: a reset is its own doing
	method string   // of the first request, if it is HEAD
	never  []string // what no param may hold

	app    string   // what the backend answers to the request, see app
	body   string   // of the first final answer; "" is any
	fields []string // lines that the first final answer must have
	gone   []string // names that it must not have

	// broken says why the gateway is known to fail the row. The row is then
	// expected to fail, so that a repair is noticed.
	broken string
}

// serves is a row whose requests are served; the connection stays open.
func serves(name, ref, send string, reach ...string) row {
	return row{name: name, ref: ref, send: send, want: slices.Repeat([]int{200}, len(reach)), reach: reach}
}

// refuses is a row that is refused; the connection ends.
func refuses(status int, name, ref, send string) row {
	return row{name: name, ref: ref, send: send, want: []int{status}, ends: true}
}

// get is a GET with more lines, each ending in CRLF.
func get(lines string) string {
	return "GET / HTTP/1.1\r\nHost: ex.test\r\n" + lines + "\r\n"
}

// post is a POST with more lines, and what follows the head.
func post(lines, body string) string {
	return "POST / HTTP/1.1\r\nHost: ex.test\r\n" + lines + "\r\n" + body
}

// chunked is a POST whose body is what chunks says.
func chunked(chunks string) string { return post("Transfer-Encoding: chunked\r\n", chunks) }

const (
	canary  = "GET /canary HTTP/1.1\r\nHost: canary.test\r\nConnection: close\r\n\r\n"
	smuggle = "GET /smuggled HTTP/1.1\r\nHost: ex.test\r\n\r\n"

	canaryReached = `GET /canary HTTP_HOST="canary.test"`
)

// transport is how bytes come to the gateway.
type transport struct {
	name  string
	scene scene
	dial  func() (net.Conn, error)
}

// pace is how many bytes are written at a time; 0 is all.
type pace struct {
	name  string
	piece int
}

// check sends the row and compares everything.
func (r *row) check(t *testing.T, g *gateway, via *transport, p pace) {
	t.Helper()
	err := r.try(g, via, p)
	switch {
	case r.broken != "" && (via.name != "plain" || p.piece > 0): // it may hold there, by chance
	case r.broken == "" && err != nil:
		t.Errorf("%s: %v\n%.600q", r.ref, err, r.send)
	case r.broken != "" && err == nil:
		t.Errorf("%s holds now, although %s: take the mark off", r.ref, r.broken)
	}
}

func (r *row) try(g *gateway, via *transport, p pace) error {
	before := len(g.backend.Requests())
	got, err := r.exchange(via, p)
	if r.rude && errors.Is(err, syscall.ECONNRESET) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%w, behind %.300q", err, got)
	}
	if err := neighbour(via); err != nil {
		return err
	}
	seen := g.backend.Requests()[before:]
	return errors.Join(r.checkAnswers(got), r.checkReached(via, seen))
}

// exchange sends everything and reads until the gateway ends the connection.
func (r *row) exchange(via *transport, p pace) ([]byte, error) {
	nc, err := via.dial()
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		return nil, err
	}
	written := make(chan struct{})
	go func() { // ends when all is written, or with the connection
		defer close(written)
		r.write(nc, p.piece)
	}()
	got, err := io.ReadAll(nc)
	nc.Close()
	<-written
	return got, err
}

// write sends the row; the gateway may end the connection before all is sent.
func (r *row) write(nc net.Conn, piece int) {
	raw := r.send
	if !r.alone {
		raw += canary
	}
	for len(raw) > 0 {
		n := len(raw)
		if piece > 0 {
			n = min(n, piece)
		}
		if _, err := io.WriteString(nc, raw[:n]); err != nil {
			return
		}
		raw = raw[n:]
	}
	if c, ok := nc.(interface{ CloseWrite() error }); ok && r.eof {
		_ = c.CloseWrite() // the answer tells
	}
}

// neighbour asks on a connection of its own.
func neighbour(via *transport) error {
	r := row{send: get("Connection: close\r\n"), alone: true}
	got, err := r.exchange(via, pace{})
	if err != nil {
		return fmt.Errorf("another connection: %w", err)
	}
	list, err := readAnswers(got, "GET")
	if err != nil || len(list) != 1 || list[0].status != 200 || list[0].body != "ran" {
		return fmt.Errorf("another connection got %.300q: %w", got, err)
	}
	return nil
}

func (r *row) checkAnswers(got []byte) error {
	list, err := readAnswers(got, r.method, "GET")
	if err != nil {
		return fmt.Errorf("%w in %.500q", err, got)
	}
	want := slices.Clone(r.want)
	if !r.ends {
		want = append(want, 200)
	}
	var statuses []int
	for _, a := range list {
		if !r.may100 || a.status != 100 {
			statuses = append(statuses, a.status)
		}
	}
	if !slices.Equal(statuses, want) {
		return fmt.Errorf("statuses %d, want %d: %.300q", statuses, want, got)
	}
	for i, a := range list {
		said, _ := a.field("Connection")
		if last := i == len(list)-1; last != strings.Contains(said, "close") && a.status >= 200 && !r.eof {
			return fmt.Errorf("answer %d of %d says Connection: %q", i+1, len(list), said)
		}
	}
	return r.checkFirst(list)
}

// checkFirst looks at the first final answer.
func (r *row) checkFirst(list []answer) error {
	for len(list) > 0 && list[0].status < 200 {
		list = list[1:]
	}
	if len(list) == 0 {
		return nil
	}
	a := list[0]
	if r.body != "" && a.body != r.body {
		return fmt.Errorf("body %.200q, want %.200q", a.body, r.body)
	}
	for _, line := range r.fields {
		if !slices.Contains(a.lines, line) {
			return fmt.Errorf("no line %q in %q", line, a.lines)
		}
	}
	for _, name := range r.gone {
		if value, n := a.field(name); n > 0 {
			return fmt.Errorf("%s: %s is in the answer", name, value)
		}
	}
	return nil
}

func (r *row) checkReached(via *transport, seen []*fcgitest.Request) error {
	want := slices.Clone(r.reach)
	if !r.ends {
		want = append(want, canaryReached)
	}
	want = append(want, "GET /") // the neighbour
	var got []string
	for _, q := range seen {
		got = append(got, via.scene.report(q))
		for name, value := range q.Params {
			if slices.ContainsFunc(r.never, func(s string) bool { return strings.Contains(value, s) }) {
				return fmt.Errorf("%s=%q", name, value)
			}
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the backend got %q, want %q", got, want)
	}
	return nil
}
