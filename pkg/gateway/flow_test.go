package gateway_test

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

const flow = `
[[site]]
listen = [":80"]
root = "{dir}/www"
index = ["index.php", "index.html"]
scripts = ["/**.php"]
  [[site.location]]
  match = "/"
  try_files = ["$uri", "$uri/", "/index.php?$args"]
  [[site.location]]
  match = '~ \.php(/|$)'
  backend = "app"
  [[site.location]]
  match = "/plain/"
  [[site.location]]
  match = "/strict/"
  try_files = ["$uri", "=404"]
  [[site.location]]
  match = "/teapot/"
  try_files = ["$uri", "=418"]
  [[site.location]]
  match = "/named/"
  try_files = ["$uri", "$uri/index.html", "@fallback"]
  [[site.location]]
  match = "@fallback"
  return = "200 fallback for $uri?$args"
  [[site.location]]
  match = "/query/"
  try_files = ["$uri", "/index.php?q=$uri&$args"]
  [[site.location]]
  match = "/noargs/"
  try_files = ["$uri", "/index.php"]
  [[site.location]]
  match = "= /exact"
  return = "200 exact"
  [[site.location]]
  match = "^~ /final/"
  return = "200 final"
  [[site.location]]
  match = '~ ^/user/(?<name>\w+)$'
  return = "200 user $name $1"
  [[site.location]]
  match = "/gone"
  return = "410"
  [[site.location]]
  match = "/moved"
  return = "301 https://$host$request_uri"
  [[site.location]]
  match = "/to"
  return = "302 /new$uri"
  [[site.location]]
  match = "/empty"
  return = "204"
  [[site.location]]
  match = "/hidden/"
  internal = true
  [[site.location]]
  match = "/door/"
  try_files = ["/hidden$uri", "=404"]
  [[site.location]]
  match = "/via/"
  try_files = ["/none", "/hidden/x.txt"]
  [[site.location]]
  match = "/i/"
  alias = "{dir}/img/"
  [[site.location]]
  match = "/open/"
  dotfiles = "allow"
  [[site.location]]
  match = "/src/"
  deny_source = [".secret"]
  [[site.location]]
  match = "/loop/"
  try_files = ["/none", "/pool/"]
  [[site.location]]
  match = "/pool/"
  try_files = ["/none", "/loop/"]
[backend.app]
servers = ["{app}"]
`

func TestALocationsFlow(t *testing.T) {
	r := start(t, sites, []string{
		"index.php", "a.txt", "sub/index.html", "app/index.php", "bare/x.txt", "plain/index.html", "plain/empty/x.txt",
		"strict/a.txt", "named/dir/index.html", "hidden/x.txt", "final/x.php", "dir with space/index.html", `\evil/index.html`,
		"open/.env", ".env", "sub/.git/config", ".well-known/a.txt", "src/a.secret", "src/b.txt", "x.phtml", "x.inc", "x.php.bak", "plain/x.php~",
	}, nil)
	r.write("img/cat.png", "cat")
	r.write("img-private/x", "private")
	r.load(flow)
	tests := []struct {
		target string
		status int
		want   string // in the body, or in Location
	}{
		{"/a.txt", 200, "file a.txt"},
		{"/sub/", 200, "file sub/index.html"},
		{"/sub", 301, "/sub/"},
		{"/sub?a=b", 301, "/sub/?a=b"},
		{"/app/?x=1", 200, "name /app/index.php info  query x=1"},
		{"/", 200, "name /index.php"},
		{"/no/such?x=1", 200, "name /index.php info  query x=1"},
		{"/bare/", 403, ""},
		{"/dir%20with%20space", 301, "/dir%20with%20space/"},
		{"/%5Cevil", 301, "/%5Cevil/"},
		{"//evil.example/", 200, "name /index.php"},
		{"/plain/", 200, "file plain/index.html"},
		{"/plain/none", 404, ""},
		{"/plain/empty/", 403, ""},
		{"/plain/empty", 301, "/plain/empty/"},
		{"/strict/a.txt", 200, "file strict/a.txt"},
		{"/strict/none", 404, ""},
		{"/teapot/x", 418, ""},
		{"/named/dir", 200, "file named/dir/index.html"},
		{"/named/none?a=b", 200, "fallback for /named/none?a=b"},
		{"/query/x?a=b", 200, "query q=/query/x&a=b"},
		{"/noargs/x?a=b", 200, "name /index.php info  query "},
		{"/exact", 200, "exact"},
		{"/exact/", 200, "name /index.php"},
		{"/final/x.php", 200, "final"},
		{"/user/ann", 200, "user ann ann"},
		{"/gone", 410, ""},
		{"/moved/a%20b?c=d", 301, "https://x/moved/a%20b?c=d"},
		{"/to/a%20b%C3%A9", 302, "/new/to/a%20b%C3%A9"},
		{"/empty", 204, ""},
		{"/hidden/x.txt", 404, ""},
		{"/via/", 200, "file hidden/x.txt"},
		{"/i/cat.png", 200, "cat"},
		{"/i../img-private/x", 200, "name /index.php"}, // not beneath /i/
		{"/i-private/x", 200, "name /index.php"},
		{"/i/none", 404, ""},
		{"/open/.env", 200, "file open/.env"},
		{"/.env", 404, ""},
		{"/sub/.git/config", 404, ""},
		{"/.well-known/a.txt", 200, "file .well-known/a.txt"},
		{"/src/a.secret", 404, ""},
		{"/src/b.txt", 200, "file src/b.txt"},
		{"/x.phtml", 404, ""},
		{"/x.inc", 404, ""},
		{"/x.php.bak", 404, ""},
		{"/plain/x.php~", 404, ""},
		{"/loop/", 500, ""},
	}
	for _, tt := range tests {
		got := r.get(tt.target)
		where := got.body
		if got.StatusCode/100 == 3 {
			where = got.Header.Get("Location")
			if where != tt.want {
				t.Errorf("%s: Location %q, want %q", tt.target, where, tt.want)
			}
		}
		if got.StatusCode != tt.status || !strings.Contains(where, tt.want) {
			t.Errorf("%s: got %d %.120q, want %d %q", tt.target, got.StatusCode, where, tt.status, tt.want)
		}
		if id := got.Header.Values("X-Request-ID"); len(id) != 1 || len(id[0]) != 32 {
			t.Errorf("%s: X-Request-ID %q", tt.target, id)
		}
	}
	harness.Eventually(t, "the log says why the loop failed", func() bool {
		return strings.Contains(r.read("error.log"), "more than 10 internal redirects")
	})
}

func TestStaticFilesAreReadOnly(t *testing.T) {
	r := start(t, "[[site]]\nlisten = [\":80\"]\nroot = \"{dir}/www\"\n", []string{"a.txt"}, nil)
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		got := r.raw(":80", method+" /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		if got.StatusCode != 405 || got.Header.Get("Allow") == "" {
			t.Errorf("%s: got %d, Allow %q", method, got.StatusCode, got.Header.Get("Allow"))
		}
	}
}
