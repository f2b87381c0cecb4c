package hostile

import "strings"

// pipelineRows are about several requests in one piece (RFC 9112 section 9.3.2).
func pipelineRows() []row {
	const sect = "RFC 9112 9.3.2"
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: ex.test\r\n\r\n" }
	send := func(path, body string) string {
		return "PUT " + path + " HTTP/1.1\r\nHost: ex.test\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	}
	bad := func(name, middle string, status int) row {
		return row{
			name: name, ref: sect, send: get("/1") + middle + get("/3"), want: []int{200, status}, ends: true, reach: []string{"GET /1"},
		}
	}
	return []row{
		serves("ten requests", sect, strings.Repeat(get("/x"), 10), strings.Split(strings.Repeat("GET /x|", 9)+"GET /x", "|")...),
		serves("bodies between", sect, send("/1", "one")+get("/2")+send("/3", "three"), `PUT /1 "one"`, "GET /2", `PUT /3 "three"`),
		serves("a body that is a request", "S23", send("/1", smuggle), `PUT /1 "GET /smuggled HTTP/1.1\r\nHost: ex.test\r\n\r\n"`),
		serves("a body that is records of FastCGI", "S23", send("/1", strings.Repeat("\x01\x01\x00\x01\x00\x08\x00\x00", 2)),
			`PUT /1 "\x01\x01\x00\x01\x00\b\x00\x00\x01\x01\x00\x01\x00\b\x00\x00"`),
		serves("CRLF behind a body", "RFC 9112 2.2", send("/1", "one")+"\r\n"+get("/2"), `PUT /1 "one"`, "GET /2"),
		serves("a length does not outlive its request", sect, send("/1", "one")+"POST /2 HTTP/1.1\r\nHost: ex.test\r\n\r\n"+get("/3"), `PUT /1 "one"`, "POST /2", "GET /3"),
		serves("chunks do not outlive their request", sect, chunked(hello)+"POST /2 HTTP/1.1\r\nHost: ex.test\r\n\r\n"+get("/3"), `POST / "hello"`, "POST /2", "GET /3"),
		serves("fields do not outlive their request", sect, "GET /1 HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nConnection: x-b\r\n\r\nGET /2 HTTP/1.1\r\nHost: ex.test\r\nX-B: 2\r\n\r\n",
			`GET /1 HTTP_X_A="1" HTTP_HOST="a.test"`, `GET /2 HTTP_X_B="2"`),
		serves("a version does not outlive its request", sect, "GET /1 HTTP/1.0\r\nHost: ex.test\r\nConnection: keep-alive\r\n\r\n"+get("/2"), `GET /1 SERVER_PROTOCOL="HTTP/1.0"`, "GET /2"),
		bad("a bad request amid good ones", "GET /2 HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
		bad("two framings amid good requests", "POST /2 HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+hello, 400),
		bad("bad chunks amid good requests", "POST /2 HTTP/1.1\r\nHost: ex.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n", 400),
		bad("a body too large amid good requests", "POST /2 HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 65537\r\n\r\n", 413),
		bad("an unknown coding amid good requests", "POST /2 HTTP/1.1\r\nHost: ex.test\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
		bad("an expectation amid good requests", "GET /2 HTTP/1.1\r\nHost: ex.test\r\nExpect: x\r\n\r\n", 417),
		bad("a long line amid good requests", "GET /"+strings.Repeat("x", limitRequestLine)+" HTTP/1.1\r\nHost: ex.test\r\n\r\n", 414),
		bad("a version amid good requests", "GET /2 HTTP/1.3\r\nHost: ex.test\r\n\r\n", 505),
		bad("two empty lines amid good requests", "\r\n\r\n", 400),
		bad("CONNECT amid good requests", "CONNECT ex.test:80 HTTP/1.1\r\nHost: ex.test\r\n\r\n", 405),
		{
			name: "HEAD, and its answer has no body", ref: "RFC 9110 9.3.2", method: "HEAD", want: []int{200, 200}, reach: []string{"HEAD /1", "GET /2"},
			send: "HEAD /1 HTTP/1.1\r\nHost: ex.test\r\n\r\n" + get("/2"),
		},
		{
			name: "a client that ends its side is answered", ref: "RFC 9112 9.6", want: []int{200, 200}, ends: true, eof: true, alone: true,
			send: get("/1") + strings.Replace(get("/2"), "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1), reach: []string{"GET /1", "GET /2"},
		},
		{name: "nothing at all", ref: "RFC 9112 9.6", ends: true, eof: true, alone: true},
		{name: "an empty line only", ref: "RFC 9112 2.2", send: "\r\n", ends: true, eof: true, alone: true},
		{name: "half a head", ref: "RFC 9112 8", send: "GET / HTTP/1.1\r\nHost: ex", ends: true, eof: true, alone: true},
		{
			name: "half a head behind a request", ref: "RFC 9112 8", send: get("/1") + "GET / HTTP/1.1\r\nHost: ex", want: []int{200}, reach: []string{"GET /1"},
			ends: true, eof: true, alone: true,
		},
	}
}
