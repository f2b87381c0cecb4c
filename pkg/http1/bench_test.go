package http1

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// browserHead is what a desktop browser sends for a page behind a login.
var browserHead = strings.ReplaceAll(`GET /blog/2026/09/a-title-with-some-words.html?utm_source=feed&page=2 HTTP/1.1
Host: www.example.org
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
Accept-Language: en-GB,en;q=0.7,de;q=0.3
Accept-Encoding: gzip, deflate, br, zstd
Referer: https://www.example.org/blog/2026/09/
Connection: keep-alive
Cookie: session=4f0c2a9d6b1e48d7a35c; theme=dark; consent=1
Upgrade-Insecure-Requests: 1
Sec-Fetch-Dest: document
Sec-Fetch-Mode: navigate
Sec-Fetch-Site: same-origin
Sec-Fetch-User: ?1
Priority: u=0, i

`, "\n", "\r\n")

func benchmarkHead(b *testing.B, head string) {
	buf := make([]byte, len(head))
	x, m, lim := exchange.New(), new(Meta), new(Limits)
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		copy(buf, head)
		x.Reset()
		if _, err := ParseHead(buf, lim, x, m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHeadOfABrowser(b *testing.B) { benchmarkHead(b, browserHead) }

func BenchmarkParseHeadOfALoadTool(b *testing.B) {
	benchmarkHead(b, "GET /index.php HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")
}

func BenchmarkParseHeadWithAnEncodedPath(b *testing.B) {
	benchmarkHead(b, "GET /a%20b//c/./d/../e.php HTTP/1.1\r\nHost: Example.ORG\r\n\r\n")
}

func BenchmarkAppendHead(b *testing.B) {
	r, opt := ordinaryResponse()
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := AppendHead(dst, r, opt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeChunks(b *testing.B) {
	src := []byte(strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 8) + LastChunk)
	dst := make([]byte, len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	var c ChunkedReader
	for b.Loop() {
		c.Reset(0)
		if _, _, done, err := c.Decode(src, dst); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}

func ordinaryResponse() (*exchange.Response, HeadOptions) {
	r := new(exchange.Response)
	r.Reset()
	r.Header.AddString("Content-Type", "text/html; charset=UTF-8")
	r.Header.AddString("X-Powered-By", "PHP/8.2.36")
	r.Header.AddString("Set-Cookie", "session=4f0c2a9d6b1e48d7a35c; path=/; HttpOnly")
	r.Header.AddString("Cache-Control", "no-store, no-cache, must-revalidate")
	return r, HeadOptions{
		KeepAlive: true, ContentLength: 12345,
		Date: []byte("Sun, 06 Nov 1994 08:49:37 GMT"), Server: []byte("fcgigw"),
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	lim, m, x := new(Limits), new(Meta), exchange.New()
	buf := make([]byte, len(browserHead))
	odd := "POST /a%20b//c/../d?q HTTP/1.1\r\nHost: Example.ORG:8080\r\nTransfer-Encoding: chunked\r\n" +
		"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nExpect: 100-continue\r\nX_Dropped: 1\r\n\r\n"
	r, opt := ordinaryResponse()
	dst := make([]byte, 0, 1024)
	chunks := []byte("5;e=\"x\"\r\nhello\r\n0\r\nX-T: 1\r\n\r\n")
	var c ChunkedReader
	parse := func(head string) func() {
		return func() {
			n := copy(buf, head)
			x.Reset()
			if _, err := ParseHead(buf[:n], lim, x, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	rows := map[string]func(){
		"a browser's head":   parse(browserHead),
		"a head with it all": parse(odd),
		"an incomplete head": func() {
			n := copy(buf, browserHead[:100])
			if _, err := ParseHead(buf[:n], lim, x, m); err != ErrIncomplete {
				t.Fatal(err)
			}
			m.Restart()
		},
		"a response head": func() { dst, _ = AppendHead(dst[:0], r, opt) },
		"a chunked body": func() {
			c.Reset(0)
			if _, _, done, err := c.Decode(chunks, dst[:64]); !done || err != nil {
				t.Fatal(done, err)
			}
		},
	}
	for name, f := range rows {
		f() // storage that is kept grows once
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
