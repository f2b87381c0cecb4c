package hostile

import (
	"fmt"
	"strings"
)

// hostRows are about Host (RFC 9112 section 3.2, RFC 3986 section 3.2).
func hostRows() []row {
	const sect = "RFC 9112 3.2, S35"
	host := func(lines string) string { return "GET / HTTP/1.1\r\n" + lines + "\r\n" }
	label := strings.Repeat("a", 63)
	long := strings.Join([]string{label, label, label, label}, ".") // 255
	rows := []row{
		serves("no space behind the colon", sect, host("Host:ex.test\r\n"), "GET /"),
		serves("white space around", "RFC 9110 5.5", host("Host:\t ex.test \t\r\n"), "GET /"),
		serves("last of the fields", sect, host("X-A: 1\r\nhOST: ex.test\r\n"), `GET / HTTP_X_A="1"`),
		serves("other fields that name hosts are fields", "S48", host("Host: ex.test\r\nX-Host: evil.test\r\n"), `GET / HTTP_X_HOST="evil.test"`),
		serves("a host with underscores in the name is none", "S19", host("Host: ex.test\r\nHTTP_HOST: evil.test\r\nHost_: evil.test\r\n"), "GET /"),
		serves("Http-Host is another field", "S22", host("Host: ex.test\r\nHttp-Host: evil.test\r\n"), `GET / HTTP_HTTP_HOST="evil.test"`),
		refuses(400, "none", sect, host("")),
		refuses(400, "none but X-Forwarded-Host", sect, host("X-Forwarded-Host: ex.test\r\n")),
		refuses(400, "two", sect, host("Host: a.test\r\nHost: b.test\r\n")),
		refuses(400, "two alike", sect, host("Host: ex.test\r\nHost: ex.test\r\n")),
		refuses(400, "two of different case", sect, host("Host: ex.test\r\nHOST: evil.test\r\n")),
		refuses(400, "two, the second empty", sect, host("Host: ex.test\r\nHost:\r\n")),
		refuses(400, "space in front of the colon", "RFC 9112 5.1", host("Host : ex.test\r\n")),
		refuses(400, "a second one with a space in front of the colon", "RFC 9112 5.1", host("Host: ex.test\r\nHost : evil.test\r\n")),
		refuses(400, "folded", "RFC 9112 5.2", host("Host:\r\n ex.test\r\n")),
		refuses(400, "folded on", "RFC 9112 5.2", host("Host: ex.test\r\n .evil.test\r\n")),
		refuses(400, "too long", "RFC 1035 2.3.4", host("Host: "+long+"a\r\n")),
		refuses(400, "far too long", "RFC 1035 2.3.4", host("Host: "+strings.Repeat("a.", 1000)+"test\r\n")),
	}
	for _, ok := range []string{
		"EX.Test", "ex.test.", "ex.test:80", "ex.test:1", "ex.test:65535", "ex.test:00080", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "[::FFFF:1.2.3.4]", "a_b.test", "_dmarc.ex.test",
		"xn--nxasmq6b", "0x7f.1", "2130706433", "localhost", "a", "a~b", "-", "a-.test", long,
	} {
		rows = append(rows, serves(fmt.Sprintf("host %.40q", ok), sect, host("Host: "+ok+"\r\n"), fmt.Sprintf("GET / HTTP_HOST=%q", ok)))
	}
	for _, bad := range []string{
		"", " ", "a b", "a\tb", "a, b", "a,b", "ex.test,", "u@ex.test", "u:p@ex.test", "@ex.test", "ex.test/", "ex.test/x", "ex.test?x", "ex.test#x", `ex.test\x`, `ex.test\@evil.test`, "ex.test:", ":80", ":",
		"ex.test:0", "ex.test:65536", "ex.test:99999", "ex.test:000080", "ex.test:+80", "ex.test:-80", "ex.test:80a", "ex.test:8 0", "ex.test:80:80", "ex.test:80, ex.test", "ex.test:\xd9\xa8",
		"[::1", "::1", "[]", "[::1]x", "[::1]:", "[::1%25eth0]", "[::1%eth0]", "[1.2.3.4]", "[v1.x]", "[::1]:99999", "[::g]", "ex..test", ".ex.test", ".", "..", "a%41.test", "a%00.test", "%", "\xe9.test",
		"ex.test\xe3\x80\x82", "*.test", "$x", "a;b", "a=b", "a&b", "a'b", `a"b`, "a<b>", `a"b<c>`, "a`b", "a|b", "a{b}", "a!b", "a(b)", "a+b", "http://ex.test", "ex.test\x00.evil.test", "ex.test\x0b", "ex.test\x7f",
	} {
		rows = append(rows, refuses(400, fmt.Sprintf("host %q", bad), sect, host("Host: "+bad+"\r\n")))
	}
	return rows
}
