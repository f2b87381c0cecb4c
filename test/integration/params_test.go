package integration

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// absent is the expectation that a param is not sent at all.
const absent = "(absent)"

func TestHeadersBecomeOnlyTheParamsTheyMay(t *testing.T) {
	tests := []struct {
		id, lines string
		want      map[string]string
	}{
		{"S18 httpoxy", "Proxy: http://evil\r\n", map[string]string{"HTTP_PROXY": absent}},
		{"S19 underscore", "X_Auth_User: 6.6.6.6\r\nX-Auth-User: 7\r\n", map[string]string{"HTTP_X_AUTH_USER": "7"}},
		{"S19 underscore alone", "Remote_Groups: admin\r\n", map[string]string{"HTTP_REMOTE_GROUPS": absent}},
		{"S20 dot", "Remote.User: adm\r\n", map[string]string{"HTTP_REMOTE_USER": absent}},
		{"S21 length with underscore", "Content_Length: 77\r\n", map[string]string{"HTTP_CONTENT_LENGTH": absent, "CONTENT_LENGTH": ""}},
		{"S21 type", "Content-Type: text/x\r\n", map[string]string{"HTTP_CONTENT_TYPE": absent, "CONTENT_TYPE": "text/x"}},
		{"S22 PHP_VALUE", "Php-Value: auto_prepend_file=/x\r\nPhp-Admin-Value: y\r\n", map[string]string{
			"PHP_VALUE": absent, "PHP_ADMIN_VALUE": absent, "HTTP_PHP_VALUE": "auto_prepend_file=/x",
		}},
		{"S22 with underscore", "PHP_VALUE: auto_prepend_file=/x\r\n", map[string]string{"PHP_VALUE": absent, "HTTP_PHP_VALUE": absent}},
		{"S36 listed headers go", "Connection: X-Hop, Authorization\r\nX-Hop: 1\r\nAuthorization: Basic YTpi\r\n", map[string]string{
			"HTTP_X_HOP": absent, "HTTP_AUTHORIZATION": absent, "HTTP_CONNECTION": absent,
		}},
		{"S37 forwarded by anyone", "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Proto: https\r\n", map[string]string{
			"REMOTE_ADDR": "127.0.0.1", "HTTPS": absent, "REQUEST_SCHEME": "http",
			"HTTP_X_FORWARDED_FOR": absent, "HTTP_X_REAL_IP": absent, "HTTP_FORWARDED": absent, "HTTP_X_FORWARDED_PROTO": absent,
		}},
		{"S56 unchecked user", "Authorization: Basic YTpi\r\n", map[string]string{
			"REMOTE_USER": absent, "AUTH_TYPE": absent, "HTTP_AUTHORIZATION": "Basic YTpi",
		}},
		{"cookies are one list", "Cookie: a=1\r\nCookie: b=2\r\n", map[string]string{"HTTP_COOKIE": "a=1; b=2"}},
		{"repeated headers are one list", "Foo: 1\r\nFoo: 2\r\n", map[string]string{"HTTP_FOO": "1, 2"}},
		{"what PHP needs", "", map[string]string{"REDIRECT_STATUS": "200", "GATEWAY_INTERFACE": "CGI/1.1", "HTTPS": absent}},
	}
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: attackRoot(t), server: addr, conns: 1, backend: `multiplex = "off"`})
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			checkParams(t, lastParams(t, g, backend, get11(tt.lines)), tt.want)
		})
	}
}

// lastParams sends a request and returns what the backend got.
func lastParams(t *testing.T, g *gateway, backend *fcgitest.Server, raw string) *fcgitest.Request {
	t.Helper()
	before := len(backend.Requests())
	g.request(raw).expect(t, 200, "ran")
	seen := backend.Requests()[before:]
	if len(seen) != 1 {
		t.Fatalf("the backend got %d requests, want 1", len(seen))
	}
	return seen[0]
}

func checkParams(t *testing.T, r *fcgitest.Request, want map[string]string) {
	t.Helper()
	for name, value := range want {
		got, ok := r.Params[name]
		if !ok {
			got = absent
		}
		if got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	slices.Sort(r.Names)
	if len(slices.Compact(r.Names)) != len(r.Params) {
		t.Errorf("a param was sent twice: %q", r.Names)
	}
}

func TestListedHeadersOfTheGatewaySurvive(t *testing.T) { // S36
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: attackRoot(t), server: addr, conns: 1, backend: `multiplex = "off"`})
	r := lastParams(t, g, backend, get11("Connection: X-Request-ID, Cookie\r\nX-Request-ID: mine\r\n"))
	if id := r.Params["HTTP_X_REQUEST_ID"]; id == "" || id == "mine" || id != r.Params["REQUEST_ID"] {
		t.Errorf("HTTP_X_REQUEST_ID = %q, REQUEST_ID = %q", id, r.Params["REQUEST_ID"])
	}
}

func TestTheAuthorityOfTheTargetWinsAndSetsNoPort(t *testing.T) { // S35
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: attackRoot(t), server: addr, conns: 1, backend: `multiplex = "off"`})
	_, port, err := net.SplitHostPort(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	r := lastParams(t, g, backend, "GET http://real.test:81/x?y HTTP/1.1\r\nHost: fake.test:82\r\n\r\n")
	checkParams(t, r, map[string]string{
		"HTTP_HOST": "real.test:81", "SERVER_NAME": "real.test", "SERVER_PORT": port, "DOCUMENT_URI": "/index.php",
	})
	if uri := r.Params["REQUEST_URI"]; uri != "/x?y" {
		t.Errorf("REQUEST_URI = %q, want the path and the query", uri)
	}
	r = lastParams(t, g, backend, "GET / HTTP/1.1\r\nHost: ex.test:8443\r\n\r\n")
	checkParams(t, r, map[string]string{"HTTP_HOST": "ex.test:8443", "SERVER_NAME": "ex.test", "SERVER_PORT": port})
}

func TestResponseHeadersThatAreNotTheApplicationsToSendAreDropped(t *testing.T) { // S40, S42
	outside := docroot(t, "secret", secret)
	lines := "X-Sendfile: " + outside + "/secret\r\nX-Accel-Redirect: /.env\r\nX-Accel-Expires: 1\r\n" +
		"Transfer-Encoding: chunked\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nContent-Type: text/plain\r\n"
	_, addr := responder(t, lines+"\r\nran")
	g := startGateway(t, &site{root: attackRoot(t), server: addr, conns: 1, backend: `multiplex = "off"`})
	c := g.dial()
	c.send(get11(""))
	a := c.answer(http.MethodGet)
	a.expect(t, 200, "ran")
	for _, name := range []string{"X-Sendfile", "X-Accel-Redirect", "X-Accel-Expires", "Keep-Alive", "Connection"} {
		if v := a.Header.Values(name); len(v) > 0 {
			t.Errorf("%s: %q", name, v)
		}
	}
	c.send(get11("")) // the framing was right
	c.answer(http.MethodGet).expect(t, 200, "ran")
}

func TestAnApplicationCannotSplitItsResponse(t *testing.T) { // S41
	tests := []struct{ name, output string }{
		{"bare CR", "X-A: a\rX-B: b\r\n\r\nbody"},
		{"no colon", "Content-Type: text/plain\r\nNoColonHere\r\n\r\nbody"},
		{"CR in the status", "Status: 200 OK\rX: y\r\n\r\nbody"},
		{"line behind the status", "Status: 200 OK\r\nX\r\n\r\nbody"},
		{"three statuses", "Status: 200\r\nStatus: 404\r\nStatus: 500\r\n\r\nbody"},
		{"NUL", "X-A: a\x00b\r\n\r\nbody"},
		{"two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := scriptSite(t, replies(tt.output))
			a := g.get("/split")
			if a.StatusCode != 502 || a.Header.Get("X-B") != "" || strings.Contains(a.body, "body\n") {
				t.Errorf("got %d %v", a.StatusCode, a.Header)
			}
			g.awaitLog(`"status":502`, "bad reply")
		})
	}
}
