package static

import (
	"strings"
	"testing"
)

func TestNamesThatShowSourceAreDenied(t *testing.T) {
	d, err := NewDeny(append(DefaultDeny(), "composer.*", "Secret?.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/index.php": true, "/index.PHP": true, "/a.pHp": true, "/a.php5": true, "/a.phpx": true, "/a.php~": true,
		"/a.php.bak": true, "/a.php-2024": true, "/.a.php.swp": true, "/#a.php#": true, "/a.phtml": true,
		"/a.PHTML~": true, "/a.phar": true, "/a.phps": true, "/a.inc": true, "/a.inc.bak": true, "/a.inc~": true,
		"/a.inc.1": true, "/a.inc.OLD": true, "/a.inc.bak~": true, "/a.inc.inc": true, "/d/a.php": true, "a.php": true,
		"/a.php/": true, "/composer.json": true, "/composer.lock": true, "/secret1.TXT": true, "/a.inc-old": true,
		"/": false, "": false, "/php": false, "/a.txt": false, "/inc": false, "/a.incl": false, "/jquery.inc.js": false,
		"/a.ph": false, "/php.txt": false, "/d.php/a.txt": false, "/xcomposer.json": false, "/secret12.txt": false,
		"/a.pharm": false, "/" + strings.Repeat("n", 300) + ".php": true, "/" + strings.Repeat("n", 300): false,
	} {
		if got := d.Match([]byte(path)); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestNoDenyDeniesNothing(t *testing.T) {
	var d *Deny
	if d.Match([]byte("/a.php")) {
		t.Error("nil denies")
	}
}

func TestBadDenyPatternsAreRefusedByName(t *testing.T) {
	for _, p := range []string{"", ".", ".*", "a/b", "[", ".a["} {
		if _, err := NewDeny([]string{".php", p}); err == nil || !strings.Contains(err.Error(), `"`+p+`"`) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestSymlinkNameAndTargetAreBothLookedAt(t *testing.T) {
	d, err := NewDeny([]string{".php"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rel, real string
		want      bool
	}{
		{"/a.txt", "/srv/a.txt", false},
		{"/a.txt", "/srv/real.php", true},
		{"/a.php", "/srv/real.txt", true},
		{"/x.txt", "/srv/x.txt", false},
		{"", "/srv/x.PHP", true},
	} {
		if got := d.match([]byte(c.rel), c.real); got != c.want {
			t.Errorf("%s to %s: %v", c.rel, c.real, got)
		}
	}
}

func TestDotPathsAreToldFromOthers(t *testing.T) {
	for path, want := range map[string]bool{
		"/.env": true, "/.git/config": true, "/.htaccess": true, "/sub/.env": true, "/a/.b/c": true, ".env": true,
		"/.well-known/.env": true, "/.well-knownx": true, "/sub/.well-known/x": true, "/.": true, "/.well-know": true,
		"/": false, "": false, "/a.b": false, "/a./b": false, "/.well-known": false, "/.well-known/": false,
		"/.well-known/acme-challenge/x": false, "/a/b.c/d": false,
	} {
		if got := IsDotPath([]byte(path)); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func TestTypesAreFoundByExtensionInAnyCase(t *testing.T) {
	s := New(Config{Types: map[string]string{".Foo": "text/x-foo", "html": "application/x-own"}})
	for path, want := range map[string]string{
		"/a.css": "text/css; charset=utf-8", "/a.JS": "text/javascript; charset=utf-8", "/a.mjs": "text/javascript; charset=utf-8",
		"/a.b.png": "image/png", "/a.svg": "image/svg+xml", "/a.woff2": "font/woff2", "/a.json": "application/json",
		"/a.foo": "text/x-foo; charset=utf-8", "/a.html": "application/x-own", "/a": "application/octet-stream",
		"/a.b/c": "application/octet-stream", "/a.": "application/octet-stream", "": "application/octet-stream",
		"/a.unknownunknownunknown": "application/octet-stream", "/.css": "text/css; charset=utf-8", "/a.wasm": "application/wasm",
	} {
		if got := string(s.typeOf([]byte(path))); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestCharsetIsAsConfigured(t *testing.T) {
	for charset, want := range map[string]string{"": "text/css; charset=utf-8", "off": "text/css", "iso-8859-1": "text/css; charset=iso-8859-1"} {
		s := New(Config{Charset: charset, DefaultType: "text/plain; charset=x"})
		if got := string(s.typeOf([]byte("a.css"))); got != want {
			t.Errorf("%q: %s", charset, got)
		}
		if got := string(s.typeOf([]byte("a"))); got != "text/plain; charset=x" {
			t.Errorf("default type: %s", got)
		}
	}
}

func TestTableNamesEachExtensionOnce(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(commonTypes) {
		f := strings.Fields(line)
		for i, ext := range f {
			if i > 0 && (seen[ext] || len(ext) > maxExt || ext != strings.ToLower(ext)) {
				t.Errorf("%s of %s is there twice, too long or not lower case", ext, f[0])
			}
			seen[ext] = true
		}
	}
	if len(seen) < 120 {
		t.Errorf("only %d entries", len(seen))
	}
}
