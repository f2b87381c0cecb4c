package vars_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// groups are captures from a plain list; the first is the whole match.
type groups struct {
	list  []string
	names map[string]string
}

func (g *groups) Group(n int) []byte {
	if n >= len(g.list) {
		return nil
	}
	return []byte(g.list[n])
}

func (g *groups) Named(name string) []byte {
	if v, ok := g.names[name]; ok {
		return []byte(v)
	}
	return nil
}

type sink struct{ exchange.Sink }

func (sink) Sent() int64 { return 1234 }

// env is one request with every field set to something of its own.
func env() *vars.Env {
	x := exchange.New()
	x.Reset()
	x.Request.Method = []byte("POST")
	x.Request.Target = []byte("/a%20b/?x=1")
	x.Request.Path = []byte("/a b/")
	x.Request.Query = []byte("x=1")
	x.Request.Major, x.Request.Minor = 1, 1
	x.Request.Authority = []byte("Ex.test:8443")
	x.Request.Host = []byte("ex.test")
	x.Request.ContentLength = 42
	for _, f := range [][2]string{
		{"host", "other.test"},
		{"content-type", "text/x"},
		{"user-agent", "ua"},
		{"x-two", "1"},
		{"x-two", "2"},
		{"cookie", "a=1; sid=s1"},
		{"cookie", "b=2; sid=s2; A=9"},
		{"x_mixed", "bad"},
		{"x-mixed", "good"},
		{"under_score", "u"},
		{"x-empty", ""},
	} {
		x.Request.Header.AddString(f[0], f[1])
	}
	x.Request.Conn = &exchange.ConnInfo{
		ID: 7, Scheme: "https", TLS: handshake(),
		PeerAddr: []byte("192.0.2.1"), PeerPort: []byte("4711"), LocalAddr: []byte("192.0.2.2"), LocalPort: []byte("443"),
		Via: &exchange.Via{PeerAddr: []byte("10.0.0.1"), PeerPort: []byte("4712")},
	}
	x.Response.Status = 404
	x.Response.Header.AddString("Content-Type", "text/plain")
	x.Sink = sink{}
	x.Trace.SetID([]byte("id-1"))
	x.Trace.Span.Trace = []byte("4bf92f35")
	now := time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.FixedZone("", 2*3600))
	x.Trace.Start = now.Add(-1234 * time.Millisecond)
	x.Trace.Upstream = 56 * time.Millisecond
	x.Trace.Tries = 1
	return &vars.Env{
		X: x, URI: []byte("/index.php"), Args: []byte("foo=1&BAR=b%20c&foo=2&flag&e="),
		Root: []byte("/srv/www"), RealRoot: []byte("/srv/v2"),
		ScriptName: []byte("/index.php"), PathInfo: []byte("/info"), ScriptFilename: []byte("/app/index.php"), DocumentRoot: []byte("/app"),
		Site: "shop", Location: "~ x", ServerName: "www.test",
		Captures: &groups{[]string{"all", "one", "two"}, map[string]string{"name": "n"}}, HostCaptures: &groups{[]string{"h", "h1"}, map[string]string{"sub": "s"}},
		ClientCert: clientCert(), Now: now,
	}
}

func expand(t *testing.T, e *vars.Env, s string) string {
	t.Helper()
	tpl, err := vars.Compile(s, "name", "sub")
	if err != nil {
		t.Fatal(err)
	}
	return string(tpl.Append(nil, e))
}

func TestEveryVariableHasItsMeaning(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"uri": "/index.php", "document_uri": "/index.php",
		"args": "foo=1&BAR=b%20c&foo=2&flag&e=", "query_string": "foo=1&BAR=b%20c&foo=2&flag&e=", "is_args": "?",
		"request_uri": "/a%20b/?x=1", "request_method": "POST", "request_id": "id-1", "server_protocol": "HTTP/1.1",
		"host": "ex.test", "http_host": "Ex.test:8443", "content_length": "42", "content_type": "text/x",
		"scheme": "https", "https": "on", "remote_addr": "192.0.2.1", "remote_port": "4711",
		"realip_remote_addr": "10.0.0.1", "realip_remote_port": "4712", "trace_id": "4bf92f35",
		"ssl_protocol": "TLSv1.2", "ssl_cipher": "ECDHE-RSA-AES128-GCM-SHA256", "ssl_curve": "X25519",
		"ssl_alpn_protocol": "h2", "ssl_server_name": "sni.test", "ssl_session_reused": "r", "ssl_client_verify": "SUCCESS",
		"ssl_client_s_dn": "CN=Ann,O=A+OU=B", "ssl_client_i_dn": "CN=CA", "ssl_client_serial": "0AFF",
		"ssl_client_fingerprint": "ce15802a8c5e8e9db0ffaf10130ef265296e9ea4", "ssl_client_v_start": "Mar  4 05:06:07 2026 GMT",
		"ssl_client_v_end":        "Mar 14 05:06:07 2026 GMT",
		"ssl_client_escaped_cert": "-----BEGIN%20CERTIFICATE-----%0AcmF3%0A-----END%20CERTIFICATE-----%0A",
		"server_addr":             "192.0.2.2", "server_port": "443", "connection": "7",
		"server_name": "www.test", "site": "shop", "location": "~ x", "hostname": host, "pid": fmt.Sprint(os.Getpid()),
		"document_root": "/srv/www", "realpath_root": "/srv/v2", "request_filename": "/srv/www/index.php",
		"fastcgi_script_name": "/index.php", "fastcgi_path_info": "/info", "script_filename": "/app/index.php", "remote_root": "/app",
		"status": "404", "body_bytes_sent": "1234", "request_time": "1.234", "upstream_response_time": "0.056",
		"time_iso8601": "2026-03-04T05:06:07+02:00", "time_local": "04/Mar/2026:05:06:07 +0200", "msec": "1772593567.089",
	}
	e := env()
	for name, value := range want {
		if got := expand(t, e, "$"+name); got != value {
			t.Errorf("$%s is %q, want %q", name, got, value)
		}
	}
	for _, name := range vars.Known() {
		if _, tested := want[name]; !tested && !strings.HasSuffix(name, "_NAME") {
			t.Errorf("$%s is not in this table", name)
		}
	}
}

func TestEveryVariableIsInThePackageComment(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range vars.Known() {
		if !strings.Contains(string(doc), "$"+name) {
			t.Errorf("$%s is not documented", name)
		}
	}
}

func TestTemplates(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"plain":                   "plain",
		"$uri":                    "/index.php",
		"${uri}x":                 "/index.phpx",
		"a$uri-b":                 "a/index.php-b",
		"$scheme://$host$uri":     "https://ex.test/index.php",
		"$URI${Args}":             "/index.phpfoo=1&BAR=b%20c&foo=2&flag&e=",
		"$":                       "$",
		"5$":                      "5$",
		"$ x":                     "$ x",
		"$$":                      "$$",
		"$$uri":                   "$/index.php",
		"$-$uri$":                 "$-/index.php$",
		"$1/$2/$3/$10":            "one/two//one0",
		"${1}0":                   "one0",
		"$name-$sub":              "n-s",
		"$arg_foo|$arg_Foo":       "1|1",
		"$arg_bar":                "b%20c",
		"$arg_flag|$arg_e":        "|",
		"$arg_fo":                 "",
		"$http_user_agent":        "ua",
		"$http_x_two":             "1, 2",
		"$http_x_mixed":           "good",
		"$http_under_score":       "u",
		"$http_none":              "",
		"$http_x_empty":           "",
		"$http_cookie":            "a=1; sid=s1; b=2; sid=s2; A=9",
		"$cookie_sid":             "s1",
		"$cookie_B":               "2",
		"$cookie_si":              "",
		"$sent_http_content_type": "text/plain",
	} {
		if got := expand(t, env(), in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestValuesFallBackWhereTheRequestHasNone(t *testing.T) {
	e := env()
	e.URI, e.Args, e.RealRoot, e.ScriptName, e.Captures = nil, nil, nil, nil, nil
	e.X.Request.Host, e.X.Request.ContentLength = nil, 0
	e.X.Request.Conn.Scheme = "http"
	e.X.Sink, e.X.Trace.Start, e.X.Trace.Tries, e.X.Response.Status = nil, time.Time{}, 0, 0
	e.X.Request.Major, e.X.Request.Minor = 2, 0
	for in, want := range map[string]string{
		"$uri": "/a b/", "$args": "", "$is_args": "", "$realpath_root": "/srv/www", "$fastcgi_script_name": "/a b/",
		"$request_filename": "/srv/www/a b/", "$host": "www.test", "$content_length": "", "$https": "", "$body_bytes_sent": "0",
		"$request_time": "0.000", "$upstream_response_time": "", "$status": "000", "$server_protocol": "HTTP/2.0",
		"$1": "h1", "$name": "", "$sub": "s",
	} {
		if got := expand(t, e, in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	e.X.Request.Header.AddString("content-length", "0")
	e.Filename = []byte("/alias/f")
	e.X.Trace.Start = e.Now.Add(time.Second)
	e.Captures = &groups{list: []string{""}}
	for in, want := range map[string]string{
		"$content_length": "0", "$request_filename": "/alias/f", "$request_time": "0.000", "$1": "",
	} {
		if got := expand(t, e, in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	e.HostCaptures, e.Captures, e.Now = nil, nil, time.Time{}
	if got := expand(t, e, "$1$name$msec"); len(got) < len("1772593567.089") {
		t.Errorf("the clock says %q", got)
	}
	e.X.Request.ContentLength = -1
	if got := expand(t, e, "$content_length"); got != "" {
		t.Errorf("a chunked body has length %q", got)
	}
}
