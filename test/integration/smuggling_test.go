package integration

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// malformed is a request that must be refused before anyone acts on it.
type malformed struct {
	id, raw string
	status  []int
}

// get11 is a GET with more lines, each ending in CRLF.
func get11(lines string) string {
	return "GET /index.php HTTP/1.1\r\nHost: ex.test\r\n" + lines + "\r\n"
}

// post11 is a POST with more lines and a body.
func post11(lines, body string) string {
	return "POST /index.php HTTP/1.1\r\nHost: ex.test\r\n" + lines + "\r\n" + body
}

// second is a request that must never be seen as one of its own.
const second = "GET /smuggled HTTP/1.1\r\nHost: ex.test\r\n\r\n"

var badRequest = []int{400}

var malformedRequests = []malformed{
	{"S30 length and chunks", post11("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+second), badRequest},
	{"S30 chunks and length", post11("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"+second), badRequest},
	{"S31 plus sign", post11("Content-Length: +1\r\n", "x"+second), badRequest},
	{"S31 list", post11("Content-Length: 1,2\r\n", "x"+second), badRequest},
	{"S31 two lengths", post11("Content-Length: 1\r\nContent-Length: 2\r\n", "xy"+second), badRequest},
	{"S31 hexadecimal", post11("Content-Length: 0x1\r\n", "x"+second), badRequest},
	{"S31 space within", post11("Content-Length: 1 1\r\n", "x"+second), badRequest},
	{"S31 empty", post11("Content-Length: \r\n", second), badRequest},
	{"S31 negative", post11("Content-Length: -1\r\n", second), badRequest},
	{"S31 too large", post11("Content-Length: 99999999999999999999\r\n", second), badRequest},
	{"S32 unknown coding", post11("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"+second), []int{400, 501}},
	{"S32 chunked is not last", post11("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"+second), []int{400, 501}},
	{"S32 chunked twice in a list", post11("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"+second), []int{400, 501}},
	{"S32 chunked twice", post11("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+second), []int{400, 501}},
	{"S32 vertical tab", post11("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"+second), []int{400, 501}},
	{"S32 HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second, badRequest},
	{"S33 folded line", get11("X-A: 1\r\n 2\r\n"), badRequest},
	{"S33 space before the colon", get11("X-A : 1\r\n"), badRequest},
	{"S33 bare LF", "GET / HTTP/1.1\nHost: ex.test\n\n", badRequest},
	{"S33 bare LF within", get11("X-A: 1\nX-B: 2\r\n"), badRequest},
	{"S33 bare CR", get11("X-A: 1\rX-B: 2\r\n"), badRequest},
	{"S33 NUL", get11("X-A: 1\x002\r\n"), badRequest},
	{"S33 no colon", get11("X-A\r\n"), badRequest},
	{"S33 empty name", get11(": 1\r\n"), badRequest},
	{"S34 chunk size overflow", post11("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n"), badRequest},
	{"S34 wraps to five", post11("Transfer-Encoding: chunked\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n"), badRequest},
	{"S34 sign", post11("Transfer-Encoding: chunked\r\n", "+5\r\nhello\r\n0\r\n\r\n"), badRequest},
	{"S34 no digits", post11("Transfer-Encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n"), badRequest},
	{"S34 bare LF", post11("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n"), badRequest},
	{"S34 no CRLF behind the data", post11("Transfer-Encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n"), badRequest},
	{"S35 two hosts", "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", badRequest},
	{"S35 no host", "GET / HTTP/1.1\r\n\r\n", badRequest},
	{"S35 markup", "GET / HTTP/1.1\r\nHost: a\"b<c>\r\n\r\n", badRequest},
	{"S35 port too large", "GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n", badRequest},
	{"S35 path in the host", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", badRequest},
	{"S35 user in the host", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", badRequest},
	{"S35 empty host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", badRequest},
	{"S38 PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get11(""), badRequest},
	{"S38 PROXY v2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02" + get11(""), badRequest},
	{"S47 long line", get11("X-Long: " + strings.Repeat("x", 32<<10) + "\r\n"), []int{431}},
	{"S47 many headers", get11(strings.Repeat("X-A: 1\r\n", 101)), []int{431}},
	{"S47 large header", get11(strings.Repeat("X-A: "+strings.Repeat("x", 8<<10)+"\r\n", 9)), []int{431}},
	{"S47 long URI", "GET /" + strings.Repeat("x", 9<<10) + " HTTP/1.1\r\nHost: ex.test\r\n\r\n", []int{414}},
	{"HTTP/2 preface that goes on as HTTP/1.1", "PRI * HTTP/2.0\r\nHost: ex.test\r\n\r\n", []int{400, 405, 505}},
	{"HTTP/3", "GET / HTTP/3.0\r\nHost: ex.test\r\n\r\n", []int{400, 505}},
	{"HTTP/0.9", "GET /\r\n\r\n", []int{400, 505}},
}

func TestAMalformedRequestIsRefusedAndEndsTheConnection(t *testing.T) {
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: attackRoot(t), server: addr, conns: 2, backend: `multiplex = "off"`})
	for _, m := range malformedRequests {
		t.Run(m.id, func(t *testing.T) {
			c := g.dial()
			c.t = t
			_, _ = io.WriteString(c.nc, m.raw) // the answer may come, and the end, before all is written
			a := c.answer(http.MethodGet)
			if !slices.Contains(m.status, a.StatusCode) {
				t.Errorf("status %d, want %v", a.StatusCode, m.status)
			}
			if !a.Close {
				t.Error("the answer does not say Connection: close")
			}
			if !c.closed() {
				t.Error("more is answered on the connection")
			}
			if seen := backend.Requests(); len(seen) > 0 {
				t.Fatalf("the backend got %s", seen[len(seen)-1].Params["REQUEST_URI"])
			}
		})
	}
}

func TestABodyThatLooksLikeRequestsIsABody(t *testing.T) {
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: attackRoot(t), server: addr, conns: 2, backend: `multiplex = "off"`})
	// Records of FastCGI (S23) and a request of HTTP.
	body := strings.Repeat("\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 8192) + second
	for _, size := range []int{len(second), 65535, 65536, 65543, 99000, 131072} {
		before := len(backend.Requests())
		c := g.dial()
		sent := body[len(body)-size:]
		c.send(post11("Content-Length: "+itoa(size)+"\r\n", sent))
		c.answer(http.MethodPost).expect(t, 200, "ran")
		seen := backend.Requests()[before:]
		if len(seen) != 1 || string(seen[0].Stdin) != sent || seen[0].Params["CONTENT_LENGTH"] != itoa(size) {
			t.Errorf("%d bytes: %d requests", size, len(seen))
		}
	}
}
