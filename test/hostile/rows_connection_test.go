package hostile

import (
	"fmt"
	"strings"
)

// closing is a row that is served and whose client asks for the end.
func closing(name, ref, send string, reach ...string) row {
	r := serves(name, ref, send, reach...)
	r.ends, r.rude = true, true
	return r
}

// connectionRows are about Connection and the fields it names (RFC 9110 section
// 7.6.1), Upgrade (7.8) and the versions (RFC 9112 section 9.3).
func connectionRows() []row {
	const sect = "RFC 9110 7.6.1, S36"
	old := func(lines string) string { return "GET / HTTP/1.0\r\nHost: ex.test\r\n" + lines + "\r\n" }
	const old10 = `GET / SERVER_PROTOCOL="HTTP/1.0"`
	rows := []row{
		closing("close", "RFC 9112 9.6", get("Connection: close\r\n"), "GET /"),
		closing("close in capitals", "RFC 9110 7.6.1", get("Connection: CLOSE\r\n"), "GET /"),
		closing("close in a list", "RFC 9110 5.6.1", get("Connection: , keep-alive ,\t, close ,\r\n"), "GET /"),
		closing("close in the second line", "RFC 9110 5.3", get("Connection: keep-alive\r\nConnection: close\r\n"), "GET /"),
		closing("nothing behind close is served", "RFC 9112 9.6", get("Connection: close\r\n")+smuggle, "GET /"),
		closing("HTTP/1.0 that says nothing", "RFC 9112 9.3", old(""), old10),
		closing("HTTP/1.0 that wants both", "RFC 9112 9.3", old("Connection: keep-alive, close\r\n"), old10),
		closing("Keep-Alive alone keeps nothing", "RFC 9112 9.3", old("Keep-Alive: timeout=5\r\n"), old10),
		closing("Proxy-Connection keeps nothing", "RFC 9112 C.2.2", old("Proxy-Connection: keep-alive\r\n"), old10),
		serves("HTTP/1.0 that stays", "RFC 9112 9.3", old("Connection: keep-alive\r\n"), old10),
		serves("a word that begins like close", sect, get("Connection: closed\r\n"), "GET /"),
		serves("empty", sect, get("Connection:\r\n"), "GET /"),
		serves("a field that is named", sect, get("Connection: X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n"), `GET / HTTP_X_END="2"`),
		serves("a field that is named behind it", sect, get("X-Hop: 1\r\nConnection: x-hop\r\nX-HOP: 2\r\n"), "GET /"),
		serves("Authorization named", sect, get("Connection: Authorization\r\nAuthorization: Basic YTpi\r\n"), "GET /"),
		serves("Cookie named", sect, get("Connection: Cookie\r\nCookie: a=b\r\n"), "GET /"),
		serves("X-Forwarded-For named", "CVE-2022-31813, S36", get("Connection: close-not, X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6\r\n"), "GET /"),
		serves("fields of the connection never travel", "RFC 9110 7.6.1",
			get("Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: x\r\n"), "GET /"),
		serves("sixteen names", sect, get("Connection: "+strings.Repeat("a,", 16)+"\r\n"), "GET /"),
		refuses(400, "seventeen names", sect, get("Connection: "+strings.Repeat("a,", 17)+"\r\n")),
		refuses(400, "Host named", sect, get("Connection: Host\r\n")),
		refuses(400, "Content-Length named", sect, post("Connection: Content-Length\r\nContent-Length: 5\r\n", "hello")),
		refuses(400, "Content-Type named", sect, post("Connection: content-type\r\nContent-Length: 5\r\n", "hello")),
		refuses(400, "Content-Encoding named", sect, post("Connection: close, Content-Encoding\r\nContent-Length: 5\r\n", "hello")),
		refuses(400, "no list of names", sect, get("Connection: a b\r\n")),
		refuses(400, "a parameter", sect, get("Connection: close;q=1\r\n")),
		refuses(400, "a quoted name", sect, get("Connection: \"close\"\r\n")),
		refuses(400, "an 8-bit byte", sect, get("Connection: cl\xf6se\r\n")),

		serves("h2c", "RFC 9113 3.1: no more", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), "GET /"),
		serves("h2c without Connection", "CVE-2021-26691 class", get("Upgrade: h2c\r\n"), "GET /"),
		serves("h2c with a body", "h2c smuggling", post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n", "hello"), `POST / "hello"`),
		serves("TLS", "RFC 2817", get("Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n"), "GET /"),
		serves("websocket to what speaks none", "RFC 9110 7.8", get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
			`GET / HTTP_SEC_WEBSOCKET_KEY="dGhlIHNhbXBsZSBub25jZQ==" HTTP_SEC_WEBSOCKET_VERSION="13"`),
		serves("Upgrade of HTTP/1.0", "RFC 9110 7.8", old("Connection: Upgrade, keep-alive\r\nUpgrade: websocket\r\n"), old10),
	}
	return append(rows, expectRows()...)
}

// expectRows are about Expect (RFC 9110 section 10.1.1).
func expectRows() []row {
	const sect = "RFC 9110 10.1.1"
	expect := func(value, body string) string {
		return post(fmt.Sprintf("Expect: %s\r\nContent-Length: %d\r\n", value, len(body)), body)
	}
	rows := []row{
		serves("100-continue with its body", sect, expect("100-continue", "hello"), `POST / "hello"`),
		serves("100-Continue in another case", sect, expect("100-Continue", "hello"), `POST / "hello"`),
		serves("100-continue in chunks", sect, post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", hello), `POST / "hello"`),
		serves("100-continue twice", sect, post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", "hello"), `POST / "hello"`),
	}
	for i := range rows {
		rows[i].may100 = true
	}
	return append(rows,
		serves("100-continue without a body", sect, get("Expect: 100-continue\r\n"), "GET /"),
		serves("100-continue with an empty body", sect, expect("100-continue", ""), "POST /"),
		closing("100-continue of HTTP/1.0 is ignored", sect, "POST / HTTP/1.0\r\nHost: ex.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
			`POST / SERVER_PROTOCOL="HTTP/1.0" "hello"`),
		refuses(417, "another expectation", sect, expect("200-ok", "hello")),
		refuses(417, "100-continue and another", sect, expect("100-continue, x", "hello")),
		refuses(417, "nothing expected", sect, expect("", "hello")),
		refuses(417, "100-continue with a parameter", sect, expect("100-continue;a=b", "hello")),
		refuses(417, "another behind 100-continue", sect, post("Expect: 100-continue\r\nExpect: y\r\nContent-Length: 5\r\n", "hello")),
		row{
			name: "a body that is too large is not asked for", ref: sect, want: []int{413}, ends: true, alone: true,
			send: post(fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", limitBody+1), ""),
		},
	)
}
