package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

const scripts = `
[[site]]
listen = [":80"]
hosts = ["www.test"]
default = true
root = "{dir}/www"
scripts = ["/index.php", "/admin/*.php", "/deep/**.php", "/a.php"]
params = { APP = "site", SAME = "site" }
  [[site.location]]
  match = "/"
  try_files = ["$uri", "=404"]
  [[site.location]]
  match = '~ \.php(/|$)'
  backend = "app"
  params = { SAME = "location", SCRIPT_NAME = "/mine", REAL = "$realpath_root" }
[backend.app]
servers = ["{app}"]
max_conns = 2
`

// The attacks are those that other gateways are known for.
func TestOnlyListedScriptsThatExistRun(t *testing.T) {
	r := start(t, scripts, []string{
		"index.php", "a.php", "admin/x.php", "admin/sub/x.php", "deep/1/2/x.php", "up/shell.php", "up/img.jpg",
		"x.ⓟⓗⓟ", "ȺȺȺȺshell.php.txt.php", "a.php5", "a.php.bak", "a.php~", "deep/evil.php.jpg",
	}, nil)
	tests := []struct{ target, script, info string }{
		{"/index.php", "/index.php", ""},
		{"/index.php/x/y", "/index.php", "/x/y"},
		{"/a.php/b.php", "/a.php", "/b.php"},
		{"/admin/x.php", "/admin/x.php", ""},
		{"/deep/1/2/x.php/i", "/deep/1/2/x.php", "/i"},
		{"/admin/sub/x.php", "", ""}, // "*" stays within a segment
		{"/up/shell.php", "", ""},
		{"/up/img.jpg/x.php", "", ""},
		{"/deep/none.php", "", ""},
		{"/deep/evil.php.jpg", "", ""},
		{"/index.php%0a/x", "", ""},
		{"/index.php%3fx", "", ""},
		{"/index.PHP", "", ""},
		{"/a.pHp", "", ""},
		{"/a.php5", "", ""},
		{"/a.php.bak", "", ""},
		{"/a.php~", "", ""},
		{"/index.phpx", "", ""},
		{"/%C8%BA%C8%BA%C8%BA%C8%BAshell.php.txt.php", "", ""},
		{"/deep/..%2f..%2f..%2fetc/passwd.php", "", ""},
		{"/deep/%252e%252e/x.php", "", ""},
		{"/deep%5C..%5Cindex.php", "", ""},
	}
	for _, tt := range tests {
		before := len(r.app.Requests())
		got := r.get(tt.target)
		ran := len(r.app.Requests()) > before
		if ran != (tt.script != "") {
			t.Errorf("%s: ran is %v, status %d", tt.target, ran, got.StatusCode)
			continue
		}
		if !ran {
			if got.StatusCode != 404 && got.StatusCode != 400 || strings.Contains(got.body, "file ") {
				t.Errorf("%s: got %d %.80q", tt.target, got.StatusCode, got.body)
			}
			continue
		}
		p := r.lastParams()
		if p["SCRIPT_FILENAME"] != r.dir+"/www"+tt.script || p["PATH_INFO"] != tt.info || p["DOCUMENT_ROOT"] != r.dir+"/www" {
			t.Errorf("%s: SCRIPT_FILENAME %q, PATH_INFO %q", tt.target, p["SCRIPT_FILENAME"], p["PATH_INFO"])
		}
	}
	if got := r.get("/x.%E2%93%9F%E2%93%97%E2%93%9F"); got.StatusCode != 200 || !strings.HasPrefix(got.body, "file ") {
		t.Errorf("a file whose name only looks like a script: got %d", got.StatusCode)
	}
	harness.Eventually(t, "the log says what to add to run a script", func() bool {
		return strings.Contains(r.read("error.log"), `the script is not in the location's scripts`)
	})
}

func TestParamsAreSentOnceAndTheLocationWins(t *testing.T) {
	r := start(t, scripts, []string{"index.php"}, nil)
	r.raw(":80", "GET /index.php HTTP/1.1\r\nHost: www.test\r\nProxy: evil\r\nSame: header\r\nPhp-Value: x\r\nX_Under: spoof\r\n\r\n")
	p := r.lastParams()
	for name, want := range map[string]string{
		"APP": "site", "SAME": "location", "SCRIPT_NAME": "/mine", "REAL": r.dir + "/www", "SERVER_NAME": "www.test",
		"SERVER_SOFTWARE": "test", "HTTP_SAME": "header", "HTTP_PHP_VALUE": "x", "REQUEST_URI": "/index.php",
	} {
		if p[name] != want {
			t.Errorf("%s is %q, want %q", name, p[name], want)
		}
	}
	seen := make(map[string]bool)
	for _, name := range r.app.Requests()[0].Names {
		if seen[name] {
			t.Errorf("%s is sent twice", name)
		}
		seen[name] = true
	}
	for _, name := range []string{"HTTP_PROXY", "PHP_VALUE", "HTTP_X_UNDER"} {
		if _, ok := p[name]; ok {
			t.Errorf("%s is sent", name)
		}
	}
}

func TestRemoteRootIsWhereTheWorkersLook(t *testing.T) {
	const text = `
[[site]]
listen = [":80"]
root = "{dir}/www"
scripts = ["/**.php"]
  [[site.location]]
  match = "/"
  backend = "app"
  [[site.location]]
  match = "/blind/"
  backend = "blind"
[backend.app]
servers = ["{app}"]
remote_root = "/var/www/html/"
[backend.blind]
servers = ["{app}"]
remote_root = "/srv"
check_files = false
`
	r := start(t, text, []string{"index.php", "sub/index.php"}, nil)
	tests := []struct {
		target           string
		status           int
		filename, docset string
		translated       string
	}{
		{"/index.php/info", 200, "/var/www/html/index.php", "/var/www/html", "/var/www/html/info"},
		{"/sub/", 200, "/var/www/html/sub/index.php", "/var/www/html", ""},
		{"/none.php", 404, "", "", ""},
		{"/blind/none.php", 200, "/srv/blind/none.php", "/srv", ""},
	}
	for _, tt := range tests {
		got := r.get(tt.target)
		if got.StatusCode != tt.status {
			t.Errorf("%s: got %d, want %d", tt.target, got.StatusCode, tt.status)
		}
		if tt.status != 200 {
			continue
		}
		p := r.lastParams()
		if p["SCRIPT_FILENAME"] != tt.filename || p["DOCUMENT_ROOT"] != tt.docset || p["PATH_TRANSLATED"] != tt.translated {
			t.Errorf("%s: %q, %q, %q", tt.target, p["SCRIPT_FILENAME"], p["DOCUMENT_ROOT"], p["PATH_TRANSLATED"])
		}
	}
}

func TestADeployBySymlinkSwapIsSeenAsAWhole(t *testing.T) {
	text := strings.ReplaceAll(scripts, "{dir}/www", "{dir}/www/current")
	files := []string{"releases/1/index.php", "releases/2/index.php"}
	var r *rig
	point := func(dir, release string) {
		next := filepath.Join(dir, "www", "next")
		if err := os.Symlink("releases/"+release, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "www", "current")); err != nil {
			t.Fatal(err)
		}
	}
	r = start(t, sites, files, nil)
	point(r.dir, "1")
	r.load(strings.ReplaceAll(text, `":80"`, `":80", ":81", ":82"`))
	r.get("/index.php")
	if p := r.lastParams(); p["SCRIPT_FILENAME"] != r.dir+"/www/releases/1/index.php" || p["DOCUMENT_ROOT"] != r.dir+"/www/releases/1" {
		t.Fatalf("before: %q in %q", p["SCRIPT_FILENAME"], p["DOCUMENT_ROOT"])
	}
	point(r.dir, "2")
	harness.Eventually(t, "the new release runs", func() bool {
		r.get("/index.php")
		p := r.lastParams()
		if filepath.Dir(p["SCRIPT_FILENAME"]) != p["DOCUMENT_ROOT"] || p["DOCUMENT_ROOT"] != p["REAL"] {
			t.Fatalf("mixed: %q in %q, %q", p["SCRIPT_FILENAME"], p["DOCUMENT_ROOT"], p["REAL"])
		}
		return p["DOCUMENT_ROOT"] == r.dir+"/www/releases/2"
	})
}
