package hostile

import (
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// says is a row about what the application answers. Its name is the query.
func says(status int, name, ref, output string) row {
	query := "app=" + strings.NewReplacer(" ", "-", ",", "").Replace(name)
	return row{
		name: name, ref: ref, send: "GET /?" + query + " HTTP/1.1\r\nHost: ex.test\r\n\r\n", reach: []string{"GET /?" + query},
		want: []int{status}, app: output,
	}
}

func (r row) with(body string, lines ...string) row {
	r.body, r.fields = body, lines
	return r
}

func (r row) without(names ...string) row {
	r.gone = names
	return r
}

// appRows are about responses that would split, or be framed twice (S41 to S43).
func appRows() []row {
	const plain = "Content-Type: text/plain\r\n"
	rows := []row{
		says(200, "an ordinary answer", "RFC 3875 6", plain+"X-A: 1\r\n\r\nbody").with("body", "X-A: 1", "Content-Length: 4"),
		says(200, "lines that end in LF", "RFC 3875 6.1", "Content-Type: text/plain\nX-A: 1\n\nbody").with("body", "X-A: 1"),
		says(200, "a coding of the application", "S42", plain+"Transfer-Encoding: chunked\r\n\r\n"+hello).with(hello).without("Transfer-Encoding"),
		says(200, "a coding and a length", "S42", plain+"Transfer-Encoding: chunked\r\nContent-Length: 15\r\n\r\n"+hello).with(hello, "Content-Length: 15").without("Transfer-Encoding"),
		says(200, "fields of the connection", "S42", plain+"Connection: close\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTrailer: X\r\n\r\nbody").
			with("body").without("Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Trailer"),
		says(200, "two equal lengths", "RFC 9112 6.3", plain+"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody").with("body", "Content-Length: 4"),
		says(200, "a body longer than its length", "S43", plain+"Content-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").with("body", "Content-Length: 4"),
		says(200, "a length of zero and a response", "S43", plain+"Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").with("", "Content-Length: 0"),
		says(204, "204 with a body", "RFC 9110 15.3.5", "Status: 204\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").without("Content-Length", "Transfer-Encoding"),
		says(304, "304 with a body", "RFC 9110 15.4.5", "Status: 304\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").without("Transfer-Encoding"),
		says(204, "204 with a length", "RFC 9110 8.6", "Status: 204\r\nContent-Length: 5\r\n\r\nhello").without("Content-Length"),
		says(200, "addresses to the gateway", "S40", plain+"X-Accel-Buffering: no\r\n\r\nbody").with("body").without("X-Accel-Buffering"),
		says(200, "8-bit bytes", "RFC 9110 5.5", plain+"X-A: \xe9\r\n\r\nbody").with("body", "X-A: \xe9"),
		says(200, "a body that is a response", "S41", plain+"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	}
	for name, output := range map[string]string{
		"bare CR in a value":               "X-A: a\rX-B: b\r\n" + plain + "\r\nbody",
		"CR at the end of a value":         "X-A: a\r\r\n" + plain + "\r\nbody",
		"NUL in a value":                   "X-A: a\x00b\r\n" + plain + "\r\nbody",
		"escape in a value":                "X-A: \x1b[31m\r\n" + plain + "\r\nbody",
		"NUL in a name":                    "X\x00A: a\r\n" + plain + "\r\nbody",
		"a line without a colon":           "NoColonHere\r\n" + plain + "\r\nbody",
		"a line that begins with a colon":  ": a\r\n" + plain + "\r\nbody",
		"a folded line":                    "X-A: a\r\n b\r\n" + plain + "\r\nbody",
		"a space in a name":                "X A: a\r\n" + plain + "\r\nbody",
		"a space in front of the colon":    "X-A : a\r\n" + plain + "\r\nbody",
		"an 8-bit byte in a name":          "X-\xe9: a\r\n" + plain + "\r\nbody",
		"a status line":                    "HTTP/1.1 200 OK\r\n" + plain + "\r\nbody",
		"two Status lines":                 "Status: 200\r\nStatus: 302\r\n" + plain + "\r\nbody",
		"a Status of two digits":           "Status: 99\r\n" + plain + "\r\nbody",
		"a Status of 600":                  "Status: 600\r\n" + plain + "\r\nbody",
		"a Status of 101":                  "Status: 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
		"a Status in words":                "Status: OK\r\n" + plain + "\r\nbody",
		"a Status with four digits":        "Status: 2000\r\n" + plain + "\r\nbody",
		"a Status with a sign":             "Status: +20\r\n" + plain + "\r\nbody",
		"conflicting lengths":              "Content-Length: 4\r\nContent-Length: 5\r\n" + plain + "\r\nbody",
		"a list of lengths":                "Content-Length: 4, 4\r\n" + plain + "\r\nbody",
		"a length with a sign":             "Content-Length: +4\r\n" + plain + "\r\nbody",
		"a negative length":                "Content-Length: -1\r\n" + plain + "\r\nbody",
		"a hexadecimal length":             "Content-Length: 0x4\r\n" + plain + "\r\nbody",
		"an empty length":                  "Content-Length:\r\n" + plain + "\r\nbody",
		"a length that overflows":          "Content-Length: 18446744073709551620\r\n" + plain + "\r\nbody",
		"a body shorter than its length":   "Content-Length: 9\r\n" + plain + "\r\nbody",
		"a head that does not end":         plain + "X-A: 1\r\n",
		"a head that does not begin":       "",
		"a head that is far too large":     "X-A: " + strings.Repeat("x", 1<<20) + "\r\n\r\nbody",
		"an interim response with bare CR": "Status: 103\r\nLink: </x>\rX-A: 1\r\n\r\n" + plain + "\r\nbody",
	} {
		rows = append(rows, says(502, name, "S41, S43", output))
	}
	return append(rows, interimRows(plain)...)
}

func interimRows(plain string) []row {
	hints := says(200, "early hints", "RFC 8297", "Status: 103\r\nLink: </x>\r\n\r\n"+plain+"\r\nbody").with("body")
	hints.want = []int{103, 200}
	framed := says(200, "an interim response with a length", "RFC 9110 8.6", "Status: 103\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+plain+"\r\nbody").with("body")
	framed.want = []int{103, 200}
	nothing := says(502, "an interim response and nothing", "RFC 9110 15.2", "Status: 103\r\nLink: </x>\r\n\r\n")
	nothing.want = []int{103, 502}
	flood := says(200, "a hundred interim responses", "RFC 9110 15.2", strings.Repeat("Status: 103\r\nLink: </x>\r\n\r\n", 100)+plain+"\r\nbody").with("body")
	flood.want = append(slices.Repeat([]int{103}, 100), 200)
	return []row{hints, framed, nothing, flood}
}
