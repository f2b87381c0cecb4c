package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func response(status int, fields ...string) *exchange.Response {
	r := new(exchange.Response)
	r.Reset()
	r.Status = status
	for i := 0; i < len(fields); i += 2 {
		r.Header.AddString(fields[i], fields[i+1])
	}
	return r
}

func TestResponseHeadsHaveOurFramingOnly(t *testing.T) {
	keep := HeadOptions{KeepAlive: true, ContentLength: -1}
	with := func(f func(*HeadOptions)) HeadOptions { o := keep; f(&o); return o }
	sized := with(func(o *HeadOptions) { o.ContentLength = 5 })
	chunked := with(func(o *HeadOptions) { o.Chunked = true })
	dated := with(func(o *HeadOptions) { o.Date, o.Server = []byte("now"), []byte("gw") })
	rows := []struct {
		ref  string
		r    *exchange.Response
		opt  HeadOptions
		want string
	}{
		{"RFC 9112 4", response(200), keep, "200 OK"},
		{"RFC 9112 4 other phrase", response(404), keep, "404 Not Found"},
		{"RFC 9112 4 unknown status", response(299), keep, "299 "},
		{"RFC 9112 4 largest status", response(999), keep, "999 "},
		{"RFC 9110 5.2 order and case stay", response(200, "X-B", "1", "set-cookie", "a", "Set-Cookie", "b"), keep, "200 OK|X-B: 1|set-cookie: a|Set-Cookie: b"},
		{"RFC 9110 5.5 empty, tab, obs-text", response(200, "A", "", "B", "a\tb", "C", "\xe9"), keep, "200 OK|A: |B: a\tb|C: \xe9"},
		{"RFC 9112 6.2", response(200), sized, "200 OK|Content-Length: 5"},
		{"RFC 9112 6.2 zero", response(200), with(func(o *HeadOptions) { o.ContentLength = 0 }), "200 OK|Content-Length: 0"},
		{"RFC 9112 6.1", response(200), chunked, "200 OK|Transfer-Encoding: chunked"},
		{"RFC 9112 6.2 not both", response(200), with(func(o *HeadOptions) { o.Chunked, o.ContentLength = true, 5 }), "200 OK|Transfer-Encoding: chunked"},
		{"RFC 9112 6.1 not for 1.0", response(200), with(func(o *HeadOptions) { o.Chunked, o.HTTP10, o.KeepAlive = true, true, false }), "200 OK|Connection: close"},
		{"RFC 9110 8.6 204", response(204), sized, "204 No Content"},
		{"RFC 9110 8.6 304", response(304), sized, "304 Not Modified"},
		{"RFC 9112 6.1 204", response(204), chunked, "204 No Content"},
		{"RFC 9112 9.3", response(200), HeadOptions{ContentLength: 5}, "200 OK|Content-Length: 5|Connection: close"},
		{"RFC 9112 9.3 1.0", response(200), with(func(o *HeadOptions) { o.HTTP10, o.ContentLength = true, 5 }), "200 OK|Content-Length: 5|Connection: keep-alive"},
		{"RFC 9110 7.8", response(101), with(func(o *HeadOptions) { o.Upgrade = []byte("websocket") }), "101 Switching Protocols|Connection: upgrade|Upgrade: websocket"},
		{"RFC 9110 7.8 never close", response(101), HeadOptions{Upgrade: []byte("x"), ContentLength: 5}, "101 Switching Protocols|Connection: upgrade|Upgrade: x"},
		{"RFC 9110 15.5.22", response(426), HeadOptions{Upgrade: []byte("x"), ContentLength: 0}, "426 Upgrade Required|Content-Length: 0|Connection: upgrade, close|Upgrade: x"},
		{"RFC 9110 6.6.1", response(200), dated, "200 OK|Date: now|Server: gw"},
		{"RFC 9110 6.6.1 the response's own", response(200, "date", "then", "SERVER", "app"), dated, "200 OK|date: then|SERVER: app"},
		{"S42", response(200, "Transfer-Encoding", "chunked", "CONNECTION", "close", "keep-alive", "5", "Content-Length", "7",
			"Proxy-Connection", "x", "Upgrade", "h2c", "Trailer", "X", "X-Y", "z"), sized, "200 OK|X-Y: z|Content-Length: 5"},
	}
	for _, row := range rows {
		got, err := AppendHead([]byte("before"), row.r, row.opt)
		want := "beforeHTTP/1.1 " + strings.ReplaceAll(row.want, "|", "\r\n") + "\r\n\r\n"
		if err != nil || string(got) != want {
			t.Errorf("%s:\n got %q, %v\nwant %q", row.ref, got, err, want)
		}
	}
}

func TestResponsesThatCannotBeSentAreRefused(t *testing.T) {
	rows := []struct {
		ref string
		r   *exchange.Response
	}{
		{"S41 CR", response(200, "A", "a\rX-B: b")},
		{"S41 LF", response(200, "A", "a\nX-B: b")},
		{"S41 CRLF at the end", response(200, "A", "a\r\n")},
		{"S41 NUL", response(200, "A", "a\x00")},
		{"RFC 9110 5.5 other control byte", response(200, "A", "\x1b")},
		{"RFC 9110 5.5 DEL", response(200, "A", "long enough\x7f")},
		{"RFC 9110 5.1 empty name", response(200, "", "a")},
		{"RFC 9110 5.1 space", response(200, "A B", "a")},
		{"RFC 9110 5.1 colon", response(200, "A:", "a")},
		{"RFC 9110 5.1 CRLF in the name", response(200, "A: b\r\nB", "a")},
		{"S41 dropped fields are looked at too", response(200, "Connection", "a\r\nX: y")},
		{"S41 behind a good one", response(200, "A", "b", "C", "\n")},
		{"RFC 9110 15 status", response(0)},
		{"RFC 9110 15 status", response(-200)},
		{"RFC 9110 15 100 is no final status", response(100)},
		{"RFC 9110 15 four digits", response(1000)},
	}
	for _, row := range rows {
		got, err := AppendHead([]byte("before"), row.r, HeadOptions{})
		if !errors.Is(err, ErrField) || string(got) != "before" {
			t.Errorf("%s: %q, %v", row.ref, got, err)
		}
	}
}

func TestInterimResponsesHaveFieldsOnly(t *testing.T) {
	var h exchange.Header
	h.AddString("Link", "</a.css>; rel=preload")
	h.AddString("Content-Length", "5")
	got, err := AppendInterim(nil, 103, &h)
	if want := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := AppendInterim(nil, 100, nil); err != nil || string(got) != Continue {
		t.Errorf("%q, %v", got, err)
	}
	for _, status := range []int{0, 99, 101, 200} {
		if got, err := AppendInterim([]byte("x"), status, nil); !errors.Is(err, ErrField) || string(got) != "x" {
			t.Errorf("%d: %q, %v", status, got, err)
		}
	}
	h.AddString("A", "b\nc")
	if got, err := AppendInterim([]byte("x"), 103, &h); !errors.Is(err, ErrField) || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWrittenChunksReadBack(t *testing.T) {
	var b []byte
	var want strings.Builder
	for _, n := range []int{0, 1, 15, 16, 255, 4096, 65535} {
		p := strings.Repeat("x", n)
		want.WriteString(p)
		b = AppendChunkHead(b, n)
		if n > 0 {
			b = append(b, p+ChunkEnd...)
		}
	}
	b = append(b, LastChunk...)
	body, rest, done, err := decodeAll(b, len(b), len(b))
	if body != want.String() || rest != 0 || !done || err != nil {
		t.Errorf("%d bytes, rest %d, %v %v", len(body), rest, done, err)
	}
}

func TestEmptyChunkIsNotWritten(t *testing.T) {
	for _, n := range []int{0, -1} {
		if got := AppendChunkHead(nil, n); got != nil {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestReasonPhrasesAreTheRegisteredOnes(t *testing.T) {
	renamed := map[int]string{413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
	unused := map[int]bool{418: true, 510: true}
	for status := -1; status < 1100; status++ {
		want := http.StatusText(status)
		if s, ok := renamed[status]; ok {
			want = s
		}
		if unused[status] {
			want = ""
		}
		if got := ReasonPhrase(status); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
}

// Whatever is put into a response, a client sees those fields and no others.
func FuzzAppendHead(f *testing.F) {
	f.Add(200, "X-A", "b", "Set-Cookie", "c", int64(5), true)
	f.Add(404, "Connection", "close", "a", "b\r\nc: d", int64(-1), false)
	f.Add(304, "Date", "x", "sErver", "\t", int64(0), true)
	f.Add(999, "A:", "", "", "\x00", int64(1), false)
	f.Fuzz(func(t *testing.T, status int, n1, v1, n2, v2 string, length int64, keep bool) {
		r := response(status, n1, v1, n2, v2)
		opt := HeadOptions{KeepAlive: keep, ContentLength: length, Chunked: length < 0, Date: []byte("d"), Server: []byte("s")}
		head, err := AppendHead(nil, r, opt)
		if err != nil {
			return
		}
		if status == 101 {
			return // net/http reads that as something else than a response
		}
		res, err := http.ReadResponse(bufio.NewReaderSize(bytes.NewReader(head), 64<<10), nil)
		if err != nil || res.StatusCode != status {
			t.Fatalf("%q: %v", head, err)
		}
		noBody := exchange.NoBodyStatus(status)
		if !noBody && length >= 0 && res.ContentLength != length || !noBody && res.Close == keep {
			t.Fatalf("%q: length %d, close %v", head, res.ContentLength, res.Close)
		}
		if n := bytes.Count(head, []byte("\r\n")); n > 8 {
			t.Fatalf("%q: %d lines", head, n)
		}
		for _, f := range r.Header.All() {
			want := string(bytes.Trim(f.Value, " \t"))
			if kindOf(f.Name) == fieldFraming {
				continue
			}
			if got := fmt.Sprint(res.Header[http.CanonicalHeaderKey(string(f.Name))]); !strings.Contains(got, want) {
				t.Fatalf("%q: %s is %q", head, f.Name, got)
			}
		}
	})
}
