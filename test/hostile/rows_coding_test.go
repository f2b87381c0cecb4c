package hostile

import "fmt"

const hello = "5\r\nhello\r\n0\r\n\r\n"

// codingRows are about Transfer-Encoding (RFC 9112 section 6.1), alone and with
// a length beside it.
func codingRows() []row {
	const sect = "RFC 9112 6.1, S32"
	const both = "RFC 9112 6.3 rule 3, S30"
	coded := func(lines string) string { return post(lines, hello) }
	rows := []row{
		serves("chunked", sect, coded("Transfer-Encoding: chunked\r\n"), `POST / "hello"`),
		serves("codings are case-insensitive", "RFC 9112 7", coded("Transfer-Encoding: cHuNkEd\r\n"), `POST / "hello"`),
		serves("white space around the coding", "RFC 9110 5.5", coded("Transfer-Encoding:\tchunked \t\r\n"), `POST / "hello"`),
		serves("GET in chunks", "RFC 9110 9.3.1", "GET / HTTP/1.1\r\nHost: ex.test\r\nTransfer-Encoding: chunked\r\n\r\n"+hello, `GET / "hello"`),
		serves("TE is no coding", "RFC 9110 10.1.4", post("TE: chunked\r\n", smuggle), "POST /", smuggled),
		serves("Content-Encoding is no coding of the message", "RFC 9110 8.4", post("Content-Encoding: chunked\r\nContent-Length: 5\r\n", "hello"),
			`POST / HTTP_CONTENT_ENCODING="chunked" "hello"`),
		serves("underscore in the name is another field", "S19", post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", "hello"), `POST / "hello"`),
		serves("dot in the name is another field", "S20", post("Transfer.Encoding: chunked\r\nContent-Length: 5\r\n", "hello"), `POST / "hello"`),
		serves("another name", sect, post("X-Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "hello"), `POST / HTTP_X_TRANSFER_ENCODING="chunked" "hello"`),
		serves("listed in Connection it still counts", "RFC 9110 7.6.1", coded("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n"), `POST / "hello"`),

		refuses(400, "CL.TE", both, post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG")),
		refuses(400, "TE.CL", both, post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n"+smuggle)),
		refuses(400, "CL.0 with chunks", both, post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+smuggle)),
		refuses(400, "two lengths and chunks", both, post("Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", hello)),
		refuses(400, "an invalid length and chunks", both, post("Content-Length: x\r\nTransfer-Encoding: chunked\r\n", hello)),
		refuses(400, "a length and an unknown coding", both, post("Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n", "hello")),
		refuses(400, "a length and identity", both, post("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "hello")),
		refuses(400, "TE.TE, the second unknown", sect, coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n")),
		refuses(400, "TE.TE, the first unknown", sect, coded("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n")),
		refuses(400, "TE.TE, names of different case", sect, coded("Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n")),
		refuses(400, "chunked in two lines", sect, coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
		refuses(400, "chunked and an empty line of it", sect, coded("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n")),
		refuses(400, "gzip and chunked in two lines", sect, coded("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")),
		refuses(400, "empty coding", sect, coded("Transfer-Encoding:\r\n")),
		refuses(400, "space in front of the colon", "RFC 9112 5.1", coded("Transfer-Encoding : chunked\r\n")),
		refuses(400, "tab in front of the colon", "RFC 9112 5.1", coded("Transfer-Encoding\t: chunked\r\n")),
		refuses(400, "vertical tab in front of the colon", "RFC 9112 5.1", coded("Transfer-Encoding\x0b: chunked\r\n")),
		refuses(400, "space in front of the name", "RFC 9112 2.2", coded(" Transfer-Encoding: chunked\r\n")),
		refuses(400, "folded coding", "RFC 9112 5.2", coded("Transfer-Encoding:\r\n chunked\r\n")),
		refuses(400, "folded coding by a tab", "RFC 9112 5.2", coded("Transfer-Encoding:\r\n\tchunked\r\n")),
		refuses(400, "coding folded behind another", "RFC 9112 5.2", coded("X-A: b\r\n Transfer-Encoding: chunked\r\n")),
		refuses(400, "coding behind a bare LF", "RFC 9112 2.2", coded("X-A: b\nTransfer-Encoding: chunked\r\n")),
		refuses(400, "coding behind a bare CR", "RFC 9112 2.2", coded("X-A: b\rTransfer-Encoding: chunked\r\n")),
		refuses(400, "coding behind CR CR LF", "RFC 9112 2.2", coded("X-A: b\r\r\nTransfer-Encoding: chunked\r\n")),
		refuses(400, "NUL in the name", "RFC 9110 5.1", coded("Transfer\x00-Encoding: chunked\r\n")),
		refuses(400, "8-bit byte in the name", "RFC 9110 5.1", coded("Transfer\xadEncoding: chunked\r\n")),
		refuses(400, "HTTP/1.0", "RFC 9112 6.1", "POST / HTTP/1.0\r\nHost: ex.test\r\nTransfer-Encoding: chunked\r\n\r\n"+hello),
		refuses(400, "HTTP/1.0 that would stay open", "RFC 9112 6.1",
			"POST / HTTP/1.0\r\nHost: ex.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"+hello),
	}
	for _, bad := range []string{"\x0bchunked", "chunked\x0b", "\x0cchunked", "\x00chunked", "chunked\x00", "chu\x00nked", "chunked\x1f", "chunked\x7f"} {
		rows = append(rows, refuses(400, fmt.Sprintf("coding %q", bad), sect, coded("Transfer-Encoding: "+bad+"\r\n")))
	}
	for _, unknown := range []string{
		"identity", "gzip", "xchunked", "chunkedx", "chunke", "x-chunked", "gzip, chunked", "identity, chunked", "chunked, identity",
		"chunked, chunked", "chunked,", ",chunked", "chunked;q=1", "chunked ;", `"chunked"`, "'chunked'", "chunked\xa0", "\xefchunked", "\xc2\xa0chunked",
		"chunked chunked", "chunked\tx", "nothing-muchunked", "\xe2\x84\xaachunked", "\xc5\xbfchunked",
	} {
		rows = append(rows, refuses(501, fmt.Sprintf("coding %q", unknown), sect, coded("Transfer-Encoding: "+unknown+"\r\n")))
	}
	return rows
}
