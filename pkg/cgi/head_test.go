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

func TestHeadsAreBounded(t *testing.T) {
	var r exchange.Response
	large := &cgi.HeadTooLargeError{}
	h := cgi.HeadParser{MaxBytes: 100}
	head := "Set-Cookie: " + strings.Repeat("x", 60) + "\nA: b\n"
	if _, _, err := h.Feed([]byte(head), &r); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.Feed([]byte("B: "+strings.Repeat("y", 20)), &r)
	if !errors.As(err, &large) || large.Limit != 100 || large.Header != `"Set-Cookie"` || large.Size != 73 {
		t.Errorf("%+v", err)
	}
	if !strings.Contains(err.Error(), "100 bytes") || !strings.Contains(err.Error(), "Set-Cookie") {
		t.Errorf("%v", err)
	}

	h.Reset()
	_, _, err = h.Feed([]byte("Tags: "+strings.Repeat("y", 500)), &r)
	if !errors.As(err, &large) || large.Header != `"Tags"` || large.Size != 506 {
		t.Errorf("one line: %+v", err)
	}
	h.Reset()
	_, _, err = h.Feed([]byte(strings.Repeat("y", 500)), &r)
	if !errors.As(err, &large) || large.Header != "" || !strings.Contains(err.Error(), "100 bytes") {
		t.Errorf("no name: %+v", err)
	}

	h.Reset()
	exact := "A: " + strings.Repeat("b", 95) + "\n\n"
	if _, done, err := h.Feed([]byte(exact+"body of any length, not counted"), &r); !done || err != nil {
		t.Errorf("exactly the limit: %v, %v", done, err)
	}

	h.Reset()
	for rest := []byte(strings.Repeat("Status: 103\n\n", 20)); err == nil || len(rest) > 0; {
		if rest, _, err = h.Feed(rest, &r); err != nil {
			break
		}
	}
	if !errors.As(err, &large) {
		t.Errorf("interim heads without end: %v", err)
	}

	var def cgi.HeadParser
	if _, done, err := def.Feed([]byte("A: "+strings.Repeat("b", 40<<10)+"\n\n"), &r); !done || err != nil {
		t.Errorf("40 KB: %v, %v", done, err)
	}
	def.Reset()
	if _, _, err := def.Feed([]byte("A: "+strings.Repeat("b", 70<<10)), &r); !errors.As(err, &large) || large.Limit != 64<<10 {
		t.Errorf("70 KB: %v", err)
	}
}

func TestFeedAllocatesNothing(t *testing.T) {
	var h cgi.HeadParser
	var r exchange.Response
	p := []byte("Status: 103\nLink: a\n\nStatus: 404 Not Found\r\nX-Accel-Buffering: no\r\nContent-Length: 4\r\nContent-type: text/html\r\nSet-Cookie: a=b\r\n\r\nbody")
	if n := testing.AllocsPerRun(200, func() {
		h.Reset()
		rest, _, _ := h.Feed(p[:50], &r)
		rest, _, _ = h.Feed(rest, &r)
		if _, done, err := h.Feed(p[50:], &r); !done || err != nil || len(rest) > 0 {
			t.Fatal(done, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzFeed(f *testing.F) {
	for _, s := range []string{
		"Status: 404\r\nA: b\r\n\r\nbody", "Status: 103\nLink: x\n\nA: b\n\n", "A: b\n c\n\n", "\n", "A: b\r\r\n\n", "Content-Length: 1\n\n", "X-Accel-Redirect: /\n\n",
	} {
		f.Add([]byte(s), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		whole, wholeErr := feedAll(t, in)
		n := int(cut % uint(len(in)+1))
		parts, partsErr := feedAll(t, in[:n], in[n:])
		if whole != parts || (wholeErr == nil) != (partsErr == nil) {
			t.Fatalf("cut at %d: %q (%v) and %q (%v)", n, whole, wholeErr, parts, partsErr)
		}
		if wholeErr != nil && wholeErr.Error() != partsErr.Error() {
			t.Fatalf("cut at %d: %v and %v", n, wholeErr, partsErr)
		}
	})
}

// feedAll returns all heads and the body, and checks what must hold for each.
func feedAll(t *testing.T, parts ...[]byte) (string, error) {
	h := cgi.HeadParser{MaxBytes: 1000}
	var r exchange.Response
	var out strings.Builder
	final := false
	for _, p := range parts {
		for len(p) > 0 {
			rest, done, err := h.Feed(p, &r)
			if err != nil {
				return out.String(), err
			}
			switch {
			case final:
				out.Write(rest)
				rest = nil
			case done:
				checkHead(t, &h, &r)
				out.WriteString(render(&h, &r) + "\n")
				final = !h.Interim()
				if final {
					out.Write(rest)
					rest = nil
				}
			case len(rest) > 0:
				t.Fatalf("not done with %q left", rest)
			}
			p = rest
		}
	}
	return out.String(), nil
}

func checkHead(t *testing.T, h *cgi.HeadParser, r *exchange.Response) {
	if r.Status < 100 || r.Status > 599 || h.Interim() != (r.Status < 200) {
		t.Fatalf("status %d", r.Status)
	}
	for _, f := range r.Header.All() {
		if len(f.Name) == 0 || strings.ContainsAny(string(f.Name), " \t\r\n:\x00") || strings.ContainsAny(string(f.Value), "\r\n\x00") {
			t.Fatalf("field %q: %q", f.Name, f.Value)
		}
		for _, gone := range []string{"status", "content-length", "transfer-encoding", "connection", "x-sendfile", "x-accel-redirect"} {
			if exchange.EqualFold(f.Name, gone) {
				t.Fatalf("%s is forwarded", f.Name)
			}
		}
	}
}

func BenchmarkFeed(b *testing.B) {
	var h cgi.HeadParser
	var r exchange.Response
	p := []byte("X-Powered-By: PHP/8.2.36\r\nContent-type: text/html; charset=UTF-8\r\nSet-Cookie: a=b; path=/\r\n\r\nhello")
	b.ReportAllocs()
	for b.Loop() {
		h.Reset()
		if _, done, err := h.Feed(p, &r); !done || err != nil {
			b.Fatal(err)
		}
	}
}
