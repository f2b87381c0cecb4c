package integration

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// secret is in every file that no client may read.
const secret = "S3CRET-SOURCE"

// attackRoot is a document root with things to steal.
func attackRoot(t *testing.T) string {
	t.Helper()
	source := "<?php /* " + secret + " */"
	root := docroot(t,
		"index.php", source, "a.php", source, "sub/index.php", source, "up/shell.php", source, "B.PHP", source,
		"up/img.jpg", "an image", ".env", secret, ".git/config", secret, ".htaccess", secret, "sub/.env", secret,
		".well-known/ok.txt", "known", "x.ⓟⓗⓟ", "no script", "ȺȺȺȺshell.php.txt", "text",
		"a.php.bak", source, "a.php~", source, "a.php5", source, "c.inc", source, "img/pic.jpg", "a picture",
	)
	outside := docroot(t, "passwd", secret, "passwd.php", source)
	if err := os.Symlink(outside, root+"/l"); err != nil {
		t.Fatal(err)
	}
	return root
}

// attack is a path, and what may come of it.
type attack struct {
	id, path string
	status   []int  // any of them
	script   string // SCRIPT_NAME the backend must get; "" for no request at all
	info     string // its PATH_INFO
}

// These hold whatever scripts are allowed. A path without a file goes to the
// front controller, which is no attack: index.php is meant to get it.
var pathAttacks = []attack{
	{"S1 newline in the path", "/index.php%0a/x", []int{400}, "", ""},
	{"S2 carriage return", "/index.php%0d/x", []int{400}, "", ""},
	{"S2 control byte", "/%01", []int{400}, "", ""},
	{"S2 delete", "/a%7f.php", []int{400}, "", ""},
	{"S3 NUL", "/up/img.jpg%00.php", []int{400}, "", ""},
	{"S4 script beneath a file", "/up/img.jpg/x.php", []int{404}, "", ""},
	{"S5 no such script", "/no/such.php", []int{404}, "", ""},
	{"S7 Unicode before the split", "/%C8%BA%C8%BA%C8%BA%C8%BAshell.php.txt.php", []int{404}, "", ""},
	{"S7 a name that goes on behind .php", "/%C8%BA%C8%BA%C8%BA%C8%BAshell.php.txt", []int{404}, "", ""},
	{"S8 circled letters", "/x.%E2%93%9F%E2%93%97%E2%93%9F", []int{200}, "", ""},
	{"S8 small full stop", "/a%EF%B9%92php", []int{200}, "/index.php", ""},
	{"S8 full width", "/a.%EF%BD%90%EF%BD%88%EF%BD%90", []int{200}, "/index.php", ""},
	{"S9 upper case of a script", "/index.PHP", []int{200}, "/index.php", ""},
	{"S9 mixed case", "/a.pHp", []int{200}, "/index.php", ""},
	{"S9 a file in upper case", "/B.PHP", []int{404}, "", ""},
	{"S10 letters behind .php", "/index.phpx", []int{200}, "/index.php", ""},
	{"S10 php5", "/a.php5", []int{404}, "", ""},
	{"S10 backup", "/a.php.bak", []int{404}, "", ""},
	{"S10 editor's backup", "/a.php~", []int{404}, "", ""},
	{"S10 include file", "/c.inc", []int{404}, "", ""},
	{"S12 encoded traversal", "/sub/..%2f..%2f..%2fetc/passwd.php", []int{400, 404}, "", ""},
	{"S12 traversal", "/sub/../../../etc/passwd.php", []int{400, 404}, "", ""},
	{"S12 encoded dots", "/%2e%2e/%2e%2e/etc/passwd", []int{400, 404}, "", ""},
	{"S13 double encoding", "/%252e%252e/.env", []int{400, 404}, "", ""},
	{"S13 double encoding to the front", "/%252e%252e/x", []int{200}, "/index.php", ""},
	{"S13 backslash", `/sub\index.php`, []int{400, 404}, "", ""},
	{"S13 encoded backslash", "/sub%5cindex.php", []int{400, 404}, "", ""},
	{"S13 semicolon", "/a.php;x", []int{200}, "/index.php", ""},
	{"S15 link out of the root", "/l/passwd", []int{200, 404}, "/index.php", ""},
	{"S15 script behind such a link", "/l/passwd.php", []int{404}, "", ""},
	{"S16 .env", "/.env", []int{404}, "", ""},
	{"S16 .git", "/.git/config", []int{404}, "", ""},
	{"S16 .htaccess", "/.htaccess", []int{404}, "", ""},
	{"S16 deeper", "/sub/.env", []int{404}, "", ""},
	{"S16 encoded", "/%2eenv", []int{404}, "", ""},
	{"S16 .well-known is open", "/.well-known/ok.txt", []int{200}, "", ""},
	{"S16 .well-known hides nothing", "/.well-known/../.env", []int{400, 404}, "", ""},
	{"S17 question mark", "/a.php%3fx", []int{200}, "/index.php", ""},
	{"S17 hash", "/a.php%23x", []int{200}, "/index.php", ""},
}

// These differ by what the site allows to run.
var frontOnly = []attack{
	{"S6 uploaded script", "/up/shell.php", []int{404}, "", ""},
	{"S6 any other script", "/a.php", []int{404}, "", ""},
	{"S11 two scripts", "/a.php/b.php", []int{404}, "", ""},
	{"front controller with path info", "/index.php/b.php", []int{200}, "/index.php", "/b.php"},
}

var everyScriptRuns = []attack{
	{"S11 the first script is it", "/a.php/b.php", []int{200}, "/a.php", "/b.php"},
	{"script in a directory", "/sub/index.php", []int{200}, "/sub/index.php", ""},
	{"index of a directory", "/sub/", []int{200}, "/sub/index.php", ""},
}

func TestNoPathRunsOrShowsWhatItMustNot(t *testing.T) {
	tests := []struct {
		name, scripts string
		more          []attack
	}{
		{"front controller only", `["/index.php"]`, frontOnly},
		{"every script", everyScript, everyScriptRuns},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
			root := attackRoot(t)
			g := startGateway(t, &site{root: root, scripts: tt.scripts, server: addr, conns: 2, backend: `multiplex = "off"`})
			for _, a := range slices.Concat(pathAttacks, tt.more) {
				t.Run(a.id, func(t *testing.T) {
					before := len(backend.Requests())
					got := g.get(a.path)
					if !slices.Contains(a.status, got.StatusCode) {
						t.Errorf("status %d, want %v", got.StatusCode, a.status)
					}
					if strings.Contains(got.body, secret) {
						t.Errorf("shown: %.200q", got.body)
					}
					seen := backend.Requests()[before:]
					if a.script == "" {
						if len(seen) > 0 {
							t.Errorf("the backend ran %q", seen[0].Params["SCRIPT_FILENAME"])
						}
						return
					}
					if len(seen) != 1 {
						t.Fatalf("the backend got %d requests, want 1", len(seen))
					}
					checkScript(t, seen[0].Params, root, a)
				})
			}
		})
	}
}

func checkScript(t *testing.T, params map[string]string, root string, a attack) {
	t.Helper()
	want := map[string]string{
		"SCRIPT_NAME": a.script, "SCRIPT_FILENAME": root + a.script, "PATH_INFO": a.info, "DOCUMENT_ROOT": root,
	}
	for name, value := range want {
		if params[name] != value {
			t.Errorf("%s = %q, want %q", name, params[name], value)
		}
	}
}

func TestAnAliasThatLeavesOutASlashIsRefused(t *testing.T) { // S14
	s := &site{root: docroot(t, ".env", secret, "img/pic.jpg", "a picture"), server: "127.0.0.1:1"}
	location := func(match string) string {
		return strings.Replace(s.toml(), "  [[site.location]]", "  [[site.location]]\n  match = \""+match+
			"\"\n  alias = \""+s.root+"/img/\"\n\n  [[site.location]]", 1)
	}
	bad := newGateway(t, s)
	bad.write(location("/i"))
	bad.start("check", "--config", bad.config)
	if code := bad.ExitCode(); code != 2 || !strings.Contains(bad.logged(), "alias") {
		t.Errorf("exit status %d:\n%s", code, bad.logged())
	}
	good := newGateway(t, s)
	good.write(location("/i/"))
	good.run()
	good.get("/i/pic.jpg").expect(t, 200, "a picture")
	for _, path := range []string{"/i../.env", "/i/../.env", "/i/%2e%2e/.env", "/i/..%2f.env"} {
		if a := good.get(path); a.StatusCode == 200 || strings.Contains(a.body, secret) {
			t.Errorf("%s: %d %.100q", path, a.StatusCode, a.body)
		}
	}
}

func TestABackendsAddressHoldsNoClientData(t *testing.T) { // S39
	for _, server := range []string{"$http_host", "$http_host:9000", "unix:/run/$host.sock", "fcgi://$http_host"} {
		g := newGateway(t, &site{root: docroot(t), server: server})
		g.start("check", "--config", g.config)
		if code := g.ExitCode(); code != 2 {
			t.Errorf("%s: exit status %d, want 2\n%s", server, code, g.logged())
		}
	}
}

func TestErrorPagesTellNothingOfTheInside(t *testing.T) { // S53
	root := docroot(t, "index.php", "")
	g := startGateway(t, &site{
		root: root, server: "unix:/run/secret-backend.sock", conns: 1, backend: `retry_timeout = "0"`,
	})
	for _, path := range []string{"/", "/no/such.php", "/.env"} {
		a := g.get(path)
		if a.StatusCode < 400 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
		for _, inside := range []string{root, "secret-backend", "index.php", "php-fpm", "goroutine"} {
			if strings.Contains(a.body, inside) {
				t.Errorf("%s: the page has %q", path, inside)
			}
		}
	}
}

func TestTRACEAndCONNECTAreRefused(t *testing.T) { // S44
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: attackRoot(t), server: addr, conns: 1, backend: `multiplex = "off"`})
	for _, raw := range []string{
		"TRACE /index.php HTTP/1.1\r\nHost: ex.test\r\n\r\n",
		"CONNECT ex.test:443 HTTP/1.1\r\nHost: ex.test:443\r\n\r\n",
	} {
		if a := g.request(raw); a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%.20q: %d, want 405", raw, a.StatusCode)
		}
	}
	for _, raw := range []string{"GE(T / HTTP/1.1\r\nHost: ex.test\r\n\r\n", " / HTTP/1.1\r\nHost: ex.test\r\n\r\n"} {
		if a := g.request(raw); a.StatusCode != 400 {
			t.Errorf("%.20q: %d, want 400", raw, a.StatusCode)
		}
	}
	if n := len(backend.Requests()); n != 0 {
		t.Errorf("the backend got %d requests", n)
	}
}
