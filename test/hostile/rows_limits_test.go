package hostile

import (
	"fmt"
	"slices"
	"strings"
)

// limitRows are about every limit of the [http] table and max_body: a row that
// reaches it and one that is one beyond (RFC 9110 sections 15.5.14 and 15.5.15,
// RFC 6585 section 5).
func limitRows() []row {
	line := func(n int) string { // a request line of n bytes
		return "/" + strings.Repeat("x", n-len("GET / HTTP/1.1"))
	}
	field := func(n int) string { // a field line of n bytes
		return "X-A: " + strings.Repeat("x", n-len("X-A: ")) + "\r\n"
	}
	value := func(n int) string { return strings.Repeat("x", n-len("X-A: ")) }
	many := func(n int) string { return strings.Repeat("X-A: 1\r\n", n-1) } // with Host
	ones := func(n int) string { return "1" + strings.Repeat(", 1", n-2) }
	bytes := func(n int) (lines, joined string) { // field lines of n bytes with their ends, Host included
		rest := n - len("Host: ex.test\r\n")
		var values []string
		for rest > 0 {
			k := min(rest, limitHeaderLine+2)
			if rest-k > 0 && rest-k < len("X-A: \r\n") {
				k -= 16
			}
			lines += field(k - 2)
			values = append(values, value(k-2))
			rest -= k
		}
		return lines, strings.Join(values, ", ")
	}
	full, joined := bytes(limitHeaderBytes)
	over, _ := bytes(limitHeaderBytes + 1)
	rows := []row{
		serves("the longest request line", "max_request_line", "GET "+line(limitRequestLine)+" HTTP/1.1\r\nHost: ex.test\r\n\r\n", "GET "+line(limitRequestLine)),
		refuses(414, "a request line one byte too long", "max_request_line, S47", "GET "+line(limitRequestLine+1)+" HTTP/1.1\r\nHost: ex.test\r\n\r\n"),
		refuses(414, "a request line far too long", "max_request_line, S47", "GET "+line(9<<10)+" HTTP/1.1\r\nHost: ex.test\r\n\r\n"),
		refuses(414, "a request line without an end", "max_request_line, S47", strings.Repeat("G", 40000)),
		serves("the longest field line", "max_header_line", get(field(limitHeaderLine)), fmt.Sprintf("GET / HTTP_X_A=%q", value(limitHeaderLine))),
		refuses(431, "a field line one byte too long", "max_header_line, S47", get(field(limitHeaderLine+1))),
		refuses(431, "a name one byte too long", "max_header_line, S47", get(strings.Repeat("x", limitHeaderLine)+":\r\n")),
		refuses(431, "a field line without an end", "max_header_line, S47", "GET / HTTP/1.1\r\nHost: ex.test\r\nX-A: "+strings.Repeat("x", 40000)),
		serves("the most field lines", "max_headers", get(many(limitHeaders)), fmt.Sprintf("GET / HTTP_X_A=%q", ones(limitHeaders))),
		refuses(431, "one field line too many", "max_headers, S47", get(many(limitHeaders+1))),
		refuses(431, "many field lines of a byte", "max_headers, S47", get(strings.Repeat("a:\r\n", 2000))),
		refuses(431, "dropped fields count", "max_headers, S47", get(strings.Repeat("a_b:\r\n", limitHeaders))),
		serves("the most bytes of fields", "max_header_bytes", get(full), fmt.Sprintf("GET / HTTP_X_A=%q", joined)),
		refuses(431, "fields one byte too large", "max_header_bytes, S47", get(over)),
		refuses(431, "fields far too large", "max_header_bytes, S47", get(strings.Repeat(field(limitHeaderLine), 10))),
	}
	return append(rows, bodyLimitRows()...)
}

func bodyLimitRows() []row {
	body := strings.Repeat("b", limitBody)
	chunks := func(n int) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, strings.Repeat("b", n)) }
	shown := fmt.Sprintf("POST / %.60q", body)
	trailer := func(n int) string { // a trailer section of n bytes, its end included
		return hello[:len(hello)-2] + "X-T: " + strings.Repeat("x", n-len("X-T: \r\n\r\n")) + "\r\n\r\n"
	}
	ext := func(n int) string { // a size line of n bytes
		return "5;" + strings.Repeat("x", n-2) + "\r\nhello\r\n"
	}
	exts := strings.Repeat(ext(257-1), 4096/255) + "5;" + strings.Repeat("x", 4096%255-1) + "\r\nhello\r\n"
	sixteen := fmt.Sprintf("POST / %.60q", strings.Repeat("hello", 17))
	many := strings.Repeat("GET /x HTTP/1.1\r\nHost: ex.test\r\n\r\n", limitRequests)
	served := strings.Split(strings.Repeat("GET /x|", limitRequests-1)+"GET /x", "|")
	return []row{
		serves("the largest body", "max_body", post(fmt.Sprintf("Content-Length: %d\r\n", limitBody), body), shown),
		refuses(413, "a body one byte too large", "max_body", post(fmt.Sprintf("Content-Length: %d\r\n", limitBody+1), body+"b")),
		serves("the largest chunked body", "max_body", chunked(chunks(limitBody)), shown),
		refuses(413, "a chunked body one byte too large", "max_body", chunked(fmt.Sprintf("%x\r\n%sb", limitBody+2, body))),
		refuses(413, "a chunked body that would be far too large", "max_body", chunked("fffffff\r\n"+body+"b")),
		serves("the largest trailer section", "max_trailer_bytes", chunked(trailer(limitTrailers)), `POST / "hello"`),
		refuses(400, "a trailer section one byte too large", "max_trailer_bytes", chunked(trailer(limitTrailers+1))),
		refuses(400, "many trailers", "max_trailer_bytes", chunked("0\r\n"+strings.Repeat("a:\r\n", 2000)+"\r\n")),
		serves("the longest size line", "256 bytes", chunked(ext(256)+"0\r\n\r\n"), `POST / "hello"`),
		refuses(400, "a size line one byte too long", "256 bytes", chunked(ext(257)+"0\r\n\r\n")),
		refuses(400, "a size line far too long", "256 bytes, CVE-2023-39326 class", chunked(ext(10000)+"0\r\n\r\n")),
		serves("the most extensions", "4096 bytes, CVE-2023-39326", chunked(exts+"0\r\n\r\n"), sixteen),
		refuses(400, "extensions one byte too many", "4096 bytes, CVE-2023-39326", chunked(exts+"0;\r\n\r\n")),
		{name: "the most requests on a connection", ref: "keepalive_requests", send: many, want: slices.Repeat([]int{200}, limitRequests), reach: served, ends: true},
		{
			name: "far more requests than the most on a connection", ref: "keepalive_requests, RFC 9112 9.6", send: many + strings.Repeat(many, 500),
			want: slices.Repeat([]int{200}, limitRequests), reach: served, ends: true,
		},
	}
}
