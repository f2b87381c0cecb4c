package hostile

import "fmt"

// fieldRows are about field lines (RFC 9112 section 5, RFC 9110 section 5).
func fieldRows() []row {
	rows := []row{
		serves("a field", "RFC 9112 5", get("X-A: 1\r\n"), `GET / HTTP_X_A="1"`),
		serves("an empty value", "RFC 9110 5.5", get("X-A:\r\n"), `GET / HTTP_X_A=""`),
		serves("white space around a value", "RFC 9110 5.5", get("X-A: \t 1 \t\r\n"), `GET / HTTP_X_A="1"`),
		serves("a tab in a value", "RFC 9110 5.5", get("X-A: 1\t2\r\n"), `GET / HTTP_X_A="1\t2"`),
		serves("8-bit bytes in a value", "RFC 9110 5.5: obs-text", get("X-A: \xe9\xff\x80\r\n"), `GET / HTTP_X_A="\xe9\xff\x80"`),
		serves("colons in a value", "RFC 9112 5", get("X-A:: 1: 2\r\n"), `GET / HTTP_X_A=": 1: 2"`),
		serves("two fields of one name", "RFC 9110 5.3", get("X-A: 1\r\nx-a: 2\r\n"), `GET / HTTP_X_A="1, 2"`),
		serves("two Cookies", "RFC 9113 8.2.3", get("Cookie: a=1\r\nCookie: b=2\r\n"), `GET / HTTP_COOKIE="a=1; b=2"`),
		serves("a percent sign is no code", "RFC 9110 5.5", get("X-A: %0d%0aX-B: 1\r\n"), `GET / HTTP_X_A="%0d%0aX-B: 1"`),
		serves("code points whose low byte is CR or LF", "CVE-2019-9741 class", get("X-A: \xc4\x8d\xc4\x8aX-B: 1\r\n"), `GET / HTTP_X_A="čĊX-B: 1"`),

		serves("httpoxy", "CVE-2016-5385, S18", get("Proxy: http://evil.test\r\n"), "GET /"),
		serves("httpoxy in capitals", "CVE-2016-5385, S18", get("PROXY: http://evil.test\r\n"), "GET /"),
		serves("httpoxy with an underscore", "CVE-2016-5385, S18", get("HTTP_PROXY: http://evil.test\r\n_Proxy: a\r\n"), "GET /"),
		serves("Proxy-Authorization is another field", "RFC 9110 11.7.1", get("Proxy-Authorization: x\r\n"), `GET / HTTP_PROXY_AUTHORIZATION="x"`),
		serves("underscores are dropped", "GHSA-f59h-q822-g45g, S19", get("X_A: 1\r\nRemote_User: adm\r\n"), "GET /"),
		serves("an underscore does not join its twin", "S19", get("X_A: 1\r\nX-A: 2\r\n"), `GET / HTTP_X_A="2"`),
		serves("an underscore that is expected passes", "underscore_headers", get("X_Allowed: 1\r\n"), `GET / HTTP_X_ALLOWED="1"`),
		serves("dots are dropped", "GHSA-49wc-4hcv-v58q, S20", get("Remote.User: adm\r\n"), "GET /"),
		serves("a dot that is expected passes", "underscore_headers", get("x.allowed: 1\r\n"), `GET / HTTP_X_ALLOWED="1"`),
		serves("other signs of a token are dropped", "S20", get("X!A: 1\r\nX#A: 1\r\nX$A: 1\r\nX%A: 1\r\nX&A: 1\r\nX'A: 1\r\nX*A: 1\r\nX+A: 1\r\nX^A: 1\r\nX`A: 1\r\nX|A: 1\r\nX~A: 1\r\n"), "GET /"),
		serves("fields that name params are fields only", "S22", get("Php-Value: auto_prepend_file=/x\r\nScript-Filename: /etc/passwd\r\nHttps: on\r\nRemote-Addr: 6.6.6.6\r\nRedirect-Status: 1\r\n"),
			`GET / HTTP_HTTPS="on" HTTP_PHP_VALUE="auto_prepend_file=/x" HTTP_REDIRECT_STATUS="1" HTTP_REMOTE_ADDR="6.6.6.6" HTTP_SCRIPT_FILENAME="/etc/passwd"`),
		serves("params in underscores", "S22", get("PHP_VALUE: auto_prepend_file=/x\r\nDOCUMENT_ROOT: /\r\nREQUEST_METHOD: PUT\r\n"), "GET /"),
		serves("unchecked users stay unchecked", "S56", get("Authorization: Basic YTpi\r\n"), `GET / HTTP_AUTHORIZATION="Basic YTpi"`),
		serves("Content-Type is no HTTP_CONTENT_TYPE", "S21", get("Content-Type: text/x\r\n"), `GET / CONTENT_TYPE="text/x"`),
		serves("names like shell functions", "CVE-2014-6271 class", get("X-A: () { :;}; echo vulnerable\r\n"), `GET / HTTP_X_A="() { :;}; echo vulnerable"`),
		serves("method overrides are the application's", "RFC 9110 9", get("X-HTTP-Method-Override: DELETE\r\n"), `GET / HTTP_X_HTTP_METHOD_OVERRIDE="DELETE"`),

		refuses(400, "folded line", "RFC 9112 5.2, S33", get("X-A: 1\r\n 2\r\n")),
		refuses(400, "folded line by a tab", "RFC 9112 5.2, S33", get("X-A: 1\r\n\t2\r\n")),
		refuses(400, "folded last line", "RFC 9112 5.2, S33", "GET / HTTP/1.1\r\nHost: ex.test\r\n \r\n\r\n"),
		refuses(400, "fold in front of all fields", "RFC 9112 2.2", "GET / HTTP/1.1\r\n Host: ex.test\r\n\r\n"),
		refuses(400, "tab in front of all fields", "RFC 9112 2.2", "GET / HTTP/1.1\r\n\tX-A: 1\r\nHost: ex.test\r\n\r\n"),
		refuses(400, "space in front of the colon", "RFC 9112 5.1, S33", get("X-A : 1\r\n")),
		refuses(400, "tab in front of the colon", "RFC 9112 5.1, S33", get("X-A\t: 1\r\n")),
		refuses(400, "space in a name", "RFC 9110 5.1", get("X A: 1\r\n")),
		refuses(400, "no name", "RFC 9110 5.1", get(": 1\r\n")),
		refuses(400, "colon only", "RFC 9110 5.1", get(":\r\n")),
		refuses(400, "no colon", "RFC 9112 5", get("X-A\r\n")),
		refuses(400, "a request line among the fields", "RFC 9112 5", get("GET /smuggled HTTP/1.1\r\n")),
		refuses(400, "bare LF", "RFC 9112 2.2, S33", get("X-A: 1\nX-B: 2\r\n")),
		refuses(400, "bare LF at the end of the head", "RFC 9112 2.2", "GET / HTTP/1.1\r\nHost: ex.test\r\n\n"),
		refuses(400, "bare CR at the end of the head", "RFC 9112 2.2", "GET / HTTP/1.1\r\nHost: ex.test\r\n\r"),
		refuses(400, "LF LF", "RFC 9112 2.2, S33", "GET / HTTP/1.1\nHost: ex.test\n\n"),
		refuses(400, "bare CR", "RFC 9112 2.2, S33", get("X-A: 1\rX-B: 2\r\n")),
		refuses(400, "CR CR LF", "RFC 9112 2.2", get("X-A: 1\r\r\n")),
		refuses(400, "LF CR", "RFC 9112 2.2", get("X-A: 1\n\rX-B: 1\r\n")),
		refuses(400, "bare CR in front of a name", "RFC 9112 2.2", get("\rX-A: 1\r\n")),
	}
	for _, c := range []byte{0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x1b, 0x1f, 0x7f} {
		rows = append(rows, refuses(400, fmt.Sprintf("byte %#02x in a value", c), "RFC 9110 5.5, S33", get("X-A: 1"+string(rune(c))+"2\r\n")))
	}
	for _, c := range "\x00\x01\t\"(),/;<=>?@[\\]{}\x7f\u00e9" {
		rows = append(rows, refuses(400, fmt.Sprintf("%q in a name", c), "RFC 9110 5.6.2", get("X"+string(c)+"A: 1\r\n")))
	}
	return rows
}
