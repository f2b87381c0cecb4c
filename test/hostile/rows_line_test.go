package hostile

import (
	"fmt"
	"strings"
)

// lineRows are about request lines (RFC 9112 section 3) but for the target.
func lineRows() []row {
	line := func(s string) string { return s + "\r\nHost: ex.test\r\n\r\n" }
	rows := []row{
		serves("an empty line in front", "RFC 9112 2.2", "\r\n"+get(""), "GET /"),
		serves("methods are case-sensitive", "RFC 9110 9.1", line("get / HTTP/1.1"), "get /"),
		serves("a method nobody knows", "RFC 9110 9.1", line("FROB /x HTTP/1.1"), "FROB /x"),
		serves("a method of signs", "RFC 9110 5.6.2", line("M-SEARCH!#$%&'*+.^_`|~ /x HTTP/1.1"), "M-SEARCH!#$%&'*+.^_`|~ /x"),
		serves("the longest method", "RFC 9112 3", line(strings.Repeat("A", 32)+" / HTTP/1.1"), strings.Repeat("A", 32)+" /"),
		serves("TRACK is no TRACE", "RFC 9110 9.1", line("TRACK / HTTP/1.1"), "TRACK /"),
		closing("HTTP/1.0 closes", "RFC 9112 9.3", line("GET / HTTP/1.0"), `GET / SERVER_PROTOCOL="HTTP/1.0"`),
		closing("HTTP/1.0 without Host", "RFC 9112 3.2", "GET / HTTP/1.0\r\n\r\n", `GET / HTTP_HOST="" SERVER_PROTOCOL="HTTP/1.0"`),
		closing("HTTP/1.0 has no body without a length", "RFC 9112 6.3 rule 7", "POST / HTTP/1.0\r\nHost: ex.test\r\n\r\nhello", `POST / SERVER_PROTOCOL="HTTP/1.0"`),
		refuses(501, "a method one byte too long", "RFC 9112 3", line(strings.Repeat("A", 33)+" / HTTP/1.1")),
		refuses(501, "a method of a hundred bytes", "RFC 9112 3", line(strings.Repeat("A", 100)+" / HTTP/1.1")),
		{
			name: "TRACE", ref: "RFC 9110 9.3.8, S44", want: []int{405}, ends: true, send: line("TRACE / HTTP/1.1"),
			fields: []string{"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
		},
		refuses(405, "TRACE with a body", "RFC 9110 9.3.8", "TRACE / HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 5\r\n\r\nhello"),
		refuses(405, "CONNECT", "RFC 9110 9.3.6, S44", line("CONNECT ex.test:443 HTTP/1.1")),
		refuses(405, "CONNECT to a path", "RFC 9110 9.3.6", line("CONNECT /x HTTP/1.1")),
		refuses(405, "CONNECT to a database", "S39", line("CONNECT 127.0.0.1:3306 HTTP/1.1")),
		refuses(505, "HTTP/1.2", "RFC 9112 2.3", line("GET / HTTP/1.2")),
		refuses(505, "HTTP/1.9", "RFC 9112 2.3", line("GET / HTTP/1.9")),
		refuses(505, "HTTP/2.0", "RFC 9110 15.6.6", line("GET / HTTP/2.0")),
		refuses(505, "HTTP/3.0", "RFC 9110 15.6.6", line("GET / HTTP/3.0")),
		refuses(505, "HTTP/0.9", "RFC 9110 15.6.6", line("GET / HTTP/0.9")),
		refuses(400, "two empty lines in front", "RFC 9112 2.2: at least one", "\r\n\r\n"+get("")),
		refuses(400, "an LF in front", "RFC 9112 2.2", "\n"+get("")),
		refuses(400, "a CR in front", "RFC 9112 2.2", "\r"+get("")),
		refuses(400, "a space in front", "RFC 9112 3", " "+get("")),
		refuses(400, "NUL in front", "RFC 9112 3", "\x00"+get("")),
		refuses(400, "a byte order mark in front", "RFC 9112 3", "\xef\xbb\xbf"+get("")),
		refuses(400, "a PROXY header nobody trusts", "S38", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"+get("")),
		refuses(400, "a binary PROXY header nobody trusts", "S38", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02"+get("")),
		refuses(400, "records of FastCGI", "S39", "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
		refuses(400, "a line of memcached", "S39", "set x 0 0 5\r\nhello\r\n\r\n"),
		refuses(400, "a line of SMTP", "S39", "EHLO evil.test\r\n\r\n"),
		refuses(400, "a status line", "RFC 9112 4", "HTTP/1.1 200 OK\r\nHost: ex.test\r\n\r\n"),
	}
	for _, bad := range []string{
		"GET /", "GET / ", "GET", "GET ", "GET HTTP/1.1", "/ HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1",
		"GET / HTTP/1.1 ", "GET / HTTP/1.1\t", "GET / HTTP/1.1 x", "GET / x HTTP/1.1", "GET / HTTP/1.10", "GET / HTTP/01.1", "GET / HTTP/1", "GET / HTTP/1.",
		"GET / HTTP/.1", "GET / http/1.1", "GET / Http/1.1", "GET / HTTP /1.1", "GET / HTTP/ 1.1", "GET / HTTP/1 .1", "GET / HTTP/1.1x", "GET / HTTP/1,1",
		"GET / HTTP/+1.1", "GET / HTTP/-1.1", "GET / HTTPS/1.1", "GET / FTP/1.1", "GET / HTTP1.1", "GET / HTTP/1.1\x00", "GET / HTTP/1\x00.1", "GET\x00 / HTTP/1.1",
		"GET /\x00 HTTP/1.1", "GET\x0b/ HTTP/1.1", "GET /\x0cHTTP/1.1", "GET\rGET / HTTP/1.1", "GET /\r HTTP/1.1", "GET / HTTP/1.1\rX", "GET\xa0/ HTTP/1.1",
		"G(T / HTTP/1.1", "G\"T / HTTP/1.1", "<GET> / HTTP/1.1", "GET: / HTTP/1.1", "G\xc9T / HTTP/1.1", "GET / HTTP/\xd9\xa1.1",
	} {
		rows = append(rows, refuses(400, fmt.Sprintf("request line %q", bad), "RFC 9112 3", line(bad)))
	}
	return rows
}
