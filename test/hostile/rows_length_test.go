package hostile

import "fmt"

const smuggled = "GET /smuggled"

// withLength is a POST of "hello" whose Content-Length lines are given.
func withLength(lines string) string { return post(lines, "hello") }

// lengthRows are about Content-Length (RFC 9110 section 8.6, RFC 9112 section 6.3).
func lengthRows() []row {
	const sect = "RFC 9112 6.3, S31"
	rows := []row{
		serves("a length", sect, withLength("Content-Length: 5\r\n"), `POST / "hello"`),
		serves("no space behind the colon", sect, withLength("Content-Length:5\r\n"), `POST / "hello"`),
		serves("white space around a length", "RFC 9110 5.5", withLength("Content-Length: \t5 \t\r\n"), `POST / "hello"`),
		serves("name in upper case", "RFC 9110 5.1", withLength("CONTENT-LENGTH: 5\r\n"), `POST / "hello"`),
		serves("leading zeros are decimal", "RFC 9110 8.6: 1*DIGIT", withLength("Content-Length: 0005\r\n"), `POST / "hello"`),
		serves("forty zeros in front", "RFC 9110 8.6: 1*DIGIT", withLength(fmt.Sprintf("Content-Length: %045d\r\n", 5)), `POST / "hello"`),
		serves("a length of zero ends the request", sect, post("Content-Length: 0\r\n", smuggle), "POST /", smuggled),
		serves("no length, no body", "RFC 9112 6.3 rule 7", post("", smuggle), "POST /", smuggled),
		serves("underscore in the name is another field", "S21", withLength("Content_Length: 77\r\nContent-Length: 5\r\n"), `POST / "hello"`),
		serves("dot in the name is another field", "S20", withLength("Content.Length: 77\r\nContent-Length: 5\r\n"), `POST / "hello"`),
		serves("underscore in the name alone is no length", "S21", post("Content_Length: 50\r\n", smuggle), "POST /", smuggled),
		serves("GET with a body", "RFC 9110 9.3.1", "GET / HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 5\r\n\r\nhello", `GET / "hello"`),
		serves("DELETE with a body", "RFC 9110 9.3.5", "DELETE / HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 5\r\n\r\nhello", `DELETE / "hello"`),
		serves("OPTIONS with a body", "RFC 9110 9.3.7", "OPTIONS /x HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 5\r\n\r\nhello", `OPTIONS /x "hello"`),
		{
			name: "HEAD with a body", ref: "RFC 9110 9.3.2", method: "HEAD", want: []int{200}, reach: []string{`HEAD / "hello"`},
			send: "HEAD / HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 5\r\n\r\nhello",
		},
		{
			name: "more than was declared is the next request, and none", ref: "RFC 9112 9.2", want: []int{200, 400}, ends: true,
			send: post("Content-Length: 5\r\n", "hello\x00"), reach: []string{`POST / "hello"`},
		},
		{
			name: "less than was declared takes of the next request", ref: "RFC 9112 6.3 rule 6", want: []int{200, 400}, ends: true,
			send: post("Content-Length: 10\r\n", "hello"), reach: []string{`POST / "helloGET /"`},
		},
		{
			name: "less than was declared, then the end", ref: "RFC 9112 8", ends: true, alone: true, eof: true,
			send: post("Content-Length: 10\r\n", "hello"),
		},
		refuses(413, "four gigabytes and five", "wraps to 5 in 32 bits", withLength("Content-Length: 4294967301\r\n")),
		refuses(413, "the largest length", sect, withLength("Content-Length: 9223372036854775807\r\n")),
		refuses(400, "two different lengths", sect, withLength("Content-Length: 5\r\nContent-Length: 6\r\n")),
		refuses(400, "two equal lengths", sect, withLength("Content-Length: 5\r\nContent-Length: 5\r\n")),
		refuses(400, "a second length of another case", sect, withLength("Content-Length: 5\r\ncontent-length: 0\r\n")),
		refuses(400, "a second, empty length", sect, withLength("Content-Length: 5\r\nContent-Length:\r\n")),
		refuses(400, "name without a colon", "RFC 9112 5", withLength("Content-Length 5\r\n")),
		refuses(400, "space in front of the colon", "RFC 9112 5.1", withLength("Content-Length : 5\r\n")),
		refuses(400, "tab in front of the colon", "RFC 9112 5.1", withLength("Content-Length\t: 5\r\n")),
		refuses(400, "folded length", "RFC 9112 5.2", withLength("Content-Length:\r\n 5\r\n")),
		refuses(400, "length behind a fold", "RFC 9112 5.2", withLength("X-A: b\r\n Content-Length: 5\r\n")),
		refuses(400, "length behind a bare LF", "RFC 9112 2.2", withLength("X-A: b\nContent-Length: 5\r\n")),
		refuses(400, "length behind a bare CR", "RFC 9112 2.2", withLength("X-A: b\rContent-Length: 5\r\n")),
		refuses(400, "NUL behind the name", "RFC 9110 5.1", withLength("Content-Length\x00: 5\r\n")),
		refuses(400, "soft hyphen in the name", "RFC 9110 5.1", withLength("Content\xadLength: 5\r\n")),
	}
	for _, bad := range []string{
		"", "+5", "-5", "-0", "5 5", "5, 5", "5,5", "5,", ",5", "5;", "0x5", "05h", "5.0", "5e0", "5_0", `"5"`, "'5'", "five", "5\x0b", "\x0c5",
		"5\x00", "\x005", "5\x7f", "\xd9\xa5", "5\xa0", "\xef\xbc\x95", "9223372036854775808", "18446744073709551621", "99999999999999999999999",
	} {
		rows = append(rows, refuses(400, fmt.Sprintf("length %q", bad), sect, withLength("Content-Length: "+bad+"\r\n")))
	}
	return rows
}
