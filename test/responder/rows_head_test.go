package responder_test

import (
	"fmt"
	"strings"
)

// headLimit is max_response_header.
const headLimit = 64 << 10

// bulky makes a head of n bytes, its empty line included.
func bulky(n int) string {
	const before, after = "Content-Type: text/plain\r\nX-Large: ", "\r\n\r\n"
	return before + strings.Repeat("v", n-len(before)-len(after)) + after
}

// headRows are heads that are too large or that break the rules of HTTP.
func headRows() []row {
	rows := []row{
		{
			name: "a header of 64 KB", plan: plays(says(many(stdout, bulky(headLimit)+"a", maxContent), end())),
			client: want{status: 200, body: "a", more: fieldOf("x-large", headLimit-39)}, keep: kept, shared: spared,
		},
		{
			name: "a header of 64 KB and a byte", plan: plays(says(many(stdout, bulky(headLimit+1)+"a", maxContent), end())),
			client: page(502), log: logged{reason: `exceeds 65536 bytes; the largest header is "X-Large" with `}, shared: spared,
		},
		{
			name: "header lines without end", plan: plays(floods(stdout, strings.Repeat("X-More: again\r\n", 100), 0)),
			client: page(502), log: logged{reason: `exceeds 65536 bytes; the largest header is "X-More"`}, shared: spared,
		},
		{
			name: "a header line without end", plan: plays(says(out("X-Long: ")), floods(stdout, strings.Repeat("v", 999), 0)),
			client: page(502), log: logged{reason: `exceeds 65536 bytes; the largest header is "X-Long"`}, shared: spared,
		},
		{
			name: "interim heads without end", plan: plays(floods(stdout, strings.Repeat("Status: 103\r\nLink: </a>\r\n\r\n", 10), 0)),
			client: want{outcome: refused, status: 502, more: fewInterim(headLimit / 27)},
			log:    logged{reason: "exceeds 65536 bytes"}, shared: spared,
		},
		{
			name: "line ends without CR", plan: plays(says(out("Content-Type: text/plain\nX-A: b\n\na"), end())),
			client: want{status: 200, body: "a", more: field("x-a", "b")}, keep: kept, shared: spared,
		},
		{
			name:   "fields that are the gateway's to say",
			plan:   plays(says(out("Transfer-Encoding: chunked\r\nConnection: close, X-A\r\nKeep-Alive: timeout=1\r\nTrailer: X-B\r\nUpgrade: h2c\r\n"+goodHead+"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), end())),
			client: want{status: 200, body: "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", more: noFields("transfer-encoding", "connection", "keep-alive", "trailer", "upgrade")},
			keep:   kept, shared: spared,
		},
	}
	const control = "control byte in value"
	for _, bad := range [][3]string{
		{"CR in a value", "X-A: b\rX-B: c", control},
		{"NUL in a value", "X-A: b\x00c", control},
		{"ESC in a value", "X-A: b\x1b[31mc", control},
		{"DEL in a value", "X-A: b\x7f", control},
		{"LF in a value", "X-A: b\nsecond line", "no colon"},
		{"a continuation line", "X-A: b\r\n c", "continuation line"},
		{"a space before the colon", "X-A : b", "bad header name"},
		{"CR in a name", "X-\rA: b", "bad header name"},
		{"NUL in a name", "X-\x00A: b", "bad header name"},
		{"an empty name", ": b", "bad header name"},
		{"a line without a colon", "Warning", "no colon"},
		{"a status line of HTTP", "HTTP/1.1 200 OK", "no colon"},
		{"HTML where the header should be", "<html><body>text</body></html>", "no colon"},
	} {
		rows = append(rows, badHead(bad[0], bad[1], bad[2]))
	}
	return append(rows, row{
		name: "an empty line first", plan: plays(says(out("\r\n"+goodHead+"a"), end())),
		client: page(502), log: logged{reason: "without a header"}, shared: spared,
	})
}

// badHead is a head with a line that makes all of it useless.
func badHead(name, line, reason string) row {
	return row{
		name: name, plan: plays(says(out("Content-Type: text/plain\r\n"+line+"\r\n\r\nbody"), end())),
		client: want{outcome: refused, status: 502, more: noFields("x-a", "x-b")}, log: logged{reason: reason}, shared: spared,
	}
}

// field wants one field of that value.
func field(name, value string) func(*heard) error {
	return func(h *heard) error {
		if got := h.all(name); len(got) != 1 || got[0] != value {
			return fmt.Errorf("%s is %q, want %q", name, got, value)
		}
		return nil
	}
}

// fieldOf wants a field of n bytes.
func fieldOf(name string, n int) func(*heard) error {
	return func(h *heard) error {
		if got := len(h.get(name)); got != n {
			return fmt.Errorf("%s has %d bytes, want %d", name, got, n)
		}
		return nil
	}
}

// noFields wants none of the fields.
func noFields(names ...string) func(*heard) error {
	return func(h *heard) error {
		for _, name := range names {
			if got := h.all(name); got != nil {
				return fmt.Errorf("%s is %q", name, got)
			}
		}
		return nil
	}
}

// fewInterim wants interim heads, n at most.
func fewInterim(n int) func(*heard) error {
	return func(h *heard) error {
		if len(h.interim) == 0 || len(h.interim) > n {
			return fmt.Errorf("%d interim heads, want 1 to %d", len(h.interim), n)
		}
		return nil
	}
}
