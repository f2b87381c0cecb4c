package httpc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// parts keeps a reply as text.
type parts struct {
	r    *exchange.Response
	out  strings.Builder // interim heads
	head string
	body bytes.Buffer
}

func (p *parts) Interim() error {
	fmt.Fprintf(&p.out, "%d%s ", p.r.Status, fields(&p.r.Header))
	return nil
}

func (p *parts) Head() error {
	p.head = fmt.Sprintf("%d%s", p.r.Status, fields(&p.r.Header))
	return nil
}

func (p *parts) Body(b []byte) error { p.body.Write(b); return nil }

func fields(h *exchange.Header) string {
	var b strings.Builder
	for _, f := range h.All() {
		fmt.Fprintf(&b, " %s:%s", f.Name, f.Value)
	}
	return b.String()
}

// outcome reads a reply in pieces of n bytes, 0 being all at once, and the end of
// the connection. It says what came of it.
func outcome(raw string, n int, isHead bool, upgrade string) string {
	var r Reply
	resp := new(exchange.Response)
	p := &parts{r: resp}
	r.Begin(resp, isHead, []byte(upgrade))
	rest := []byte(raw)
	if n == 0 {
		n = max(len(rest), 1)
	}
	for len(rest) > 0 && !r.Done() {
		piece := bytes.Clone(rest[:min(n, len(rest))])
		used, err := r.Feed(piece, p)
		if err != nil {
			return "bad: " + err.(*ProtocolError).What
		}
		rest = rest[used:]
	}
	end := ""
	if !r.Done() {
		if err := r.End(); err != nil {
			return map[bool]string{true: "stale", false: "cut"}[errors.Is(err, ErrStale)]
		}
		end = " eof"
	}
	switch {
	case r.Switched():
		return fmt.Sprintf("switched%s | %s", fields(&resp.Header), rest)
	case r.Keep():
		end = " keep"
	}
	if len(rest) > 0 {
		end += fmt.Sprintf(" +%d", len(rest))
	}
	return fmt.Sprintf("%s%s | %s |%s", p.out.String(), p.head, p.body.String(), end)
}

type replyRow struct{ in, want string }

const ok = "HTTP/1.1 200 OK\r\n"

var goodReplies = []replyRow{
	{ok + "Content-Length: 2\r\n\r\nhi", "200 | hi | keep"},
	{ok + "content-length:2\r\n\r\nhi", "200 | hi | keep"},
	{ok + "Content-Length: \t 2 \t\r\n\r\nhi", "200 | hi | keep"},
	{ok + "Content-Length: 002\r\n\r\nhi", "200 | hi | keep"},
	{ok + "Content-Length: 0\r\n\r\n", "200 |  | keep"},
	{ok + "Content-Length: 2\r\n\r\nhi!", "200 | hi | keep +1"},
	{ok + "Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "200 |  | keep +19"},
	{ok + "Content-Length: 2\r\nConnection: close\r\n\r\nhi", "200 | hi |"},
	{ok + "Content-Length: 2\r\nConnection: Close, X-A\r\nX-A: 1\r\nX-B: 2\r\n\r\nhi", "200 X-B:2 | hi |"},
	{ok + "X-A: 1\r\nConnection: keep-alive, ,x-a,\r\nContent-Length: 2\r\n\r\nhi", "200 | hi | keep"},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 | hi |"},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi", "200 | hi | keep"},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, close\r\n\r\nhi", "200 | hi |"},
	{ok + "\r\nhi", "200 | hi | eof"},
	{ok + "\r\n", "200 |  | eof"},
	{ok + "Connection: keep-alive\r\n\r\nhi", "200 | hi | eof"},
	{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 |  | keep"},
	{"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 |  | keep"},
	{"HTTP/1.1 299 \xe4\tx\r\nContent-Length: 0\r\n\r\n", "299 |  | keep"},
	{"HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n", "599 |  | keep"},

	{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "200 | hi | keep"},
	{ok + "Transfer-Encoding: Chunked\r\n\r\n1\r\nh\r\n1;a=b\r\ni\r\n0\r\n\r\n", "200 | hi | keep"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200 |  | keep"},
	{ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\nContent-Length: 9\r\n\r\n", "200 | hi | keep"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\r\n", "200 | hi | keep +2"},
	{ok + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n", "200 |  |"},
	{ok + "Transfer-Encoding: chunked\r\n\r\na\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "200 | 0\r\n\r\n0\r\n\r\n | keep"},

	{"HTTP/1.1 204 x\r\n\r\n", "204 |  | keep"},
	{"HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", "204 |  | keep"},
	{"HTTP/1.1 204 x\r\nContent-Length: 2\r\n\r\nhi", "204 |  | +2"},
	{"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "204 |  | +5"},
	{"HTTP/1.1 304 x\r\nContent-Length: 5\r\nETag: x\r\n\r\n", "304 ETag:x |  |"},
	{"HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", "304 |  |"},
	{"HTTP/1.1 304 x\r\n\r\nhi", "304 |  | keep +2"},

	{"HTTP/1.1 100 x\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n", "200 |  | keep"},
	{"HTTP/1.1 103 x\r\nLink: </a>\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n", "103 Link:</a> 200 |  | keep"},
	{"HTTP/1.1 103 x\r\nConnection: close, x-a\r\nX-A: 1\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n", "103 200 |  | keep"},
	{"HTTP/1.1 103 x\r\nContent-Length: 2\r\n\r\n" + ok + "X-A: 1\r\nContent-Length: 0\r\n\r\n", "103 200 X-A:1 |  | keep"},
	{strings.Repeat("HTTP/1.1 102 x\r\n\r\n", maxInterim) + "HTTP/1.1 204 x\r\n\r\n", strings.Repeat("102 ", maxInterim) + "204 |  | keep"},

	{ok + "Set-Cookie: a\r\nSet-Cookie: b\r\nLocation: //x\r\nContent-Length: 0\r\n\r\n", "200 Set-Cookie:a Set-Cookie:b Location://x |  | keep"},
	{ok + "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: x\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n", "200 |  | keep"},
	{ok + "X-Accel-Redirect: /secret\r\nx-sendfile: /etc/passwd\r\nX-Accelerate: 1\r\nContent-Length: 0\r\n\r\n", "200 X-Accelerate:1 |  | keep"},
	{ok + "X: \xff\tx\r\nY:\r\nContent-Length: 0\r\n\r\n", "200 X:\xff\tx Y: |  | keep"},
	{ok + "A!#$%&'*+-.^_`|~: :\r\nContent-Length: 0\r\n\r\n", "200 A!#$%&'*+-.^_`|~:: |  | keep"},
}

var badReplies = []replyRow{
	{"", "stale"},
	{"H", "cut"},
	{"HTTP/1.1 200 OK\r\n", "cut"},
	{ok + "Content-Length: 2\r\n", "cut"},
	{ok + "Content-Length: 2\r\n\r", "cut"},
	{ok + "Content-Length: 2\r\n\r\n", "cut"},
	{ok + "Content-Length: 2\r\n\r\nh", "cut"},
	{"HTTP/1.1 100 x\r\n\r\n", "cut"},
	{"HTTP/1.1 103 x\r\n\r\nHTTP", "cut"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n", "cut"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi", "cut"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "cut"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", "cut"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n", "cut"},

	{"\r\n", "bad: no HTTP/1.1 status line"},
	{"\r\n" + ok + "\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/1.1\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/1.1 \r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/2 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/2.0 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/0.9 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/1.2 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/1.10 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"http/1.1 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{" HTTP/1.1 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/1.1  200 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1\t200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"HTTP/1.1 20 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 2000 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 099 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 600 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 -20 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 +20 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 2x0 OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 200\tOK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 200OK\r\n\r\n", "bad: malformed status"},
	{"HTTP/1.1 200 O\x00K\r\n\r\n", "bad: control byte in the status line"},
	{"HTTP/1.1 200 O\rK\r\n\r\n", "bad: control byte in the status line"},
	{"<html>hello</html>\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"ICY 200 OK\r\n\r\n", "bad: no HTTP/1.1 status line"},
	{"Status: 200\r\nContent-Type: text/html\r\n\r\n", "bad: no HTTP/1.1 status line"},

	{"HTTP/1.1 200 OK\n\n", "bad: a line ends in a bare LF"},
	{"HTTP/1.1 200 OK\r\nA: b\n\r\n", "bad: a line ends in a bare LF"},
	{"HTTP/1.1 200 OK\r\nA: b\r\n\n", "bad: a line ends in a bare LF"},
	{ok + "A: b\rC: d\r\n\r\n", "bad: control byte in a header value"},
	{ok + "A: b\x00\r\n\r\n", "bad: control byte in a header value"},
	{ok + "A: b\x7f\r\n\r\n", "bad: control byte in a header value"},
	{ok + "A: b\x0b\r\n\r\n", "bad: control byte in a header value"},
	{ok + "A: b\r\n c\r\n\r\n", "bad: folded header line"},
	{ok + "A: b\r\n\tContent-Length: 5\r\n\r\n", "bad: folded header line"},
	{ok + " A: b\r\n\r\n", "bad: folded header line"},
	{ok + "A : b\r\n\r\n", "bad: malformed header name"},
	{ok + "Content-Length : 2\r\n\r\nhi", "bad: malformed header name"},
	{ok + ": b\r\n\r\n", "bad: malformed header name"},
	{ok + "A b: c\r\n\r\n", "bad: malformed header name"},
	{ok + "\xc3\xa9: c\r\n\r\n", "bad: malformed header name"},
	{ok + "A\x00: c\r\n\r\n", "bad: malformed header name"},
	{ok + "A(: c\r\n\r\n", "bad: malformed header name"},
	{ok + "hello\r\n\r\n", "bad: header line without a colon"},
	{ok + "\r\r\n\r\n", "bad: header line without a colon"},

	{ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "bad: more than one Content-Length"},
	{ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", "bad: more than one Content-Length"},
	{ok + "Content-Length: 2, 2\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: 2,\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: +2\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: -2\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: 0x2\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: 2.0\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: 2 3\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: \r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: two\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: 9999999999999999999\r\n\r\nhi", "bad: malformed Content-Length"},
	{ok + "Content-Length: 18446744073709551618\r\n\r\nhi", "bad: malformed Content-Length"},
	{"HTTP/1.1 304 x\r\nContent-Length: x\r\n\r\n", "bad: malformed Content-Length"},

	{ok + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", "bad: both Transfer-Encoding and Content-Length"},
	{ok + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad: both Transfer-Encoding and Content-Length"},
	{"HTTP/1.1 204 x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad: both Transfer-Encoding and Content-Length"},
	{ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "bad: more than one Transfer-Encoding"},
	{ok + "Transfer-Encoding: chunked, chunked\r\n\r\n", "bad: a transfer coding that was not asked for"},
	{ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "bad: a transfer coding that was not asked for"},
	{ok + "Transfer-Encoding: identity\r\n\r\n", "bad: a transfer coding that was not asked for"},
	{ok + "Transfer-Encoding: xchunked\r\n\r\n", "bad: a transfer coding that was not asked for"},
	{ok + "Transfer-Encoding: chunked;q=1\r\n\r\n", "bad: a transfer coding that was not asked for"},
	{ok + "Transfer-Encoding:\r\n\r\n", "bad: a transfer coding that was not asked for"},
	{ok + "Transfer-Encoding: \x0bchunked\r\n\r\n", "bad: control byte in a header value"},
	{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad: Transfer-Encoding in HTTP/1.0"},

	{ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n 2\r\nhi\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2\nhi\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi!\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi0\r\n\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 400) + "\r\n", "bad: malformed chunk"},
	{ok + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 300) + "\r\n", "bad: malformed chunk"},

	{ok + "Connection: a b\r\n\r\n", "bad: malformed Connection"},
	{ok + "Connection: \"close\"\r\n\r\n", "bad: malformed Connection"},
	{ok + "Connection: " + strings.Repeat("a,", 17) + "\r\n\r\n", "bad: too many options in Connection"},
	{"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "bad: 101 to a request that asked for no other protocol"},
	{strings.Repeat("HTTP/1.1 100 x\r\n\r\n", maxInterim+1), "bad: too many interim responses"},
	{"HTTP/1.1 103 x\r\n" + strings.Repeat("A: b\r\n", maxFields+1) + "\r\n", "bad: it has too many header fields"},
	{ok + "A: " + strings.Repeat("b", defaultMaxHead) + "\r\n\r\n", "bad: its header is larger than allowed"},
	{strings.Repeat("A", defaultMaxHead+1), "bad: its header is larger than allowed"},
	{strings.Repeat("HTTP/1.1 103 x\r\nA: "+strings.Repeat("b", 4000)+"\r\n\r\n", 20), "bad: its header is larger than allowed"},
}

func TestRepliesAreReadAsTheStandardSays(t *testing.T) {
	for _, row := range append(goodReplies, badReplies...) {
		for _, n := range []int{0, 1, 2, 7} {
			if got := outcome(row.in, n, false, ""); got != row.want {
				// How much of what is behind a reply was seen depends on the pieces.
				t.Errorf("%.80q in pieces of %d:\n got %q\nwant %q", row.in, n, got, row.want)
			}
		}
	}
}

func TestRepliesToHeadHaveNoBodyAndEndTheConnection(t *testing.T) {
	rows := []replyRow{
		{ok + "Content-Length: 5\r\n\r\n", "200 |  |"},
		{ok + "Transfer-Encoding: chunked\r\n\r\n", "200 |  |"},
		{ok + "\r\n", "200 |  |"},
		{ok + "Content-Length: 5\r\n\r\nhello", "200 |  | +5"},
		{"HTTP/1.1 100 x\r\n\r\n" + ok + "\r\n", "200 |  |"},
		{ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "bad: more than one Content-Length"},
		{ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "bad: both Transfer-Encoding and Content-Length"},
		{"", "stale"},
	}
	for _, row := range rows {
		if got := outcome(row.in, 0, true, ""); got != row.want {
			t.Errorf("%q:\n got %q\nwant %q", row.in, got, row.want)
		}
	}
}

func TestAProtocolIsSwitchedToWhatWasAskedFor(t *testing.T) {
	const s = "HTTP/1.1 101 x\r\n"
	rows := []replyRow{
		{s + "Connection: upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\nbytes", "switched X:y | bytes"},
		{s + "Connection: Upgrade, x\r\nUpgrade: WebSocket\r\n\r\n", "switched | "},
		{"HTTP/1.1 103 x\r\n\r\n" + s + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", "switched | "},
		{s + "Upgrade: websocket\r\n\r\n", "bad: 101 to another protocol than was asked for"},
		{s + "Connection: upgrade\r\n\r\n", "bad: 101 to another protocol than was asked for"},
		{s + "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", "bad: 101 to another protocol than was asked for"},
		{s + "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", "bad: 101 to another protocol than was asked for"},
		{s + "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n\r\n", "bad: 101 to another protocol than was asked for"},
		{"HTTP/1.1 426 x\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", "426 |  | keep"},
		{ok + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\nhi", "200 | hi | eof"},
	}
	for _, row := range rows {
		if got := outcome(row.in, 0, false, "websocket"); got != row.want {
			t.Errorf("%q:\n got %q\nwant %q", row.in, got, row.want)
		}
	}
}

func TestTheLengthOfAReplyIsPassedOn(t *testing.T) {
	rows := []struct {
		in     string
		isHead bool
		want   int64
	}{
		{ok + "Content-Length: 5\r\n\r\n", false, 5},
		{ok + "Content-Length: 5\r\n\r\n", true, 5},
		{ok + "\r\n", true, -1},
		{ok + "Transfer-Encoding: chunked\r\n\r\n", false, -1},
		{"HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", false, 5},
		{"HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", false, -1},
	}
	for _, row := range rows {
		var r Reply
		resp := new(exchange.Response)
		r.Begin(resp, row.isHead, nil)
		if _, err := r.Feed([]byte(row.in), &parts{r: resp}); err != nil || resp.ContentLength != row.want {
			t.Errorf("%q: %d, %v, want %d", row.in, resp.ContentLength, err, row.want)
		}
	}
}

func TestWhatTakesAReplyCanEndIt(t *testing.T) {
	enough := errors.New("enough")
	for _, in := range []string{
		"HTTP/1.1 103 x\r\n\r\n" + ok + "\r\n", ok + "Content-Length: 2\r\n\r\nhi",
		ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ok + "\r\nhi",
	} {
		var r Reply
		resp := new(exchange.Response)
		r.Begin(resp, false, nil)
		if _, err := r.Feed([]byte(in), sated{enough}); err != enough {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// sated wants the final head and nothing else.
type sated struct{ err error }

func (s sated) Interim() error    { return s.err }
func (s sated) Head() error       { return nil }
func (s sated) Body([]byte) error { return s.err }
