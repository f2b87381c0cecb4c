package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// dialog is a client that looks at answers before it goes on.
type dialog struct {
	t  *testing.T
	nc net.Conn
	br *bufio.Reader
}

func (g *gateway) dialog(t *testing.T) *dialog {
	t.Helper()
	nc, err := g.plain().dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	return &dialog{t, nc, bufio.NewReader(nc)}
}

func (d *dialog) send(raw string) {
	d.t.Helper()
	if _, err := io.WriteString(d.nc, raw); err != nil {
		d.t.Fatal(err)
	}
}

// expect reads one answer.
func (d *dialog) expect(status int) {
	d.t.Helper()
	resp, err := http.ReadResponse(d.br, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode != status {
		d.t.Fatalf("status %d, want %d", resp.StatusCode, status)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		d.t.Fatal(err)
	}
}

// ends reads the end of the connection.
func (d *dialog) ends() {
	d.t.Helper()
	if rest, err := io.ReadAll(d.br); err != nil || len(rest) > 0 {
		d.t.Fatalf("%q and %v, want the end", rest, err)
	}
}

func TestAClientThatWaitsFor100GetsItOnce(t *testing.T) { // RFC 9110 10.1.1
	g := start(t, &backend{}, limits, "")
	for name, body := range map[string][2]string{
		"length": {"Content-Length: 5\r\n", "hello"},
		"chunks": {"Transfer-Encoding: chunked\r\n", hello},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(g.backend.Requests())
			d := g.dialog(t)
			d.send(post("Expect: 100-continue\r\n"+body[0], ""))
			d.expect(100)
			if n := len(g.backend.Requests()); n != before {
				t.Errorf("the backend got %d requests before there was a body", n-before)
			}
			d.send(body[1] + "GET / HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\n\r\n")
			d.expect(200)
			d.expect(200)
			d.ends()
		})
	}
}

// stalls are requests that stop in the middle.
var stalls = []struct {
	name, send string
	status     int // 0: none, the connection just ends
}{
	{"in the request line", "GET / HT", 408},
	{"in a field line", "GET / HTTP/1.1\r\nHost: ex", 408},
	{"in front of the empty line", "GET / HTTP/1.1\r\nHost: ex.test\r\n", 408},
	{"in the last CRLF", "GET / HTTP/1.1\r\nHost: ex.test\r\n\r", 408},
	{"in a body", post("Content-Length: 5\r\n", "hell"), 408},
	{"in front of a body", post("Content-Length: 5\r\n", ""), 408},
	{"in a chunk size", chunked("5"), 408},
	{"in a chunk", chunked("5\r\nhell"), 408},
	{"in front of the last chunk", chunked("5\r\nhello\r\n"), 408},
	{"in the trailers", chunked("5\r\nhello\r\n0\r\nX-T: "), 408},
	{"in front of the last CRLF", chunked("5\r\nhello\r\n0\r\n"), 408},
	{"before anything", "", 0},
	{"behind an empty line", "\r\n", 408},
}

func TestARequestThatStallsReachesNobody(t *testing.T) { // RFC 9110 15.5.9, S46
	g := start(t, &backend{}, "header_timeout = \"300ms\"\nbody_timeout = \"300ms\"\nkeepalive_timeout = \"300ms\"\n", "")
	for _, s := range stalls {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			d := g.dialog(t)
			d.send(s.send)
			if s.status != 0 {
				d.expect(s.status)
			}
			d.ends()
		})
	}
	t.Cleanup(func() {
		if seen := g.backend.Requests(); len(seen) != 0 {
			t.Errorf("the backend got %d requests", len(seen))
		}
	})
}

// A client that sends a byte of its head now and then has the time of a head,
// and not that time again with every byte.
func TestBytesThatTrickleDoNotKeepAHeadAlive(t *testing.T) { // S46
	g := start(t, &backend{}, "header_timeout = \"500ms\"\n", "")
	d := g.dialog(t)
	d.send("GET / HTTP/1.1\r\nX-A: ")
	done := make(chan struct{})
	go func() { // ends when all is sent, or when the gateway has closed
		defer close(done)
		d.trickle("x", 8000)
	}()
	d.expect(408)
	d.ends()
	d.nc.Close()
	<-done
}

func TestABodyThatTricklesReachesNobody(t *testing.T) { // S46, min_body_rate
	for name, tt := range map[string]struct {
		timeout       string
		piece, pieces int
		status, reach int
	}{
		"a byte at a time":     {"400ms", 1, 10_000, 408, 0},
		"half a KiB at a time": {"10s", 512, 16, 200, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, &backend{}, fmt.Sprintf("body_timeout = %q\nmin_body_rate = \"1KiB\"\n", tt.timeout), "")
			d := g.dialog(t)
			d.send(post(fmt.Sprintf("Connection: close\r\nContent-Length: %d\r\n", tt.piece*tt.pieces), ""))
			done := make(chan struct{})
			go func() { // ends when all is sent, or when the gateway has closed
				defer close(done)
				d.trickle(strings.Repeat("x", tt.piece), tt.pieces)
			}()
			d.expect(tt.status)
			d.nc.Close()
			<-done
			if n := len(g.backend.Requests()); n != tt.reach {
				t.Errorf("the backend got %d requests, want %d", n, tt.reach)
			}
		})
	}
}

// trickle writes a piece now and then until the connection ends.
func (d *dialog) trickle(piece string, times int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range times {
		if _, err := io.WriteString(d.nc, piece); err != nil {
			return
		}
		<-tick.C
	}
}
