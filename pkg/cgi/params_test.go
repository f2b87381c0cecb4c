package cgi_test

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// request is a plain POST to /index.php/info with the given headers, each
// "name: value".
func request(headers ...string) *vars.Env {
	x := exchange.New()
	x.Reset()
	x.Request.Method = []byte("POST")
	x.Request.Target = []byte("/index.php/b%20r?x=1&y=%2f")
	x.Request.Path = []byte("/index.php/b r")
	x.Request.Major, x.Request.Minor = 1, 1
	x.Request.Authority, x.Request.Host = []byte("ex.test:8443"), []byte("ex.test")
	x.Request.Conn = &exchange.ConnInfo{
		Scheme: "http", PeerAddr: []byte("192.0.2.1"), PeerPort: []byte("4711"), LocalAddr: []byte("192.0.2.2"), LocalPort: []byte("8080"),
	}
	x.Trace.SetID([]byte("id-1"))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		x.Request.Header.AddString(name, value)
	}
	return &vars.Env{X: x, Args: []byte("x=1&y=%2f"), Root: []byte("/srv")}
}

func script() *cgi.Script {
	return &cgi.Script{
		Filename: []byte("/app/index.php"), Name: []byte("/index.php"), PathInfo: []byte("/b r"),
		PathTranslated: []byte("/app/b r"), DocumentRoot: []byte("/app"), BodyLen: 5,
	}
}

// pair is an encoding with lengths of four bytes.
func pair(dst []byte, name, value int) (out, nameAt, valueAt []byte) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(name))
	dst = binary.BigEndian.AppendUint32(dst, uint32(value))
	n := len(dst)
	out = slices.Grow(dst, name+value)[:n+name+value]
	return out, out[n : n+name], out[n+name:]
}

// decode reads what pair wrote and fails when a name comes twice.
func decode(t testing.TB, b []byte) map[string]string {
	t.Helper()
	got := make(map[string]string)
	for len(b) > 0 {
		n, v := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		name := string(b[8 : 8+n])
		if _, twice := got[name]; twice {
			t.Fatalf("%s is sent twice", name)
		}
		got[name] = string(b[8+n : 8+n+v])
		b = b[8+n+v:]
	}
	return got
}

// params collects what a location with cfg sends.
func params(t testing.TB, cfg cgi.Config, e *vars.Env, s *cgi.Script) map[string]string {
	t.Helper()
	cfg.Encode = pair
	p, err := cgi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, p.Append(nil, e, s, new(cgi.Kept)))
}

func TestARequestHasExactlyTheseParams(t *testing.T) {
	got := params(t, cgi.Config{Software: "fcgigw/1", ServerName: "www.test"}, request(
		"host: other", "content-type: text/x", "content-length: 99", "user-agent: ua", "authorization: Basic YTpi"), script())
	want := map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "fcgigw/1", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "www.test",
		"SERVER_ADDR": "192.0.2.2", "SERVER_PORT": "8080", "REQUEST_METHOD": "POST", "REQUEST_SCHEME": "http",
		"REQUEST_URI": "/index.php/b%20r?x=1&y=%2f", "DOCUMENT_URI": "/index.php/b r", "QUERY_STRING": "x=1&y=%2f",
		"DOCUMENT_ROOT": "/app", "SCRIPT_FILENAME": "/app/index.php", "SCRIPT_NAME": "/index.php",
		"PATH_INFO": "/b r", "PATH_TRANSLATED": "/app/b r", "CONTENT_TYPE": "text/x", "CONTENT_LENGTH": "5",
		"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "4711", "REDIRECT_STATUS": "200",
		"REQUEST_ID": "id-1", "HTTP_X_REQUEST_ID": "id-1", "HTTP_HOST": "ex.test:8443",
		"HTTP_USER_AGENT": "ua", "HTTP_AUTHORIZATION": "Basic YTpi",
	}
	for name, value := range want {
		if v, sent := got[name]; !sent || v != value {
			t.Errorf("%s is %q (sent: %v), want %q", name, v, sent, value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("also sent: %q", got)
	}
}

// absent marks a param that must not be sent.
const absent = "\x00absent"

func TestParamsFollowTheRequest(t *testing.T) {
	for _, c := range []struct {
		what   string
		cfg    cgi.Config
		change func(e *vars.Env, s *cgi.Script)
		want   map[string]string
	}{
		{"without path info there is no PATH_TRANSLATED", cgi.Config{}, func(_ *vars.Env, s *cgi.Script) { s.PathInfo = nil }, map[string]string{"PATH_INFO": "", "PATH_TRANSLATED": absent}},
		{"over TLS", cgi.Config{}, func(e *vars.Env, _ *cgi.Script) { e.X.Request.Conn.Scheme = "https" }, map[string]string{"HTTPS": "on", "REQUEST_SCHEME": "https"}},
		{"without TLS", cgi.Config{}, func(*vars.Env, *cgi.Script) {}, map[string]string{"HTTPS": absent, "CONTENT_TYPE": "", "REMOTE_USER": absent, "AUTH_TYPE": absent}},
		{"without a body", cgi.Config{}, func(_ *vars.Env, s *cgi.Script) { s.BodyLen = 0 }, map[string]string{"CONTENT_LENGTH": ""}},
		{"with an announced empty body", cgi.Config{}, func(e *vars.Env, s *cgi.Script) {
			s.BodyLen = 0
			e.X.Request.Header.AddString("content-length", "0")
		}, map[string]string{"CONTENT_LENGTH": "0"}},
		{"with a body of unknown length", cgi.Config{}, func(_ *vars.Env, s *cgi.Script) { s.BodyLen = -1 }, map[string]string{"CONTENT_LENGTH": ""}},
		{"the longest body", cgi.Config{}, func(_ *vars.Env, s *cgi.Script) { s.BodyLen = 1<<63 - 1 }, map[string]string{"CONTENT_LENGTH": "9223372036854775807"}},
		{"HTTP/2", cgi.Config{}, func(e *vars.Env, _ *cgi.Script) { e.X.Request.Major, e.X.Request.Minor = 2, 0 }, map[string]string{"SERVER_PROTOCOL": "HTTP/2.0"}},
		{"SERVER_NAME from Host", cgi.Config{}, func(*vars.Env, *cgi.Script) {}, map[string]string{"SERVER_NAME": "ex.test"}},
		{"SERVER_NAME without Host", cgi.Config{}, func(e *vars.Env, _ *cgi.Script) {
			e.X.Request.Host, e.X.Request.Authority = nil, nil
		}, map[string]string{"SERVER_NAME": "192.0.2.2", "HTTP_HOST": absent}},
		{"no query", cgi.Config{}, func(e *vars.Env, _ *cgi.Script) { e.Args = nil }, map[string]string{"QUERY_STRING": ""}},
		{"an internal redirect", cgi.Config{}, func(e *vars.Env, _ *cgi.Script) {
			e.URI, e.Args = []byte("/index.php"), []byte("q=2")
		}, map[string]string{"DOCUMENT_URI": "/index.php", "QUERY_STRING": "q=2", "REQUEST_URI": "/index.php/b%20r?x=1&y=%2f"}},
		{"no identifier: the client's is not believed", cgi.Config{}, func(e *vars.Env, _ *cgi.Script) {
			e.X.Trace.SetID(nil)
			e.X.Request.Header.AddString("x-request-id", "evil")
		}, map[string]string{"REQUEST_ID": absent, "HTTP_X_REQUEST_ID": absent}},
		{"custom params replace, add and empty", cgi.Config{Custom: map[string]string{
			"SERVER_NAME": "fixed", "DOCUMENT_ROOT": "$document_root/x", "APP_ENV": "prod", "HTTPS": "", "HTTP_USER_AGENT": "$http_user_agent!",
			"HTTP_HOST": "h", "long": strings.Repeat("$uri", 100), "after": "$scheme",
		}}, func(e *vars.Env, _ *cgi.Script) { e.X.Request.Header.AddString("user-agent", "ua") }, map[string]string{
			"SERVER_NAME": "fixed", "DOCUMENT_ROOT": "/srv/x", "APP_ENV": "prod", "HTTPS": "", "HTTP_USER_AGENT": "ua!",
			"HTTP_HOST": "h", "long": strings.Repeat("/index.php/b r", 100), "after": "http",
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			e, s := request(), script()
			c.change(e, s)
			got := params(t, c.cfg, e, s)
			for name, want := range c.want {
				if v, sent := got[name]; sent != (want != absent) || (sent && v != want) {
					t.Errorf("%s is %q (sent: %v), want %q", name, v, sent, want)
				}
			}
		})
	}
}

func TestWhatIsKeptFromAnotherRequestIsNotTakenForThisOne(t *testing.T) {
	conn := func(id uint64, addr string) *exchange.ConnInfo {
		return &exchange.ConnInfo{ID: id, Scheme: "http", PeerAddr: []byte(addr)}
	}
	make2 := func(software string) *cgi.Params {
		p, err := cgi.New(cgi.Config{Encode: pair, Software: software, ServerName: "www.test"})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, two := make2("one"), make2("two")
	a, b := conn(1, "192.0.2.1"), conn(2, "192.0.2.2")
	reused := new(exchange.ConnInfo)
	var kept cgi.Kept
	for i, c := range []struct {
		p     *cgi.Params
		conn  *exchange.ConnInfo
		minor uint8
	}{{one, a, 1}, {one, a, 1}, {one, a, 0}, {one, b, 0}, {two, b, 0}, {two, reused, 1}, {two, reused, 1}, {one, reused, 1}} {
		e := request()
		if c.conn == reused { // the memory of a connection that has ended
			*reused = *conn(uint64(10+i), strconv.Itoa(i))
		}
		e.X.Request.Conn, e.X.Request.Minor = c.conn, c.minor
		got := decode(t, c.p.Append(nil, e, script(), &kept))
		want := decode(t, c.p.Append(nil, e, script(), new(cgi.Kept)))
		if !maps.Equal(got, want) || got["REMOTE_ADDR"] != string(c.conn.PeerAddr) {
			t.Errorf("%d: got %q, want %q", i, got, want)
		}
	}
}

func TestHeadersBecomeHTTPParams(t *testing.T) {
	for _, c := range []struct {
		what    string
		headers []string
		want    map[string]string
	}{
		{"httpoxy", []string{"proxy: http://evil"}, map[string]string{"HTTP_PROXY": absent}},
		{"no HTTP_CONTENT_*", []string{"content-type: a", "content-length: 5", "content_length: 77", "content_type: b"}, map[string]string{
			"HTTP_CONTENT_TYPE": absent, "HTTP_CONTENT_LENGTH": absent, "CONTENT_TYPE": "a", "CONTENT_LENGTH": "5",
		}},
		{"the Host line is not HTTP_HOST", []string{"host: evil"}, map[string]string{"HTTP_HOST": "ex.test:8443"}},
		{"the identifier is the gateway's", []string{"x-request-id: evil", "x_request_id: evil"}, map[string]string{"HTTP_X_REQUEST_ID": "id-1"}},
		{"headers of one name are joined", []string{"foo: 1", "bar: x", "foo: 2", "foo: "}, map[string]string{"HTTP_FOO": "1, 2, ", "HTTP_BAR": "x"}},
		{"cookies are joined their own way", []string{"cookie: a=1", "cookie: b=2"}, map[string]string{"HTTP_COOKIE": "a=1; b=2"}},
		{"a dash wins over an underscore before it", []string{"x_forwarded_for: 6.6.6.6", "x-forwarded-for: 7", "x-forwarded-for: 8"}, map[string]string{"HTTP_X_FORWARDED_FOR": "7, 8"}},
		{"a dash wins over an underscore behind it", []string{"a-b: 1", "a_b: 2", "a-b: 3", "a.b: 4"}, map[string]string{"HTTP_A_B": "1, 3"}},
		{"without a dash the first spelling wins", []string{"a_b: 1", "a.b: 2", "a_b: 3"}, map[string]string{"HTTP_A_B": "1, 3"}},
		{"letters, digits, and nothing else", []string{"x-9a=!\x00é: v"}, map[string]string{"HTTP_X_9A_____": "v"}},
		{"settings of PHP are not bare", []string{"php-value: auto_prepend_file=/x", "php_admin_value: y"}, map[string]string{
			"HTTP_PHP_VALUE": "auto_prepend_file=/x", "PHP_VALUE": absent, "PHP_ADMIN_VALUE": absent,
		}},
		{"a name that looks like a param", []string{"script-filename: /etc/passwd", "http-host: e"}, map[string]string{
			"SCRIPT_FILENAME": "/app/index.php", "HTTP_SCRIPT_FILENAME": "/etc/passwd", "HTTP_HTTP_HOST": "e",
		}},
		{"a nameless header", []string{": x"}, map[string]string{"HTTP_": absent}},
		{"an empty value", []string{"x-e: "}, map[string]string{"HTTP_X_E": ""}},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := params(t, cgi.Config{}, request(c.headers...), script())
			for name, want := range c.want {
				if v, sent := got[name]; sent != (want != absent) || (sent && v != want) {
					t.Errorf("%s is %q (sent: %v), want %q", name, v, sent, want)
				}
			}
		})
	}
}

// standard are the names a request can have without any header or config.
func standard(t testing.TB) map[string]bool {
	names := make(map[string]bool)
	e := request()
	e.X.Request.Conn.Scheme = "https"
	for name := range params(t, cgi.Config{}, e, script()) {
		names[name] = true
	}
	return names
}

func TestNoParamIsEverSentTwiceNorBare(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	known := standard(t)
	words := []string{"a", "b", "host", "proxy", "content", "type", "length", "php", "value", "x", "request", "id", "cookie", "http"}
	custom := map[string]string{"HTTP_A_B": "$http_a_b", "HTTP_COOKIE": "", "REQUEST_METHOD": "GET", "b": "1"}
	for range 3000 {
		var headers []string
		for range rng.IntN(20) {
			name := words[rng.IntN(len(words))]
			for range rng.IntN(3) {
				name += string("-_."[rng.IntN(3)]) + words[rng.IntN(len(words))]
			}
			headers = append(headers, name+": v")
		}
		for name := range params(t, cgi.Config{Custom: custom}, request(headers...), script()) {
			if _, own := custom[name]; !own && !known[name] && !strings.HasPrefix(name, "HTTP_") {
				t.Fatalf("%q gave the bare param %s", headers, name)
			}
			if name == "HTTP_PROXY" || strings.HasPrefix(name, "HTTP_CONTENT_LENGTH") && len(name) == len("HTTP_CONTENT_LENGTH") {
				t.Fatalf("%q gave %s", headers, name)
			}
		}
	}
}

func FuzzHeaderNames(f *testing.F) {
	f.Add("proxy\ncontent_length\na-b\na_b\nA.b\nx-request-id", "v")
	f.Fuzz(func(t *testing.T, names, value string) {
		e := request()
		for name := range strings.SplitSeq(names, "\n") {
			e.X.Request.Header.AddString(name, value)
		}
		known := standard(t)
		for name := range params(t, cgi.Config{}, e, script()) { // fails on a name sent twice
			if !known[name] && !strings.HasPrefix(name, "HTTP_") || name == "HTTP_PROXY" || strings.ContainsAny(name, "-=. \x00") {
				t.Fatalf("%q gave %q", names, name)
			}
		}
	})
}
