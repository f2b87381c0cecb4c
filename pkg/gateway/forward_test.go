package gateway_test

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// httpApp is a server on a unix socket, as configurations write its address.
func httpApp(tb testing.TB, h http.HandlerFunc) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	s := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		_ = s.Serve(ln)
	}()
	tb.Cleanup(func() {
		s.Close()
		<-done
	})
	return "unix:" + path
}

// mirror answers with the request as it came.
func mirror(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %d\n", r.Method, r.RequestURI, r.Host, len(body))
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header[name], "|"))
	}
}

const mirrorSite = `
[http]
traceparent = "pass"
[[site]]
listen = [":80"]
hosts = ["x", "example.org"]
  [[site.location]]
  match = "/"
  backend = "app"
  [[site.location]]
  match = "/app/"
  backend = "app"
  strip_prefix = "/app"
  [[site.location]]
  match = "= /old"
  root = "/srv"
  try_files = ["/no such", "/new path/%?a=1&$args"]
  [[site.location]]
  match = "/headers"
  backend = "app"
  request_headers = { X-User = "$http_x_who", Cookie = "", Accept = "text/$arg_a", host = "$arg_host" }
  headers = { X-Ours = "1" }
[backend.app]
protocol = "http"
servers = ["{http}"]
`

// mirrorOf is the configuration of a server at addr.
func mirrorOf(addr string) string { return strings.ReplaceAll(mirrorSite, "{http}", addr) }

func TestAnHTTPServerGetsTheTargetAsItCame(t *testing.T) {
	r := start(t, mirrorOf(httpApp(t, mirror)), nil, nil)
	rows := []struct{ target, want string }{
		{"/", "/"},
		{"/a%2fb//c;d?e=%zz", "/a%2fb//c;d?e=%zz"},
		{"/?", "/?"},
		{"/%41", "/%41"},
		{"/a.b/c..", "/a.b/c.."},
		{"/a/./b", "/a/b"},
		{"/a/../b?c", "/b?c"},
		{"/a/%2e%2E/b%20c", "/b%20c"},
		{"/a%2f..%2fb", "/b"},
		{"/a/.", "/a/"},
		{`/a\..\b`, "/a%5C..%5Cb"},
		{`/\x/admin`, "/%5Cx/admin"},
		{`/a%2fb\c?d\e`, `/a/b%5Cc?d\e`},
		{`/a?b\c`, `/a?b\c`},
		{"//x/admin", "/x/admin"},
		{"///x//admin?a", "/x/admin?a"},
		{"http://x//x/admin", "/x/admin"},
		{"/app//x/admin", "/x/admin"},
		{"/app%2f/x//admin", "/x/admin"},
		{"/app/x//admin", "/x//admin"},
		{"/app/", "/"},
		{"/app/a%2fb?c", "/a%2fb?c"},
		{"/app/?c", "/?c"},
		{"/%61pp/b%2f", "/b/"},
		{"/app/../app/b", "/b"},
		{"/application", "/application"},
		{"/old?b=2", "/new%20path/%25?a=1&b=2"},
	}
	for _, row := range rows {
		got, _, _ := strings.Cut(r.get(row.target).body, "\n")
		if got != "GET "+row.want+" x 0" {
			t.Errorf("%s: %q, want %q", row.target, got, row.want)
		}
	}
}

func TestAnHTTPServerIsToldOfItsClient(t *testing.T) {
	r := start(t, mirrorOf(httpApp(t, mirror)), nil, nil)
	got := r.raw(":80", "GET /headers?a=b HTTP/1.1\r\nHost: Example.org:80\r\nX-Forwarded-For: 6.6.6.6\r\nX-Request-ID: evil\r\n"+
		"X-Who: me\r\nX-User: root\r\nCookie: a=b\r\nConnection: x-hop, close\r\nX-Hop: 1\r\nX_Under: 1\r\nProxy: evil\r\nTE: trailers\r\nAccept: */*\r\n\r\n")
	id := got.Header.Get("X-Request-Id")
	want := "GET /headers?a=b Example.org:80 0\nAccept: text/b\nForwarded: for=unknown;proto=http;host=\"Example.org:80\"\n" +
		"X-Forwarded-Host: Example.org:80\nX-Forwarded-Proto: http\nX-Request-Id: " + id + "\nX-User: me\nX-Who: me\n"
	if got.body != want || len(id) != 32 || got.Header.Get("X-Ours") != "1" {
		t.Errorf("\n got %q\nwant %q", got.body, want)
	}
	if got := r.get("/headers?host=ours").body; !strings.HasPrefix(got, "GET /headers?host=ours ours 0\n") {
		t.Errorf("%q", got)
	}
	if got := r.get("/app/x").body; !strings.Contains(got, "X-Forwarded-Prefix: /app\n") {
		t.Errorf("%q", got)
	}
}

func TestAnHTTPServerGetsTheWholeBody(t *testing.T) {
	r := start(t, mirrorOf(httpApp(t, mirror)), nil, nil)
	for _, size := range []int{0, 1, 100, 1 << 20} {
		body := strings.Repeat("a", size)
		got := r.raw(":80", fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, body))
		if !strings.HasPrefix(got.body, fmt.Sprintf("POST / x %d\n", size)) || !strings.Contains(got.body, fmt.Sprintf("Content-Length: %d\n", size)) {
			t.Errorf("%d bytes: %.200q", size, got.body)
		}
		got = r.raw(":80", "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		if !strings.HasPrefix(got.body, "PUT / x 5\n") {
			t.Errorf("chunked: %.200q", got.body)
		}
	}
}

// echoServer switches to WebSocket, or whatever is asked for, and echoes bytes.
func echoServer(w http.ResponseWriter, r *http.Request) {
	protocol := r.Header.Get("Upgrade")
	if protocol == "" {
		mirror(w, r)
		return
	}
	nc, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer nc.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(nc, "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Accept: %s\r\nX-Accel-Redirect: /x\r\n\r\n",
		protocol, base64.StdEncoding.EncodeToString(sum[:]))
	_, _ = io.Copy(nc, rw)
}

const switchHead = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func TestAWebSocketIsTunnelledAndLogged(t *testing.T) {
	r := start(t, mirrorOf(httpApp(t, echoServer)), nil, nil)
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	fmt.Fprintf(nc, switchHead+"early", "WebSocket")
	first := make([]byte, 1) // who ends its side before there is an answer has left
	if _, err := io.ReadFull(nc, first); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(nc, " late")
	_ = nc.(*net.UnixConn).CloseWrite()
	all, err := io.ReadAll(nc)
	all = append(first, all...)
	head, rest, _ := strings.Cut(string(all), "\r\n\r\n")
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 Switching Protocols\r\n") || rest != "early late" ||
		!strings.Contains(head, "\r\nUpgrade: websocket") || !strings.Contains(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") ||
		strings.Contains(head, "Accel") || strings.Count(strings.ToLower(head), "upgrade:") != 1 {
		t.Errorf("%q, %v", all, err)
	}
	harness.Eventually(t, "there is a record of it", func() bool {
		log := r.read("access.log")
		return strings.Contains(log, `"status":101`) && strings.Contains(log, `"bytes":10,`) && strings.Contains(log, `"bytes_in":10,`)
	})
}

func TestOnlyProtocolsOnTheListAreSwitchedTo(t *testing.T) {
	r := start(t, mirrorOf(httpApp(t, echoServer)), nil, nil)
	for _, protocol := range []string{"h2c", "other", "websocket2"} {
		got := r.raw(":80", fmt.Sprintf(switchHead, protocol))
		if got.StatusCode != 200 || strings.Contains(got.body, "Upgrade:") {
			t.Errorf("%s: %d %q", protocol, got.StatusCode, got.body)
		}
	}
}

func TestRequestsUnderWayToAnHTTPServerSurviveAReload(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	addr := httpApp(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-release
		}
		mirror(w, r)
	})
	text := mirrorOf(addr)
	r := start(t, text, nil, nil)
	got := make(chan string, 1)
	go func() { got <- r.get("/slow").body }() // ends with its reply
	<-begun
	if err := r.Load(context.Background(), r.parse(text+"queue = 7\n")); err != nil {
		t.Fatal(err)
	}
	close(release)
	if body := <-got; !strings.HasPrefix(body, "GET /slow x 0\n") {
		t.Errorf("%q", body)
	}
	if body := r.get("/").body; !strings.HasPrefix(body, "GET / x 0\n") {
		t.Errorf("%q", body)
	}
}
