package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// protocol is a way of asking the same thing.
type protocol struct {
	name, scheme string
	client       *http.Client
	server       string // SERVER_PROTOCOL
	https        string // HTTPS
}

// protocols are all ways to ask s.
func (s *tlsSite) protocols() []protocol {
	return []protocol{
		{"HTTP/1.1", "http", s.plain(false), "HTTP/1.1", ""},
		{"HTTP/1.1 over TLS", "https", s.https(&tls.Config{}, false), "HTTP/1.1", "on"},
		{"HTTP/2 over TLS", "https", s.https(&tls.Config{}, true), "HTTP/2.0", "on"},
		{"HTTP/2 in clear text", "http", s.plain(true), "HTTP/2.0", ""},
		{"HTTP/3", "https", s.http3(&tls.Config{}), "HTTP/3.0", "on"},
	}
}

// plain is a client of the plain address, whatever the host in its URLs.
func (s *tlsSite) plain(h2 bool) *http.Client {
	p := &http.Protocols{}
	p.SetHTTP1(!h2)
	p.SetUnencryptedHTTP2(h2)
	tr := &http.Transport{
		Protocols: p, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.addr)
		},
	}
	s.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: harness.Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// own are the lines of env.php that are the protocol's own.
var own = []string{"SERVER_PROTOCOL", "HTTPS", "REQUEST_SCHEME", "SERVER_PORT", "REMOTE_PORT"}

const envPHP = `<?php
header("Content-Type: text/plain");
foreach (["SERVER_PROTOCOL", "HTTPS", "REQUEST_SCHEME", "SERVER_PORT", "REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING",
	"SCRIPT_NAME", "PATH_INFO", "HTTP_HOST", "SERVER_NAME", "REMOTE_ADDR", "HTTP_COOKIE", "HTTP_X_LIST", "HTTP_X_UTF",
	"HTTP_TE", "HTTP_CONNECTION", "HTTP_TRANSFER_ENCODING", "CONTENT_TYPE", "CONTENT_LENGTH"] as $k)
	echo "$k=", $_SERVER[$k] ?? "", "\n";
`

// shared is one request whose answer must not depend on the protocol.
type shared struct {
	name, method, path string
	header             map[string][]string
	body               []byte
	status             int
	want               string // part of the answer's body
}

func sharedRequests() []shared {
	body64K, body5M := bytes.Repeat([]byte("0123456789abcdef"), 4<<10), bytes.Repeat([]byte("upload! "), 5<<17)
	sum := func(b []byte) string { return fmt.Sprintf("%d %x", len(b), sha256.Sum256(b)) }
	return []shared{
		{name: "a file", method: "GET", path: "/file.txt", status: 200, want: "text"},
		{name: "its head", method: "HEAD", path: "/file.txt", status: 200},
		{name: "a part of it", method: "GET", path: "/file.txt", header: map[string][]string{"Range": {"bytes=1-2"}}, status: 206, want: "ex"},
		{name: "a part that it does not have", method: "GET", path: "/file.txt", header: map[string][]string{"Range": {"bytes=9-"}}, status: 416},
		{name: "unless changed", method: "GET", path: "/file.txt", header: map[string][]string{"If-Modified-Since": {"Fri, 01 Jan 2100 00:00:00 GMT"}}, status: 304},
		{name: "a file of 5 MB", method: "GET", path: "/big.bin", status: 200},
		{name: "nothing there", method: "GET", path: "/nothing", status: 404},
		{name: "a directory", method: "GET", path: "/dir", status: 301},
		{name: "a dotfile", method: "GET", path: "/.env", status: 404},
		{name: "climbing", method: "GET", path: "/a/../file.txt", status: 200, want: "text"},
		{name: "the environment", method: "GET", path: "/env.php/info?a=1&b=%20x", status: 200, want: "REQUEST_URI=/env.php/info?a=1&b=%20x\n"},
		{name: "headers", method: "GET", path: "/env.php", status: 200, want: "HTTP_X_LIST=1, 2\n", header: map[string][]string{
			"Cookie": {"a=1; b=2"}, "X-List": {"1", "2"}, "X-Utf": {"\xc3\xa9"}, "Te": {"trailers"}, "X_utf": {"no"},
		}},
		{name: "64 KB to PHP", method: "POST", path: "/sum.php", body: body64K, status: 200, want: sum(body64K)},
		{name: "5 MB to PHP", method: "POST", path: "/sum.php", body: body5M, status: 200, want: sum(body5M)},
		{name: "nothing to PHP", method: "POST", path: "/sum.php", body: []byte{}, status: 200, want: sum(nil)},
		{name: "PUT", method: "PUT", path: "/env.php", body: []byte("x"), status: 200, want: "REQUEST_METHOD=PUT\n"},
		{name: "5 MB from PHP", method: "GET", path: "/long.php", status: 200},
		{name: "head of a script", method: "HEAD", path: "/env.php", status: 200},
		{name: "a redirect from PHP", method: "GET", path: "/go.php", status: 302},
		{name: "cookies from PHP", method: "GET", path: "/cookies.php", status: 200},
		{name: "a body that is too large", method: "POST", path: "/small/sum.php", body: body64K, status: 413},
		{name: "a status without a body", method: "GET", path: "/none.php", status: 204},
		{name: "a script that fails", method: "GET", path: "/fail.php", status: 500},
	}
}

func TestAnswersAreTheSameByAllProtocols(t *testing.T) {
	s := phpTLSSite(t, startFPM(t, fpmConf{children: 2}), `
[[site.location]]
match = "/"
[[site.location]]
match = "^~ /small/"
max_body = "1KiB"
backend = "php"
`)
	for name, content := range map[string]string{
		"env.php": envPHP, "big.bin": strings.Repeat("static! ", 5<<17), "dir/x": "", "small/sum.php": "<?php", ".env": "secret",
		"sum.php":     `<?php $b = file_get_contents("php://input"); echo $_SERVER["CONTENT_LENGTH"] ?: "0", " ", hash("sha256", $b);`,
		"long.php":    `<?php for ($i = 0; $i < 80; $i++) echo str_repeat(chr(65 + $i % 26), 65536);`,
		"go.php":      `<?php header("Location: /file.txt?x=1", true, 302);`,
		"cookies.php": `<?php setcookie("a", "1"); setcookie("b", "2"); header("X-Own: yes"); echo "done";`,
		"none.php":    `<?php http_response_code(204);`,
		"fail.php":    `<?php http_response_code(500); echo "failed";`,
	} {
		writeFile(t, s.site.root, name, content)
	}
	list := s.protocols()
	for _, row := range sharedRequests() {
		t.Run(row.name, func(t *testing.T) {
			first := ""
			for _, p := range list {
				got := s.ask(t, p, row)
				if first == "" {
					first = got
				}
				if got != first {
					t.Errorf("by %s:\n%s\nby %s:\n%s", p.name, brief(got), list[0].name, brief(first))
				}
			}
		})
	}
}

// ask sends row by p and returns what must be the same for all.
func (s *tlsSite) ask(t *testing.T, p protocol, row shared) string {
	t.Helper()
	var body io.Reader
	if row.body != nil {
		body = bytes.NewReader(row.body)
	}
	req, err := http.NewRequest(row.method, p.scheme+"://a.test"+row.path, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range row.header {
		req.Header[name] = values
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatalf("by %s: %v", p.name, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("by %s: %v", p.name, err)
	}
	if resp.StatusCode != row.status || !strings.Contains(string(b), row.want) {
		t.Errorf("by %s: %d %q, want %d and %q", p.name, resp.StatusCode, brief(string(b)), row.status, row.want)
	}
	if strings.HasPrefix(row.path, "/env.php") && row.method != "HEAD" {
		b = []byte(p.withoutOwn(t, string(b)))
	}
	id := []byte(resp.Header.Get("X-Request-Id")) // our own pages show it
	return answerText(resp, bytes.ReplaceAll(b, id, []byte("ID")))
}

// withoutOwn checks the lines of env.php that are the protocol's own and takes
// them out.
func (p protocol) withoutOwn(t *testing.T, body string) string {
	t.Helper()
	for _, want := range []string{"SERVER_PROTOCOL=" + p.server, "HTTPS=" + p.https, "REQUEST_SCHEME=" + p.scheme} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("by %s: no %s in\n%s", p.name, want, body)
		}
	}
	var rest strings.Builder
line:
	for line := range strings.Lines(body) {
		for _, name := range own {
			if strings.HasPrefix(line, name+"=") {
				continue line
			}
		}
		rest.WriteString(line)
	}
	return rest.String()
}

// answerText is what of an answer must be the same for all.
func answerText(resp *http.Response, body []byte) string {
	var b strings.Builder
	fmt.Fprintln(&b, resp.StatusCode)
	for _, name := range []string{
		"Content-Type", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified", "Location", "Set-Cookie", "X-Own",
		"Server", "Cache-Control", "Vary", "Allow", "X-Powered-By", "Trailer", "Connection", "Keep-Alive",
	} {
		fmt.Fprintf(&b, "%s: %q\n", name, strings.ReplaceAll(fmt.Sprint(resp.Header[name]), "https://", "http://"))
	}
	fmt.Fprintf(&b, "%d bytes, %x\n", len(body), sha256.Sum256(body))
	b.Write(body)
	return b.String()
}

func brief(s string) string { return s[:min(len(s), 1200)] }
