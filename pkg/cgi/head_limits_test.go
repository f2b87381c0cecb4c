package cgi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

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
		var large, larger *cgi.HeadTooLargeError // what it names is the largest so far, so it depends on the cut
		if errors.As(wholeErr, &large) && errors.As(partsErr, &larger) && large.Limit == larger.Limit {
			return
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
