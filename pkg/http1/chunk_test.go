package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// decodeAll decodes src in steps of in bytes of input and out bytes of output.
func decodeAll(src []byte, in, out int) (body string, rest int, done bool, err error) {
	var c ChunkedReader
	var b strings.Builder
	dst := make([]byte, out)
	avail := min(in, len(src))
	for pos := 0; ; {
		ns, nd, done, err := c.Decode(src[pos:avail], dst)
		b.Write(dst[:nd])
		pos += ns
		if done || err != nil {
			return b.String(), len(src) - pos, done, err
		}
		if ns == 0 && nd == 0 {
			if avail == len(src) {
				return b.String(), len(src) - pos, false, nil
			}
			avail = min(avail+in, len(src))
		}
	}
}

type chunkRow struct {
	ref, in, body string
	rest          string // what is not part of the body
	want          string // "done", "more" or "error"
}

var chunkRows = []chunkRow{
	{"RFC 9112 7.1", "5\r\nhello\r\n0\r\n\r\n", "hello", "", "done"},
	{"RFC 9112 7.1 two", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!", "", "done"},
	{"RFC 9112 7.1 none", "0\r\n\r\n", "", "", "done"},
	{"RFC 9112 7.1 the next request", "1\r\na\r\n0\r\n\r\nGET /", "a", "GET /", "done"},
	{"RFC 9112 7.1 hexadecimal", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", "", "done"},
	{"RFC 9112 7.1 leading zeros", "0000000000000005\r\nhello\r\n00\r\n\r\n", "hello", "", "done"},
	{"RFC 9112 7.1 content like framing", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", "", "done"},
	{"RFC 9112 7.1.1", "5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n", "hello", "", "done"},
	{"RFC 9112 7.1.1 tab", "1;a\t\r\nh\r\n0\r\n\r\n", "h", "", "done"},
	{"RFC 9112 7.1.2", "0\r\nX-Sum: 1\r\nx-b:\r\n\r\nrest", "", "rest", "done"},
	{"RFC 9112 8 cut in the size", "5", "", "", "more"},
	{"RFC 9112 8 cut in content", "5\r\nhel", "hel", "", "more"},
	{"RFC 9112 8 cut behind content", "5\r\nhello", "hello", "", "more"},
	{"RFC 9112 8 cut before the last chunk", "5\r\nhello\r\n", "hello", "", "more"},
	{"RFC 9112 8 cut before the end", "0\r\n", "", "", "more"},
	{"RFC 9112 8 cut in the end", "0\r\n\r", "", "", "more"},
	{"RFC 9112 8 cut in a trailer", "0\r\nX: y\r\n", "", "", "more"},

	{"S34", "FFFFFFFFFFFFFFFFF\r\n", "", "FF\r\n", "error"},
	{"S34 sixteen digits", "FFFFFFFFFFFFFFFF\r\n", "", "F\r\n", "error"},
	{"S34 the sign bit", "8000000000000000\r\n", "", "0\r\n", "error"},
	{"S34 seventeen digits", "00000000000000001\r\n", "", "1\r\n", "error"},
	{"RFC 9112 7.1 no size", "\r\nhello", "", "\r\nhello", "error"},
	{"RFC 9112 7.1 no size", ";a\r\n", "", ";a\r\n", "error"},
	{"RFC 9112 7.1 prefix", "0x5\r\nhello", "", "x5\r\nhello", "error"},
	{"RFC 9112 7.1 sign", "+5\r\nhello", "", "+5\r\nhello", "error"},
	{"RFC 9112 7.1 sign", "-5\r\nhello", "", "-5\r\nhello", "error"},
	{"RFC 9112 7.1 not hexadecimal", "g\r\n", "", "g\r\n", "error"},
	{"RFC 9112 7.1 underscore", "1_0\r\n", "", "_0\r\n", "error"},
	{"RFC 9112 7.1 space before", " 5\r\nhello", "", " 5\r\nhello", "error"},
	{"RFC 9112 7.1 space behind", "5 \r\nhello", "", " \r\nhello", "error"},
	{"RFC 9112 7.1.1 space before an extension", "5 ;a\r\nhello", "", " ;a\r\nhello", "error"},
	{"S33 bare LF behind the size", "5\nhello", "", "\nhello", "error"},
	{"S33 bare CR behind the size", "5\rhello", "", "hello", "error"},
	{"S33 bare LF in an extension", "5;a\nhello\r\n", "", "\nhello\r\n", "error"},
	{"S33 bare CR in an extension", "5;a\rb\r\nhello", "", "b\r\nhello", "error"},
	{"S33 NUL in an extension", "5;\x00\r\n", "", "\x00\r\n", "error"},
	{"S33 DEL in an extension", "5;\x7f\r\n", "", "\x7f\r\n", "error"},
	{"RFC 9112 7.1 content too long", "5\r\nhello!\r\n", "hello", "!\r\n", "error"},
	{"RFC 9112 7.1 no CRLF behind content", "5\r\nhello0\r\n\r\n", "hello", "0\r\n\r\n", "error"},
	{"RFC 9112 7.1 bare LF behind content", "5\r\nhello\n0\r\n\r\n", "hello", "\n0\r\n\r\n", "error"},
	{"RFC 9112 7.1 bare CR behind content", "5\r\nhello\r0\r\n\r\n", "hello", "0\r\n\r\n", "error"},
	{"RFC 9112 7.1.2 no colon", "0\r\nX\r\n\r\n", "", "\r\n\r\n", "error"},
	{"RFC 9112 7.1.2 space before the colon", "0\r\nX : y\r\n\r\n", "", " : y\r\n\r\n", "error"},
	{"RFC 9112 7.1.2 no name", "0\r\n: y\r\n\r\n", "", ": y\r\n\r\n", "error"},
	{"RFC 9112 7.1.2 folded", "0\r\nX: y\r\n z\r\n\r\n", "", " z\r\n\r\n", "error"},
	{"RFC 9112 7.1.2 bare LF", "0\r\nX: y\n\r\n", "", "\n\r\n", "error"},
	{"RFC 9112 7.1.2 bare CR", "0\r\nX: y\rz\r\n\r\n", "", "z\r\n\r\n", "error"},
	{"RFC 9112 7.1.2 NUL", "0\r\nX: \x00\r\n\r\n", "", "\x00\r\n\r\n", "error"},
	{"RFC 9112 7.1.2 bare LF at the end", "0\r\n\n", "", "\n", "error"},
	{"RFC 9112 7.1.2 bare CR at the end", "0\r\n\rX", "", "X", "error"},
}

func TestChunkedBodiesAreReadStrictly(t *testing.T) {
	for _, row := range chunkRows {
		for _, step := range [][2]int{{1 << 20, 1 << 20}, {1, 1 << 20}, {1 << 20, 1}, {1, 1}, {3, 2}} {
			body, rest, done, err := decodeAll([]byte(row.in), step[0], step[1])
			got := "more"
			switch {
			case err != nil:
				got = "error"
			case done:
				got = "done"
			}
			if got != row.want || body != row.body || row.in[len(row.in)-rest:] != row.rest {
				t.Errorf("%s: %q in steps of %v: %s %q, rest %d, %v", row.ref, row.in, step, got, body, rest, err)
			}
			if err != nil && !errors.Is(err, ErrChunk) {
				t.Errorf("%s: %v", row.ref, err)
			}
		}
	}
}

func TestChunkOverheadIsBounded(t *testing.T) {
	ext := func(n int) string { return "1;" + strings.Repeat("x", n-2) + "\r\na\r\n" }
	trailer := func(n int) string { return "0\r\nX:" + strings.Repeat("y", n-6) + "\r\n\r\n" }
	rows := []struct {
		name, in string
		trailers int
		good     bool
	}{
		{"size line at the bound", ext(256) + LastChunk, 0, true},
		{"size line too long", ext(257) + LastChunk, 0, false},
		{"size line without an end", "1;" + strings.Repeat("x", 300), 0, false},
		{"all extensions at the bound", strings.Repeat(ext(129), 32) + LastChunk, 0, true},
		{"all extensions too long", strings.Repeat(ext(129), 33) + LastChunk, 0, false},
		{"many small chunks", strings.Repeat("1\r\na\r\n", 10000) + LastChunk, 0, true},
		{"trailers at the bound", trailer(2048), 0, true},
		{"trailers too long", trailer(2049), 0, false},
		{"trailers without an end", "0\r\n" + strings.Repeat("X:y\r\n", 500), 0, false},
		{"trailers at a bound of their own", trailer(100), 100, true},
		{"trailers beyond a bound of their own", trailer(101), 100, false},
	}
	for _, row := range rows {
		var c ChunkedReader
		c.Reset(row.trailers)
		_, _, done, err := c.Decode([]byte(row.in), make([]byte, 1<<20))
		if (err == nil) != row.good || done != row.good {
			t.Errorf("%s: done %v, %v", row.name, done, err)
		}
	}
}

func TestChunksMayBeDecodedInPlace(t *testing.T) {
	buf := []byte("3\r\nabc\r\n10\r\n0123456789abcdef\r\n1;x\r\n!\r\n0\r\n\r\n")
	var c ChunkedReader
	_, n, done, err := c.Decode(buf, buf)
	if string(buf[:n]) != "abc0123456789abcdef!" || !done || err != nil {
		t.Errorf("%q %v %v", buf[:n], done, err)
	}
}

func TestDecodeOfAFinishedBodyTakesNothing(t *testing.T) {
	var c ChunkedReader
	if _, _, done, err := c.Decode([]byte(LastChunk), nil); !done || err != nil {
		t.Fatal(done, err)
	}
	ns, nd, done, err := c.Decode([]byte("GET"), make([]byte, 3))
	if ns != 0 || nd != 0 || !done || err != nil {
		t.Error(ns, nd, done, err)
	}
}

func FuzzChunkedReader(f *testing.F) {
	for _, row := range chunkRows {
		f.Add([]byte(row.in), uint8(1), uint8(7))
	}
	f.Fuzz(func(t *testing.T, raw []byte, in, out uint8) {
		body, rest, done, err := decodeAll(raw, len(raw), len(raw)+1)
		b2, r2, d2, err2 := decodeAll(raw, int(in)+1, int(out)+1)
		if body != b2 || rest != r2 || done != d2 || (err == nil) != (err2 == nil) {
			t.Fatalf("%q: %q %d %v %v at once, %q %d %v %v in steps of %d and %d",
				raw, body, rest, done, err, b2, r2, d2, err2, in, out)
		}
		if done {
			diffChunked(t, raw, body, rest)
		}
	})
}

// diffChunked checks that net/http reads a complete body the same.
func diffChunked(t *testing.T, raw []byte, body string, rest int) {
	t.Helper()
	head := "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	br := bufio.NewReader(io.MultiReader(strings.NewReader(head), bytes.NewReader(raw)))
	req, err := http.ReadRequest(br)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(req.Body)
	if err != nil || string(got) != body {
		t.Fatalf("%q: %q, net/http says %q, %v", raw, body, got, err)
	}
	left, _ := io.ReadAll(br)
	if want := raw[len(raw)-rest:]; !bytes.Equal(left, want) {
		t.Fatalf("%q ends before %q, net/http says %q", raw, want, left)
	}
}
