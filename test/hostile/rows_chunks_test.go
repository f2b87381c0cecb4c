package hostile

import (
	"fmt"
	"strings"
)

// chunkRows are about the chunked coding (RFC 9112 section 7.1).
func chunkRows() []row {
	const sect = "RFC 9112 7.1, S34"
	rows := []row{
		serves("no content", sect, chunked("0\r\n\r\n"), "POST /"),
		serves("two chunks", sect, chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), `POST / "hello"`),
		serves("size in capitals", sect, chunked("A\r\n0123456789\r\n0\r\n\r\n"), `POST / "0123456789"`),
		serves("leading zeros", sect, chunked("0005\r\nhello\r\n000\r\n\r\n"), `POST / "hello"`),
		serves("sixteen digits", sect, chunked("0000000000000005\r\nhello\r\n0\r\n\r\n"), `POST / "hello"`),
		serves("chunks of one byte", sect, chunked(strings.Repeat("1\r\nx\r\n", 40)+"0\r\n\r\n"), `POST / "`+strings.Repeat("x", 40)+`"`),
		serves("a body that looks like the end of chunks", sect, chunked("7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n"), `POST / "0\r\n\r\n0\r"`),
		serves("a request behind", "RFC 9112 9.3.2", chunked(hello+smuggle), `POST / "hello"`, smuggled),
		serves("extension", "RFC 9112 7.1.1", chunked("5;a\r\nhello\r\n0;b=c\r\n\r\n"), `POST / "hello"`),
		serves("extension with a quoted string", "RFC 9112 7.1.1", chunked("5;a=\"b;c\\\"d\"\r\nhello\r\n0\r\n\r\n"), `POST / "hello"`),
		serves("extension with a quote that does not end", "RFC 9112 7.1.1: lines rule", chunked("5;a=\"b\r\nhello\r\n0\r\n\r\n"), `POST / "hello"`),
		serves("extension with white space", "RFC 9112 7.1.1", chunked("5; a = b\r\nhello\r\n0\r\n\r\n"), `POST / "hello"`),
		refuses(400, "end missing, a request for trailers", "RFC 9112 7.1.2", chunked("5\r\nhello\r\n0\r\n"+smuggle)),
		refuses(400, "more than the size says", sect, chunked("3\r\nhello\r\n0\r\n\r\n")),
		refuses(400, "less than the size says", sect, chunked("8\r\nhello\r\n0\r\n\r\n")),
		refuses(400, "no CRLF behind the content", sect, chunked("5\r\nhello0\r\n\r\n")),
		refuses(400, "other bytes behind the content", "CVE-2019-18277 class", chunked("5\r\nhelloXX0\r\n\r\n")),
		refuses(400, "bare LF behind the content", "RFC 9112 2.2", chunked("5\r\nhello\n0\r\n\r\n")),
		refuses(400, "bare CR behind the content", "RFC 9112 2.2", chunked("5\r\nhello\r0\r\n\r\n")),
		refuses(400, "CR CR LF behind the content", "RFC 9112 2.2", chunked("5\r\nhello\r\r\n0\r\n\r\n")),
		refuses(400, "bare LF behind the size", "RFC 9112 2.2, TERM.EXT", chunked("5\nhello\r\n0\r\n\r\n")),
		refuses(400, "bare CR behind the size", "RFC 9112 2.2", chunked("5\rhello\r\n0\r\n\r\n")),
		refuses(400, "bare LF behind the last size", "RFC 9112 2.2", chunked("5\r\nhello\r\n0\n\r\n")),
		refuses(400, "bare LF at the end", "RFC 9112 2.2", chunked("5\r\nhello\r\n0\r\n\n")),
		refuses(400, "bare CR at the end", "RFC 9112 2.2", chunked("5\r\nhello\r\n0\r\n\r\r\n")),
		refuses(400, "bare LF in an extension", "EXT.TERM, CVE-2025-55315 class", chunked("5;\nxx\r\nhello\r\n0\r\n\r\n")),
		refuses(400, "bare LF ends an extension", "EXT.TERM", chunked("5;a\nhello\r\n0\r\n\r\n")),
		refuses(400, "bare CR in an extension", "CVE-2025-55315 class", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")),
		refuses(400, "NUL in an extension", "RFC 9112 7.1.1", chunked("5;a\x00\r\nhello\r\n0\r\n\r\n")),
		refuses(400, "DEL in an extension", "RFC 9112 7.1.1", chunked("5;a\x7f\r\nhello\r\n0\r\n\r\n")),
		refuses(400, "a body of LFs only", "RFC 9112 2.2", chunked("5\nhello\n0\n\n")),
		{
			name: "the end never comes", ref: "RFC 9112 8", alone: true, eof: true, ends: true,
			send: chunked("5\r\nhello\r\n"),
		},
		{
			name: "the last CRLF never comes", ref: "RFC 9112 8", alone: true, eof: true, ends: true,
			send: chunked("5\r\nhello\r\n0\r\n"),
		},
	}
	for _, bad := range []string{
		"", ";", ";5", ";a", " 5", "\t5", "5 ", "5\t", "5 ;a", "5 5", "+5", "-5", "0x5", "0X5", "x5", "5x", "5h", "g", "5,", "5.", "5.0", "5:", "5=", "\"5\"",
		"\x005", "5\x00", "\x0b5", "5\x0b", "\xef\xbc\x95", "5\xa0", "_5", "5_0", "-0", "00000000000000005", "FFFFFFFFFFFFFFFFF", "10000000000000005", "FFFFFFFFFFFFFFFF",
		"8000000000000000", "7FFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFB", "100000000000000000005",
	} {
		rows = append(rows, refuses(400, fmt.Sprintf("size %q", bad), sect, chunked(bad+"\r\nhello\r\n0\r\n\r\n")))
	}
	for _, bad := range []string{"0 ", "0x0", "-0", "+0", "0g", "0\x00", "00000000000000000"} {
		rows = append(rows, refuses(400, fmt.Sprintf("last size %q", bad), sect, chunked("5\r\nhello\r\n"+bad+"\r\n\r\n")))
	}
	return append(rows, trailerRows()...)
}

// trailerRows are about trailer sections. They are read, checked and dropped: a
// FastCGI request has its params in front of its body, and nothing may be taken
// for a header that came behind it (RFC 9110 section 6.5.1).
func trailerRows() []row {
	const sect = "RFC 9112 7.1.2"
	trailed := func(lines string) string { return chunked("5\r\nhello\r\n0\r\n" + lines + "\r\n") }
	var rows []row
	for _, lines := range []string{
		"X-T: v\r\n", "X-T:v\r\n", "X-T:\r\n", "X-A: 1\r\nX-B: 2\r\n", "Content-Length: 50\r\n", "Content-Length: x\r\n", "Transfer-Encoding: chunked\r\n",
		"Host: evil.test\r\n", "Authorization: Basic YTpi\r\n", "Cookie: a=b\r\n", "Connection: close\r\n", "X-Forwarded-For: 6.6.6.6\r\n",
		"Content-Type: text/evil\r\n", "Expect: 100-continue\r\n", "Proxy: evil\r\n", "X_Under: 1\r\n", "Trailer: Host\r\n", "X-T: \xe9\t\r\n",
	} {
		rows = append(rows, serves(fmt.Sprintf("trailer %q", lines), "RFC 9110 6.5.1", trailed(lines), `POST / "hello"`))
	}
	rows = append(rows,
		serves("an announced trailer", "RFC 9110 6.6.2", post("Trailer: X-T\r\nTransfer-Encoding: chunked\r\n", "0\r\nX-T: v\r\n\r\n"), "POST /"),
		refuses(400, "length announced as trailer", "RFC 9110 6.5.1", post("Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
		refuses(400, "coding announced as trailer", "RFC 9110 6.5.1", post("Trailer: x, transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
		refuses(400, "host announced as trailer", "RFC 9110 6.5.1", post("Trailer: Host\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
		refuses(400, "announcement that is no list of names", "RFC 9110 6.6.2", post("Trailer: a b\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
	)
	for _, lines := range []string{
		" X-T: v\r\n", "X-T: v\r\n folded\r\n", "X-T\r\n", ": v\r\n", "X-T : v\r\n", "X T: v\r\n", "X-\x00T: v\r\n", "X-T: \x00\r\n", "X-T: v\n", "X-T: v\rx\r\n",
		"X-T: \x0b\r\n", "\xe9: v\r\n", "X-T: v\r\r\n",
	} {
		rows = append(rows, refuses(400, fmt.Sprintf("trailer %q", lines), sect, trailed(lines)))
	}
	return rows
}
