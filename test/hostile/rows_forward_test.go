package hostile

import (
	"fmt"
	"strings"
	"testing"
)

const (
	ourTrace   = "4bf92f3577b34da6a3ce929d0e0e4736"
	theirTrace = "00-" + ourTrace + "-00f067aa0ba902b7-01"
)

// forwardRows are about what clients say of their way here, which nobody has
// reason to believe (S36, S37, S48).
func forwardRows() []row {
	var rows []row
	for _, line := range []string{
		"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 6.6.6.6, 127.0.0.1", "X-Forwarded-For: <script>", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test",
		"X-Forwarded-Port: 443", "X-Forwarded-Prefix: /admin", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6;proto=https;host=evil.test",
		"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 127.0.0.1", "x-forwarded-for:6.6.6.6", "X_Forwarded_For: 6.6.6.6",
	} {
		r := serves(fmt.Sprintf("from anybody %q", line), "S37", get(line+"\r\n"), "GET /")
		r.never = []string{"6.6.6.6", "evil.test"}
		rows = append(rows, r)
	}
	id := serves("a request's id is ours", "S29", get("X-Request-ID: 6.6.6.6\r\n"), "GET /")
	id.never = []string{"6.6.6.6"}
	return append(rows, id,
		serves("a trace that is no trace", "W3C Trace Context 3.2", get("Traceparent: 00-zz-1-01\r\n"), "GET /"),
		serves("two traces", "W3C Trace Context 3.2", get("Traceparent: "+theirTrace+"\r\nTraceparent: "+theirTrace+"\r\n"), "GET /"),
		serves("a trace of version ff", "W3C Trace Context 3.2.2.1", get("Traceparent: ff"+theirTrace[2:]+"\r\n"), "GET /"),
	)
}

// trustedRows are about what a proxy says that is trusted.
func trustedRows() []row {
	seen := func(name, lines, reach string) row {
		return serves(name, "S37", get(lines), reach)
	}
	return []row{
		seen("its client", "X-Forwarded-For: 6.6.6.6\r\n", `GET / REMOTE_ADDR="6.6.6.6"`),
		seen("the last that is not trusted", "X-Forwarded-For: 1.1.1.1, 6.6.6.6\r\n", `GET / REMOTE_ADDR="6.6.6.6"`),
		seen("behind another trusted proxy", "X-Forwarded-For: 1.1.1.1, 6.6.6.6, 10.1.2.3\r\n", `GET / REMOTE_ADDR="6.6.6.6"`),
		seen("in two fields", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 10.1.2.3\r\n", `GET / REMOTE_ADDR="6.6.6.6"`),
		seen("nothing that is an address", "X-Forwarded-For: 6.6.6.6, <script>\r\n", "GET /"),
		seen("an address the client made up in front of a hidden one", "X-Forwarded-For: 6.6.6.6, unknown\r\n", "GET /"),
		seen("underscores are still another field", "X_Forwarded_For: 6.6.6.6\r\n", "GET /"),
		seen("the client may not take it off", "Connection: X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6\r\n", `GET / REMOTE_ADDR="6.6.6.6"`),
	}
}

func TestATrustedProxyIsBelieved(t *testing.T) {
	g := start(t, &backend{}, limits+`trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]`+"\n", "")
	via := g.plain()
	for _, r := range trustedRows() {
		t.Run(strings.ReplaceAll(r.name, " ", "-"), func(t *testing.T) { r.check(t, g, via, paces[0]) })
	}
}
