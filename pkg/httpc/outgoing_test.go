package httpc

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func request(method, target, authority string, fields ...string) *exchange.Exchange {
	x := exchange.New()
	x.Reset()
	r := &x.Request
	r.Method, r.Target, r.Authority = []byte(method), []byte(target), []byte(authority)
	for i := 0; i < len(fields); i += 2 {
		r.Header.AddString(fields[i], fields[i+1])
	}
	return x
}

func added(fields ...string) []exchange.Field {
	var h exchange.Header
	for i := 0; i < len(fields); i += 2 {
		h.AddString(fields[i], fields[i+1])
	}
	return h.All()
}

func TestHeadsSayWhatTheClientSaidAndWeKnow(t *testing.T) {
	drop := added("X-A", "")
	drop[0].Value = nil
	rows := []struct {
		name string
		x    *exchange.Exchange
		o    Outgoing
		want string
	}{
		{
			"as it came", request("GET", "/a%2fb?c", "h:1", "accept", "*/*", "cookie", "a; b"),
			Outgoing{Host: "other"},
			"GET /a%2fb?c HTTP/1.1|host: h:1|accept: */*|cookie: a; b",
		},
		{"no host", request("GET", "/", ""), Outgoing{Host: "other"}, "GET / HTTP/1.1|host: other"},
		{"another target", request("GET", "/a", "h"), Outgoing{Target: []byte("/b")}, "GET /b HTTP/1.1|host: h"},
		{"a body", request("POST", "/", "h", "content-length", "7"), Outgoing{BodyLen: 5}, "POST / HTTP/1.1|host: h|content-length: 5"},
		{"an empty body", request("POST", "/", "h", "content-length", "0"), Outgoing{}, "POST / HTTP/1.1|host: h|content-length: 0"},
		{"close", request("GET", "/", "h"), Outgoing{Close: true}, "GET / HTTP/1.1|host: h|connection: close"},
		{
			"upgrade", request("GET", "/", "h", "sec-websocket-key", "k"),
			Outgoing{Upgrade: []byte("websocket"), Close: true},
			"GET / HTTP/1.1|host: h|sec-websocket-key: k|connection: Upgrade|upgrade: websocket",
		},
		{
			"the connection's fields",
			request("GET", "/", "h", "host", "evil", "Connection", "x", "keep-alive", "1", "te", "trailers", "trailer", "x", "upgrade", "h2c",
				"transfer-encoding", "chunked", "proxy-connection", "x", "expect", "100-continue", "http2-settings", "x", "proxy", "x", "x-a", "1"),
			Outgoing{},
			"GET / HTTP/1.1|host: h|x-a: 1",
		},
		{
			"ours win", request("GET", "/", "h", "x-request-id", "theirs", "x-b", "2"),
			Outgoing{Added: added("X-Request-ID", "ours")},
			"GET / HTTP/1.1|host: h|x-b: 2|X-Request-ID: ours",
		},
		{"a dropped one", request("GET", "/", "h", "x-a", "1"), Outgoing{Added: drop}, "GET / HTTP/1.1|host: h"},
		{"an empty one", request("GET", "/", "h", "x-a", ""), Outgoing{}, "GET / HTTP/1.1|host: h|x-a: "},
		{
			"injected", request("GET", "/", "h", "x-a", "1\r\nX-Evil: 1", "x-b\r\n", "1", "x c", "1", "x-d", "1\x00", "x-e", "\xe4"),
			Outgoing{},
			"GET / HTTP/1.1|host: h|x-e: \xe4",
		},
		{"an injected one of ours", request("GET", "/", "h"), Outgoing{Added: added("X-A", "1\nX-Evil: 1")}, "GET / HTTP/1.1|host: h"},
		{
			"a host of ours", request("GET", "/", "h"),
			Outgoing{Added: added("HOST", "ours.example", "X-A", "1")},
			"GET / HTTP/1.1|host: ours.example|X-A: 1",
		},
		{"a host that is none", request("GET", "/", "h"), Outgoing{Added: added("Host", "a\r\nb")}, "GET / HTTP/1.1|host: h"},
		{"a host that is not known", request("GET", "/", "h"), Outgoing{Added: added("Host", "")}, "GET / HTTP/1.1|host: h"},
		{
			"framing of ours", request("POST", "/", "h", "content-length", "5"),
			Outgoing{BodyLen: 5, Added: added("Content-Length", "0", "Transfer-Encoding", "chunked", "Connection", "close", "Upgrade", "h2c",
				"Expect", "100-continue", "TE", "trailers", "Trailer", "a", "Keep-Alive", "1", "Proxy-Connection", "close", "HTTP2-Settings", "a")},
			"POST / HTTP/1.1|host: h|content-length: 5",
		},
	}
	for _, row := range rows {
		got := string(AppendHead([]byte("before"), row.x, &row.o))
		want := "before" + strings.ReplaceAll(row.want, "|", "\r\n") + "\r\n\r\n"
		if got != want {
			t.Errorf("%s:\n got %q\nwant %q", row.name, got, want)
		}
	}
}

func TestABodyOfUnknownLengthGetsOne(t *testing.T) {
	x := request("POST", "/", "h")
	x.Request.ContentLength = -1
	if got := string(AppendHead(nil, x, &Outgoing{})); got != "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

func TestWebSocketKeys(t *testing.T) {
	if got := WebSocketAccept([]byte("dGhlIHNhbXBsZSBub25jZQ==")); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455 section 1.3
		t.Error(got)
	}
	a, b := AppendWebSocketKey(nil), AppendWebSocketKey(nil)
	if len(a) != WebSocketKeyLen || string(a) == string(b) {
		t.Errorf("%q, %q", a, b)
	}
}
