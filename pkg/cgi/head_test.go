package cgi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// render writes a response so that a table can state it.
func render(h *cgi.HeadParser, r *exchange.Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", r.Status)
	if r.ContentLength >= 0 {
		fmt.Fprintf(&b, " len=%d", r.ContentLength)
	}
	for _, f := range r.Header.All() {
		fmt.Fprintf(&b, "|%s=%s", f.Name, f.Value)
	}
	for _, f := range h.Control() {
		fmt.Fprintf(&b, "|!%s=%s", f.Name, f.Value)
	}
	if h.Interim() {
		b.WriteString(" interim")
	}
	return b.String()
}

func TestResponseHeads(t *testing.T) {
	for _, c := range []struct{ what, in, want, rest string }{
		{"PHP's usual", "X-Powered-By: PHP/8\r\nContent-type: text/html; charset=UTF-8\r\n\r\nhello", "200|X-Powered-By=PHP/8|Content-type=text/html; charset=UTF-8", "hello"},
		{"a status", "Status: 404 Not Found\r\nA: b\r\n\r\n", "404|A=b", ""},
		{"a status without a reason", "status:500\n\nx", "500", "x"},
		{"a status with an empty reason", "Status: 204 \n\n", "204", ""},
		{"line feeds only", "A: b\nC: d\n\n\nx", "200|A=b|C=d", "\nx"},
		{"line ends of both kinds", "A: b\r\nC: d\n\r\nx", "200|A=b|C=d", "x"},
		{"Location without a status", "Location: /x\r\n\r\n", "302|Location=/x", ""},
		{"Location with a status", "Location: /x\r\nStatus: 201 Created\r\n\r\n", "201|Location=/x", ""},
		{"the second Location is dropped", "Location: /x\nlocation: /y\n\n", "302|Location=/x", ""},
		{"the second Content-Type is dropped", "Content-Type: a\ncontent-type: b\n\n", "200|Content-Type=a", ""},
		{"cookies stay apart", "Set-Cookie: a\nSet-Cookie: b\n\n", "200|Set-Cookie=a|Set-Cookie=b", ""},
		{"values are trimmed", "A: \t b c \t\nB:\nC:x\n\n", "200|A=b c|B=|C=x", ""},
		{"a tab and bytes beyond ASCII", "A: b\tc\xff\n\n", "200|A=b\tc\xff", ""},
		{"a colon in a value", "A: b:c\n\n", "200|A=b:c", ""},
		{"what belongs to connections is dropped", "Transfer-Encoding: chunked\nconnection: close\nKeep-Alive: 1\nProxy-Connection: x\nUpgrade: y\nTRAILER: z\nTe-st: q\n\n", "200|Te-st=q", ""},
		{"a length", "Content-Length: 12\nA: b\n\n", "200 len=12|A=b", ""},
		{"the same length twice", "Content-Length: 12\nContent-Length: 012\n\n", "200 len=12", ""},
		{"a length of zero", "CONTENT-LENGTH: 0\n\n", "200 len=0", ""},
		{"what is addressed to the gateway", "X-Sendfile: /a\nX-Accel-Redirect: /b\nx-accel-buffering: no\nX-Accelerate: z\n\n", "200|X-Accelerate=z|!X-Sendfile=/a|!X-Accel-Redirect=/b|!x-accel-buffering=no", ""},
		{"early hints", "Status: 103 Early Hints\nLink: </a>\nContent-Length: 5\nX-Sendfile: /a\n\nStatus: 200 OK\n", "103|Link=</a> interim", "Status: 200 OK\n"},
		{"the largest status", "Status: 599\n\n", "599", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			var h cgi.HeadParser
			r := exchange.Response{Status: 7}
			r.Header.AddString("Old", "x")
			rest, done, err := h.Feed([]byte(c.in), &r)
			if err != nil || !done {
				t.Fatalf("done %v, %v", done, err)
			}
			if got := render(&h, &r); got != c.want || string(rest) != c.rest {
				t.Errorf("got  %s + %q\nwant %s + %q", got, rest, c.want, c.rest)
			}
			if want := len(c.in) - len(c.rest); h.Len() != want {
				t.Errorf("Len is %d, want %d", h.Len(), want)
			}
			bytewise(t, c.in, c.want, c.rest)
		})
	}
}

// bytewise feeds in one byte at a time, in a buffer that does not last.
func bytewise(t *testing.T, in, want, rest string) {
	t.Helper()
	var h cgi.HeadParser
	var r exchange.Response
	for i := range len(in) {
		p := []byte{in[i]}
		left, done, err := h.Feed(p, &r)
		p[0] = '?'
		if err != nil || len(left) > 0 {
			t.Fatalf("byte %d: %q, %v", i, left, err)
		}
		if done != (i == len(in)-len(rest)-1) {
			t.Fatalf("byte %d: done %v", i, done)
		}
		if done {
			break
		}
	}
	if got := render(&h, &r); got != want {
		t.Errorf("byte by byte\ngot  %s\nwant %s", got, want)
	}
}

func TestBadResponseHeadsAreErrors(t *testing.T) {
	for _, c := range []struct{ in, what string }{
		{"NoColonHere\nA: b\n\n", "no colon"},
		{"A: b\nHTTP/1.1 200 OK\n\n", "no colon"},
		{"<html>\n\n", "no colon"},
		{"A: b\n c\n\n", "continuation line"},
		{"A: b\n\tc\n\n", "continuation line"},
		{" A: b\n\n", "continuation line"},
		{"A : b\n\n", "bad header name"},
		{": b\n\n", "bad header name"},
		{"A\x00: b\n\n", "bad header name"},
		{"A(b): c\n\n", "bad header name"},
		{"\xc3\xa9: c\n\n", "bad header name"},
		{"X-A: a\rX-B: b\n\n", "control byte"},
		{"X-A: a\r\r\n\n", "control byte"},
		{"A: b\x00\n\n", "control byte"},
		{"A: \x1b[31m\n\n", "control byte"},
		{"A: \x7f\n\n", "control byte"},
		{"Status: 200 OK\r\r\n\n", "control byte"},
		{"Status: 200\nStatus: 200\n\n", "more than one Status"},
		{"Status: 200\nStatus: 404\nStatus: 500\n\n", "more than one Status"},
		{"Status: 200 OK\r\nX\n\n", "no colon"},
		{"Status:\n\n", "bad status"},
		{"Status: OK\n\n", "bad status"},
		{"Status: 20\n\n", "bad status"},
		{"Status: 2000\n\n", "bad status"},
		{"Status: 200OK\n\n", "bad status"},
		{"Status: +20\n\n", "bad status"},
		{"Status: 099\n\n", "bad status"},
		{"Status: 600\n\n", "bad status"},
		{"Status: 999\n\n", "bad status"},
		{"Status: 101 Switching Protocols\n\n", "bad status"},
		{"Content-Length:\n\n", "bad Content-Length"},
		{"Content-Length: -1\n\n", "bad Content-Length"},
		{"Content-Length: +1\n\n", "bad Content-Length"},
		{"Content-Length: 1, 1\n\n", "bad Content-Length"},
		{"Content-Length: 0x1\n\n", "bad Content-Length"},
		{"Content-Length: 1 1\n\n", "bad Content-Length"},
		{"Content-Length: 9999999999999999999\n\n", "bad Content-Length"},
		{"Content-Length: 1\nContent-Length: 2\n\n", "conflicting Content-Length"},
	} {
		var h cgi.HeadParser
		var r exchange.Response
		_, done, err := h.Feed([]byte(c.in), &r)
		var bad *cgi.HeadError
		if done || !errors.As(err, &bad) || !strings.Contains(bad.What, c.what) || !strings.Contains(err.Error(), bad.Line) {
			t.Errorf("%q: done %v, %v; want %s", c.in, done, err, c.what)
			continue
		}
		if strings.ContainsAny(err.Error(), "\x00\r\n\x1b") {
			t.Errorf("%q: the message has control bytes", c.in)
		}
		if _, done, again := h.Feed([]byte("A: b\n\n"), &r); done || !errors.Is(again, err) {
			t.Errorf("%q: goes on after its error: %v", c.in, again)
		}
	}
	for _, in := range []string{"\n", "\r\n", "\r\n\r\nx"} {
		var h cgi.HeadParser
		if _, done, err := h.Feed([]byte(in), &exchange.Response{}); done || !errors.Is(err, cgi.ErrNoHeader) {
			t.Errorf("%q: %v, %v", in, done, err)
		}
	}
}

func TestAnIncompleteHeadWaits(t *testing.T) {
	for _, in := range []string{"", "A", "A: b", "A: b\n", "A: b\r\n", "A: b\r\n\r", "NoColon\n"} {
		var h cgi.HeadParser
		rest, done, err := h.Feed([]byte(in), &exchange.Response{})
		if done || err != nil || len(rest) > 0 || h.Len() != len(in) {
			t.Errorf("%q: %q %v %v", in, rest, done, err)
		}
	}
}

func TestInterimHeadsComeBeforeTheirOwnHead(t *testing.T) {
	var h cgi.HeadParser
	var r exchange.Response
	rest := []byte("Status: 103\nLink: a\n\nStatus: 103\nLink: b\n\nContent-Type: t\n\nbody")
	for _, want := range []string{"103|Link=a interim", "103|Link=b interim", "200|Content-Type=t"} {
		var done bool
		var err error
		rest, done, err = h.Feed(rest, &r)
		if err != nil || !done || render(&h, &r) != want {
			t.Fatalf("%s, %v, %v; want %s", render(&h, &r), done, err, want)
		}
	}
	if string(rest) != "body" {
		t.Errorf("rest %q", rest)
	}
	if again, done, err := h.Feed([]byte("more"), &r); string(again) != "more" || !done || err != nil || r.Header.Len() != 1 {
		t.Errorf("the body is %q, %v, %v", again, done, err)
	}
}
