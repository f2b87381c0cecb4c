package hostile

import "fmt"

// targetRows are about request targets (RFC 9112 section 3.2, RFC 3986).
func targetRows() []row {
	target := func(s string) string { return "GET " + s + " HTTP/1.1\r\nHost: ex.test\r\n\r\n" }
	rows := []row{
		{
			name: "asterisk", ref: "RFC 9112 3.2.4, RFC 9110 9.3.7", send: "OPTIONS * HTTP/1.1\r\nHost: ex.test\r\n\r\n", want: []int{204},
			fields: []string{"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
		},
		{name: "asterisk in absolute form", ref: "RFC 9112 3.2.4", send: "OPTIONS http://ex.test HTTP/1.1\r\nHost: ex.test\r\n\r\n", want: []int{204}},
		serves("an asterisk that is a path", "RFC 9112 3.2.1", "OPTIONS /* HTTP/1.1\r\nHost: ex.test\r\n\r\n", "OPTIONS /*"),
		serves("absolute form wins over Host", "RFC 9112 3.2.2, S35", target("http://other.test:81/x?y"), `GET /x?y HTTP_HOST="other.test:81"`),
		serves("scheme in capitals", "RFC 3986 3.1", target("HTTP://ex.test/x"), "GET /x"),
		serves("absolute form without a path", "RFC 9112 3.2.1", target("http://ex.test"), "GET /"),
		serves("absolute form with a query only", "RFC 3986 3.4", target("http://ex.test?x=1"), "GET /?x=1"),
		serves("absolute form with a path of slashes", "RFC 9112 3.2.2", target("http://ex.test//evil.test/"), "GET //evil.test/"),
		serves("a URL in a path", "RFC 9112 3.2.1", target("/http://evil.test/"), "GET /http://evil.test/"),
		serves("IPv6 in absolute form", "RFC 3986 3.2.2", target("http://[::1]:80/x"), `GET /x HTTP_HOST="[::1]:80"`),
		closing("absolute form of HTTP/1.0 without Host", "RFC 9112 3.2.2", "GET http://ex.test/x HTTP/1.0\r\n\r\n", `GET /x SERVER_PROTOCOL="HTTP/1.0"`),
		refuses(400, "absolute form without Host", "RFC 9112 3.2", "GET http://ex.test/ HTTP/1.1\r\n\r\n"),
		refuses(400, "absolute form with a bad Host", "RFC 9112 3.2", "GET http://ex.test/ HTTP/1.1\r\nHost: a b\r\n\r\n"),
		refuses(400, "absolute form with two Hosts", "RFC 9112 3.2", "GET http://ex.test/ HTTP/1.1\r\nHost: ex.test\r\nHost: ex.test\r\n\r\n"),
		refuses(400, "asterisk without OPTIONS", "RFC 9112 3.2.4", target("*")),
		refuses(400, "POST of an asterisk", "RFC 9112 3.2.4", "POST * HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 0\r\n\r\n"),
		refuses(400, "asterisk with a query", "RFC 9112 3.2.4", "OPTIONS *?x HTTP/1.1\r\nHost: ex.test\r\n\r\n"),
		refuses(400, "asterisk with a path", "RFC 9112 3.2.4", "OPTIONS */x HTTP/1.1\r\nHost: ex.test\r\n\r\n"),
	}
	// What must come through as it is: every byte of REQUEST_URI.
	for _, ok := range []string{
		"/", "//", "//evil.test/x", "///", "/a//b", "/./a", "/a/.", "/a/../b", "/a/%2e%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`, `/a\..\b`, `/\evil.test`,
		"/a;jsessionid=1", "/a%20b", "/a+b", "/%61dmin", "/%2561", "/%252e%252e/x", "/%c3%a9", "/%c0%ae%c0%ae/x", "/%c0%af", "/%ff", "/a%3fb", "/a%23b",
		"/a:b", "/a@b", "/~a", "/a?b?c", "/?", "/?%00", "/?%0d%0aX-A:%201", "/?a=http://evil.test/../..", `/?"<>\^` + "`{|}", "/?a=%", "/?/../..",
		"/*", "/a,b", "/a'b", "/$(id)", "/a|b", "/{x}", "/a%2e", "/a%80",
	} {
		rows = append(rows, serves(fmt.Sprintf("target %q", ok), "RFC 9112 3.2.1", target(ok), "GET "+ok))
	}
	for _, dotted := range []string{"/..;/x", "/a/..;/b", "/...", "/.../x", "/.a", "/%2ea", "/a/.%61", "/a//.b", "/.a/../.b"} {
		rows = append(rows, row{name: fmt.Sprintf("target %q", dotted), ref: "dotfiles, S16", send: target(dotted), want: []int{404}})
	}
	for _, bad := range []string{
		"/%00", "/a%00.php", "/%0a", "/%0d%0aX-A:1", "/%0D", "/%09", "/%1f", "/%7f", "/%", "/%4", "/%u002e", "/%zz", "/%4z", "/%%30", "/%-1", "/% 1", "/..", "/../x", "/a/../../x", "/%2e%2e",
		"/%2e%2e/x", "/%2E./x", "/..%2fx", "/..%2f..%2fetc/passwd", "/a/%2e%2e/%2e%2e/x", "/./../x", "//../x", "/a#b", "/#", "/?a#b", "/\xc3\xa9", "/\xff", "/a\x7f", "/?\x7f", "/?\xe9",
		"/a\x01b", "/\x1b[31m", "x", "?x", "index.php", "ex.test:80", "ex.test", "http:", "http:/", "http:x", "http:/x", "http:///x", "http://", "http://?x", "http//ex.test/", "://ex.test/",
		"ftp://ex.test/", "file:///etc/passwd", "gopher://x/", "ws://ex.test/", "javascript:alert(1)", "unix:/run/x.sock", "http://u@ex.test/", "http://u:p@ex.test/", "http://@ex.test/",
		"http://ex.test:99999/", "http://ex.test:0/", "http://ex.test:/", "http://ex.test:x/", "http://ex..test/", "http://a,b/", "http://a%41/", `http://ex.test\@evil.test/`,
		"http://ex.test#x", "http://ex.test/#x", "http://[::1%25eth0]/", "http://[::1/", "http://::1/", "http://ex.test/%00", "http://ex.test/../x", "http://ex_\xe9/",
	} {
		rows = append(rows, refuses(400, fmt.Sprintf("target %q", bad), "RFC 9112 3.2, S1 to S3, S12", target(bad)))
	}
	return rows
}
