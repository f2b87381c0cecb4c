package integration

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// serverVars asks php-fpm for what a script has in $_SERVER.
func serverVars(t *testing.T, g *gateway, lines string) map[string]string {
	t.Helper()
	a := g.request(get11(lines))
	if a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	vars := make(map[string]string)
	if err := json.Unmarshal([]byte(a.body), &vars); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return vars
}

const dumpServer = `<?php echo json_encode(array_filter($_SERVER, 'is_string'));`

func wantVars(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, value := range want {
		v, ok := got[name]
		if !ok {
			v = absent
		}
		if v != value {
			t.Errorf("%s = %q, want %q", name, v, value)
		}
	}
}

// awaitAccess waits for an access record that holds every text.
func awaitAccess(t *testing.T, g *gateway, texts ...string) {
	t.Helper()
	harness.Eventually(t, "no access record with "+strings.Join(texts, " "), func() bool {
		for line := range strings.Lines(readFile(t, g.access)) {
			if containsAll(line, texts) {
				return true
			}
		}
		return false
	})
}

func TestPHPSeesTheClientBehindATrustedProxy(t *testing.T) { // S37
	php := startFPM(t, fpmConf{children: 1})
	g := startGateway(t, &site{
		root: docroot(t, "index.php", dumpServer), server: php.server(), conns: 1,
		tables: "[http]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n",
	})
	lines := "X-Forwarded-For: 6.6.6.6, 203.0.113.60, 10.0.0.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n" +
		"X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Request-ID: from-the-proxy\r\n"
	got := serverVars(t, g, lines)
	wantVars(t, got, map[string]string{
		"REMOTE_ADDR": "203.0.113.60", "REMOTE_PORT": "", "HTTPS": "on", "REQUEST_SCHEME": "https",
		"HTTP_X_REQUEST_ID": "from-the-proxy", "REQUEST_ID": "from-the-proxy",
		"HTTP_X_FORWARDED_FOR": absent, "HTTP_X_FORWARDED_PROTO": absent, "HTTP_X_FORWARDED_HOST": absent,
		"HTTP_X_REAL_IP": absent, "HTTP_FORWARDED": absent,
	})
	if strings.Contains(got["HTTP_HOST"], "evil") {
		t.Errorf("HTTP_HOST = %q", got["HTTP_HOST"])
	}
	awaitAccess(t, g, `"client":"203.0.113.60"`, `"peer":"127.0.0.1"`, `"id":"from-the-proxy"`)
	wantVars(t, serverVars(t, g, ""), map[string]string{"REMOTE_ADDR": "127.0.0.1", "HTTPS": absent, "REQUEST_SCHEME": "http"})
}

func TestPHPIsPartOfATrace(t *testing.T) { // A29
	php := startFPM(t, fpmConf{children: 1})
	g := startGateway(t, &site{root: docroot(t, "index.php", dumpServer), server: php.server(), conns: 1})
	got := serverVars(t, g, "X-Request-ID: mine\r\n")
	if id := got["HTTP_X_REQUEST_ID"]; len(id) != 32 || !strings.HasPrefix(got["HTTP_TRACEPARENT"], "00-"+id+"-") {
		t.Errorf("HTTP_X_REQUEST_ID = %q, HTTP_TRACEPARENT = %q", id, got["HTTP_TRACEPARENT"])
	}
	got = serverVars(t, g, "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n")
	if parent := got["HTTP_TRACEPARENT"]; !strings.HasPrefix(parent, "00-4bf92f3577b34da6a3ce929d0e0e4736-") || strings.Contains(parent, "00f067aa0ba902b7") {
		t.Errorf("HTTP_TRACEPARENT = %q", parent)
	}
	awaitAccess(t, g, `"trace":"4bf92f3577b34da6a3ce929d0e0e4736"`)
}
