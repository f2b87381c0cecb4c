package hostile

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// h2row is one request in frames, and what may come of it.
type h2row struct {
	name, ref string
	fields    []hpack.HeaderField
	body      string // in one DATA frame; "" is none
	trailers  []hpack.HeaderField
	goesOn    bool // there is more of the body

	// status is the answer; 0 stands for a request that is malformed (RFC 9113
	// section 8.1.1): the stream is reset by PROTOCOL_ERROR, or answered with 400.
	status int
	reach  []string // what the backend gets
}

// fields makes a field section of "name: value" strings. A name may begin with a
// colon.
func fields(lines ...string) (list []hpack.HeaderField) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line[1:], ": ")
		list = append(list, hpack.HeaderField{Name: line[:1] + name, Value: value})
	}
	return list
}

// with is an ordinary request with more fields.
func with(more ...string) []hpack.HeaderField {
	return fields(append([]string{":method: GET", ":scheme: http", ":authority: ex.test", ":path: /"}, more...)...)
}

// but is an ordinary request with one pseudo field replaced, or left out if it
// has no value.
func but(line string) []hpack.HeaderField {
	one := fields(line)[0]
	list := with()
	i := slices.IndexFunc(list, func(f hpack.HeaderField) bool { return f.Name == one.Name })
	if !strings.Contains(line, ": ") {
		return slices.Delete(list, i, i+1)
	}
	list[i] = one
	return list
}

// uploads is a POST with more fields.
func uploads(more ...string) []hpack.HeaderField {
	list := with(more...)
	list[0].Value = "POST"
	return list
}

func h2Rows() []h2row {
	rows := []h2row{
		{name: "an ordinary request", ref: "RFC 9113 8.3.1", fields: with(), status: 200, reach: []string{"GET /"}},
		{name: "Host instead of :authority", ref: "RFC 9113 8.3.1", fields: append(but(":authority"), fields("host: ex.test")...), status: 200, reach: []string{"GET /"}},
		{name: "Host like :authority", ref: "RFC 9113 8.3.1", fields: with("host: ex.test"), status: 200, reach: []string{"GET /"}},
		{name: "te: trailers", ref: "RFC 9113 8.2.2", fields: with("te: trailers"), status: 200, reach: []string{"GET /"}},
		{name: "crumbs of a cookie", ref: "RFC 9113 8.2.3", fields: with("cookie: a=1", "cookie: b=2"), status: 200, reach: []string{`GET / HTTP_COOKIE="a=1; b=2"`}},
		{name: "httpoxy", ref: "CVE-2016-5385", fields: with("proxy: evil.test"), status: 200, reach: []string{"GET /"}},
		{name: "underscores and dots", ref: "S19, S20", fields: with("x_a: 1", "remote.user: adm", "content_length: 7"), status: 200, reach: []string{"GET /"}},
		{name: "Expect", ref: "RFC 9110 10.1.1", fields: with("expect: x"), status: 417},
		{name: "a body and its length", ref: "RFC 9113 8.1.1", fields: uploads("content-length: 5"), body: "hello", status: 200, reach: []string{`POST / "hello"`}},
		{name: "a body without a length", ref: "RFC 9113 8.1", fields: uploads(), body: "hello", status: 200, reach: []string{`POST / "hello"`}},
		{name: "a body that is a request", ref: "S30", fields: uploads(), body: smuggle, status: 200, reach: []string{fmt.Sprintf("POST / %.60q", smuggle)}},
		{name: "a body that is chunks", ref: "RFC 9113 8.1", fields: uploads(), body: hello, status: 200, reach: []string{fmt.Sprintf("POST / %q", hello)}},
		{name: "trailers are dropped", ref: "RFC 9110 6.5.1", fields: uploads(), body: "hello", trailers: fields("x-t: 1", "authorization: x"), status: 200, reach: []string{`POST / "hello"`}},
		{name: "CONNECT", ref: "RFC 9113 8.5", fields: fields(":method: CONNECT", ":authority: ex.test:80"), status: 405},
		{name: "TRACE", ref: "RFC 9110 9.3.8", fields: but(":method: TRACE"), status: 405},
		{name: "a body that is too large", ref: "max_body", fields: uploads("content-length: 65537"), body: "x", goesOn: true, status: 413},

		{name: "content-length without a body", ref: "RFC 9113 8.1.1, H2.CL", fields: uploads("content-length: 5")},
		{name: "content-length above the body", ref: "RFC 9113 8.1.1, H2.CL", fields: uploads("content-length: 50"), body: "hello"},
		{name: "content-length below the body", ref: "RFC 9113 8.1.1, H2.CL", fields: uploads("content-length: 3"), body: "hello"},
		{name: "content-length of zero with a body", ref: "RFC 9113 8.1.1, H2.CL", fields: uploads("content-length: 0"), body: smuggle},
		{name: "two equal lengths", ref: "RFC 9110 8.6", fields: uploads("content-length: 5", "content-length: 5"), body: "hello"},
		{name: "two lengths", ref: "RFC 9110 8.6", fields: uploads("content-length: 5", "content-length: 0"), body: "hello"},
		{name: "pseudo field in trailers", ref: "RFC 9113 8.1", fields: uploads(), body: "hello", trailers: fields(":path: /x")},
		{name: "upper case in trailers", ref: "RFC 9113 8.2.1", fields: uploads(), body: "hello", trailers: fields("X-T: 1")},
		{name: "connection in trailers", ref: "RFC 9113 8.2.2", fields: uploads(), body: "hello", trailers: fields("connection: close")},
		{name: "CRLF in trailers", ref: "RFC 9113 8.2.1", fields: uploads(), body: "hello", trailers: fields("x-t: 1\r\nx: y")},
		{name: "pseudo field behind others", ref: "RFC 9113 8.3", fields: append(fields("x-a: 1"), with()...)},
		{name: "CONNECT with a path", ref: "RFC 9113 8.5", fields: fields(":method: CONNECT", ":authority: ex.test:80", ":path: /", ":scheme: http")},
		{name: "another Host", ref: "RFC 9113 8.3.1", fields: with("host: evil.test")},
		{name: "two Hosts", ref: "RFC 9112 3.2", fields: with("host: ex.test", "host: ex.test")},
		{name: "neither Host nor :authority", ref: "RFC 9113 8.3.1", fields: but(":authority")},
		{name: "no :method", ref: "RFC 9113 8.3.1", fields: but(":method")},
		{name: "no :scheme", ref: "RFC 9113 8.3.1", fields: but(":scheme")},
		{name: "no :path", ref: "RFC 9113 8.3.1", fields: but(":path")},
	}
	for _, line := range []string{
		"transfer-encoding: chunked", "transfer-encoding: identity", "connection: close", "connection: keep-alive", "connection: x-a", "keep-alive: timeout=5", "proxy-connection: keep-alive",
		"upgrade: h2c", "te: gzip", "te: trailers, deflate", ":method: GET", ":path: /x", ":scheme: http", ":authority: ex.test", ":status: 200", ":foo: bar", ":protocol: websocket", ": x",
		"X-A: 1", "Transfer-Encoding: chunked", "x-a: 1\rx", "x-a: 1\nx", "x-a: 1\x00x", "x-a: 1\r\ntransfer-encoding: chunked", "x-a: 1\r\n\r\n" + smuggle, "x-a:  1", "x-a: 1 ", "x-a: \t1", "x-a: 1\t",
		"x a: 1", "x-a\r\nhost: 1", "x-a\x00: 1", "x-a\x7f: 1", "x-\xe9: 1", "x(a: 1", "x\"a: 1", "transfer-encoding\x0b: chunked", "content-length: +5", "content-length: 5, 5", "content-length: x", "content-length: -1",
		"content-length: ",
	} {
		rows = append(rows, h2row{name: fmt.Sprintf("field %q", line), ref: "RFC 9113 8.2, 8.3", fields: with(line)})
	}
	for _, line := range []string{
		":method: ", ":method: GET /x HTTP/1.1", ":method: GET\r\nX: y", ":method: G T", ":method: G\x00T", ":path: ", ":path: x", ":path: *", ":path: http://evil.test/", ":path: /a b",
		":path: /a HTTP/1.1\r\nHost: evil.test", ":path: /a\r\nx", ":path: /a\tb", ":path: /a\x00b", ":path: /a#b", ":path: /\xc3\xa9", ":path: /%00", ":path: /%0d%0a", ":path: /../x", ":path: /%2e%2e/x", ":path: /%zz",
		":authority: u@ex.test", ":authority: ex.test:99999", ":authority: ex.test:", ":authority: a b", ":authority: a,b", ":authority: ex.test/x", ":authority: ex.test\r\nx: y", ":authority: [::1", ":authority: ",
		":authority: a\"b<c>",
		":scheme: ", ":scheme: http://evil.test/?", ":scheme: ht tp", ":scheme: http\r\nx: y",
	} {
		rows = append(rows, h2row{name: fmt.Sprintf("pseudo field %q", line), ref: "RFC 9113 8.3.1", fields: but(line)})
	}
	return rows
}
