package gateway_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

const originText = `
[http]
{http}
[[site]]
listen = [":80"]
hosts = ["x"]
root = "{dir}/www"
scripts = ["/**.php"]
  [[site.location]]
  match = "/"
  return = "200 $remote_addr|$remote_port|$realip_remote_addr|$scheme|$host|$http_x_forwarded_for|$request_id|$trace_id"
  [[site.location]]
  match = '~ \.php$'
  backend = "app"
[[site]]
listen = [":80"]
hosts = ["public.test"]
  [[site.location]]
  match = "/"
  return = "200 public"
[backend.app]
servers = ["{app}"]
`

func startOrigin(t *testing.T, http string) *rig {
	t.Helper()
	return start(t, strings.ReplaceAll(originText, "{http}", http), []string{"a.php"}, nil)
}

// lies are what a client says of itself.
const lies = "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6;proto=https;host=public.test\r\n" +
	"X-Forwarded-Proto: https\r\nX-Forwarded-Host: public.test\r\nX-Forwarded-Port: 1\r\nX-Request-ID: mine\r\n"

func TestWhatClientsSayOfThemselvesIsDropped(t *testing.T) {
	r := startOrigin(t, "")
	got := r.raw(":80", "GET / HTTP/1.1\r\nHost: x\r\n"+lies+"\r\n")
	if want := "unix:||unix:|http|x||"; !strings.HasPrefix(got.body, want) || strings.Contains(got.body, "mine") {
		t.Errorf("variables %q", got.body)
	}
	r.raw(":80", "GET /a.php HTTP/1.1\r\nHost: x\r\n"+lies+"\r\n")
	p := r.lastParams()
	for name, value := range p {
		if strings.HasPrefix(name, "HTTP_X_FORWARDED") || name == "HTTP_FORWARDED" || name == "HTTP_X_REAL_IP" || strings.Contains(value, "6.6.6.6") {
			t.Errorf("the application is told %s=%s", name, value)
		}
	}
	if p["REMOTE_ADDR"] != "unix:" || p["REQUEST_SCHEME"] != "http" || p["HTTPS"] != "" || p["HTTP_HOST"] != "x" {
		t.Errorf("params %v", p)
	}
	if log := r.read("error.log"); strings.Count(log, "a proxy that is not trusted seems to stand before the gateway") != 1 {
		t.Errorf("a proxy that is not believed is not reported once:\n%s", log)
	}
}

func TestATrustedProxyTellsOfItsClient(t *testing.T) {
	r := startOrigin(t, `trusted_proxies = ["unix", "10.0.0.0/8"]`)
	const told = "X-Forwarded-For: 6.6.6.6, 203.0.113.60:4711, 10.0.0.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.test\r\n" +
		"X-Forwarded-Prefix: /app\r\nX-Request-ID: mine\r\n\r\n"
	if got := r.raw(":80", "GET / HTTP/1.1\r\nHost: x\r\n"+told).body; !strings.HasPrefix(got, "203.0.113.60|4711|unix:|https|x||mine|") {
		t.Errorf("variables %q", got)
	}
	got := r.raw(":80", "GET /a.php HTTP/1.1\r\nHost: x\r\n"+told)
	p := r.lastParams()
	for name, want := range map[string]string{
		"REMOTE_ADDR": "203.0.113.60", "REMOTE_PORT": "4711", "HTTPS": "on", "REQUEST_SCHEME": "https", "HTTP_HOST": "x",
		"HTTP_X_FORWARDED_FOR": "", "HTTP_X_FORWARDED_PROTO": "", "HTTP_X_FORWARDED_HOST": "", "HTTP_X_FORWARDED_PREFIX": "/app",
		"HTTP_X_REQUEST_ID": "mine", "REQUEST_ID": "mine",
	} {
		if p[name] != want {
			t.Errorf("%s is %q, want %q", name, p[name], want)
		}
	}
	if got.Header.Get("X-Request-ID") != "mine" {
		t.Errorf("the client is told the id %q", got.Header.Get("X-Request-ID"))
	}
	harness.Eventually(t, "the access log has the client, the proxy, the id and the trace", func() bool {
		log := r.read("access.log")
		return strings.Contains(log, `"client":"203.0.113.60"`) && strings.Contains(log, `"peer":"unix:"`) &&
			strings.Contains(log, `"id":"mine"`) && strings.Contains(log, `"trace":"`)
	})
}

// Requests of many clients share the connection of a proxy: what is kept of one
// for the next must not be its address.
func TestEachRequestOfAConnectionHasItsOwnClient(t *testing.T) {
	r := startOrigin(t, `trusted_proxies = ["unix"]`)
	var requests []string
	for _, who := range []string{
		"X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\n", "X-Forwarded-For: 192.0.2.2\r\n", "", "X-Forwarded-For: 192.0.2.1\r\n",
	} {
		requests = append(requests, "GET /a.php HTTP/1.1\r\nHost: x\r\n"+who+"\r\n")
	}
	r.onOne(requests...)
	var got []string
	for _, q := range r.app.Requests() {
		got = append(got, q.Params["REMOTE_ADDR"]+q.Params["HTTPS"])
	}
	if want := "192.0.2.1 192.0.2.2on 192.0.2.2 unix: 192.0.2.1"; strings.Join(got, " ") != want {
		t.Errorf("clients %v, want %s", got, want)
	}
}

func TestTheHostIsTheProxysOnlyIfItMayBe(t *testing.T) {
	r := startOrigin(t, "trusted_proxies = [\"unix\"]\nforwarded_host = true")
	if got := r.raw(":80", "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: public.test\r\n\r\n").body; got != "public" {
		t.Errorf("got %q", got)
	}
	if got := r.raw(":80", "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: public.test, a\"b\r\n\r\n").body; !strings.Contains(got, "|x|") {
		t.Errorf("got %q with a bad host", got)
	}
}

// A proxy that passes its client's Connection on must not lose what it adds itself.
func TestConnectionDropsNothingThatATrustedProxySays(t *testing.T) {
	for header, set := range map[string]string{"X-Forwarded-For": "", "Forwarded": "for=", "CF-Connecting-IP": "", "X-Real-IP": ""} {
		r := startOrigin(t, "trusted_proxies = [\"unix\"]\nclient_ip_header = \""+header+"\"")
		got := r.raw(":80", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close, "+header+", X-Forwarded-Proto\r\n"+header+": "+set+"192.0.2.9\r\nX-Forwarded-Proto: https\r\n\r\n")
		if !strings.HasPrefix(got.body, "192.0.2.9||unix:|") || header != "Forwarded" && !strings.Contains(got.body, "|https|") {
			t.Errorf("%s: %q", header, got.body)
		}
	}
	r := startOrigin(t, "")
	got := r.raw(":80", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close, X-Forwarded-For, X-Real-IP\r\n"+lies+"\r\n")
	if want := "unix:||unix:|http|x||"; !strings.HasPrefix(got.body, want) {
		t.Errorf("a client that is not trusted: %q", got.body)
	}
}

func TestAnotherHeaderCanHoldTheClient(t *testing.T) {
	r := startOrigin(t, "trusted_proxies = [\"unix\"]\nclient_ip_header = \"CF-Connecting-IP\"")
	r.raw(":80", "GET /a.php HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\nCF-Connecting-IP: 192.0.2.9\r\n\r\n")
	if p := r.lastParams(); p["REMOTE_ADDR"] != "192.0.2.9" || p["HTTP_CF_CONNECTING_IP"] != "" {
		t.Errorf("params %v", p)
	}
}

var traceparent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)

func TestRequestsArePartOfATrace(t *testing.T) {
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	r := startOrigin(t, "")
	for _, row := range []struct{ why, lines, trace, flags, state string }{
		{"a trace of our own has the request's id", "", "id", "01", ""},
		{"a client's goes on", "Traceparent: 00-" + theirs + "-00f067aa0ba902b7-00\r\nTracestate: a=b\r\n", theirs, "00", "a=b"},
		{"a broken one does not, nor its state", "Traceparent: 00-" + theirs + "-00f067aa0ba902b7\r\nTracestate: a=b\r\n", "id", "01", ""},
	} {
		r.raw(":80", "GET /a.php HTTP/1.1\r\nHost: x\r\n"+row.lines+"\r\n")
		p := r.lastParams()
		m := traceparent.FindStringSubmatch(p["HTTP_TRACEPARENT"])
		want := row.trace
		if want == "id" {
			want = p["REQUEST_ID"]
		}
		if m == nil || m[1] != want || m[2] == "00f067aa0ba902b7" || m[2] == "0000000000000000" || m[3] != row.flags || p["HTTP_TRACESTATE"] != row.state {
			t.Errorf("%s: HTTP_TRACEPARENT %q, HTTP_TRACESTATE %q, REQUEST_ID %q", row.why, p["HTTP_TRACEPARENT"], p["HTTP_TRACESTATE"], p["REQUEST_ID"])
		}
	}
	harness.Eventually(t, "the access log has the client's trace", func() bool {
		return strings.Contains(r.read("access.log"), `"trace":"`+theirs+`"`)
	})
}

func TestTracesNeedNotBegin(t *testing.T) {
	r := startOrigin(t, `traceparent = "pass"`)
	r.get("/a.php")
	if got, ok := r.lastParams()["HTTP_TRACEPARENT"]; ok {
		t.Errorf("HTTP_TRACEPARENT is %q", got)
	}
	r.raw(":80", "GET /a.php HTTP/1.1\r\nHost: x\r\nTraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n")
	if got := r.lastParams()["HTTP_TRACEPARENT"]; !strings.HasPrefix(got, "00-4bf92f35") {
		t.Errorf("HTTP_TRACEPARENT is %q", got)
	}
}

// panicker is a sink that breaks.
type panicker struct{ nullSink }

func (*panicker) Start(*exchange.Response) error { panic("broken") }

func TestAPanicLeavesTheConnectionAsItWas(t *testing.T) {
	r := startOrigin(t, `trusted_proxies = ["unix"]`)
	x := exchange.New()
	conn := &exchange.ConnInfo{Listen: ":80", Scheme: "http", PeerAddr: []byte("unix:")}
	x.Request.Conn = conn
	x.Reset()
	x.Sink = &panicker{}
	x.Request.Path, x.Request.Method, x.Request.Host = []byte("/"), []byte("GET"), []byte("x")
	x.Request.Header.AddString("x-forwarded-for", "192.0.2.1")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it did not panic")
			}
		}()
		r.Serve(x)
	}()
	if x.Request.Conn != conn {
		t.Errorf("the next request of the connection would be %s's", x.Request.Conn.PeerAddr)
	}
}
