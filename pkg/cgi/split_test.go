package cgi_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/cgi"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct{ path, script, info string }{
		{"/index.php", "/index.php", ""},
		{"/index.php/", "/index.php", "/"},
		{"/index.php/foo/b r", "/index.php", "/foo/b r"},
		{"/a/b.php/c", "/a/b.php", "/c"},
		{"/a.php/b.php", "/a.php", "/b.php"},                                       // the first one
		{"/up/img.jpg/x.php", "/up/img.jpg/x.php", ""},                             // whether it exists is for others to say
		{"/d.php5/x.php/y", "/d.php5/x.php", "/y"},                                 // segment boundary
		{"/x.phtml/y", "/x.phtml", "/y"},                                           // a second extension
		{"/\u023a\u023a\u023a.php.txt.php", "/\u023a\u023a\u023a.php.txt.php", ""}, // byte-exact
		{"/.php", "/.php", ""},
		{"/x//y.php//z", "/x//y.php", "//z"},
		{"a.php/b", "a.php", "/b"},

		{"/index.phpx", "", ""},
		{"/a.php5", "", ""},
		{"/a.php.bak", "", ""},
		{"/a.php~", "", ""},
		{"/index.PHP", "", ""},
		{"/a.pHp/x", "", ""},
		{"/x.\u24df\u24d7\u24df", "", ""},
		{"/x\ufe52php", "", ""},
		{"/x.\uff50\uff48\uff50", "", ""},
		{"/index.php\n/x", "", ""},
		{"/", "", ""},
		{"", "", ""},
		{"/php", "", ""},
	} {
		script, info, ok := cgi.Split([]byte(c.path), []string{"", ".php", ".phtml"})
		if string(script) != c.script || string(info) != c.info || ok != (c.script != "") {
			t.Errorf("%q: %q + %q, %v; want %q + %q", c.path, script, info, ok, c.script, c.info)
		}
	}
	if _, _, ok := cgi.Split([]byte("/a.php"), nil); ok {
		t.Error("a script without any extension")
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("/a.php/b.php", ".php")
	f.Add("//x.phpx/y", ".phpx")
	f.Fuzz(func(t *testing.T, path, ext string) {
		script, info, ok := cgi.Split([]byte(path), []string{ext})
		if !ok {
			for seg := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
				if ext != "" && !strings.Contains(ext, "/") && seg != "" && strings.HasSuffix(seg, ext) {
					t.Fatalf("%q ends with %q in %q", seg, ext, path)
				}
			}
			return
		}
		if string(append(bytes.Clone(script), info...)) != path {
			t.Fatalf("%q was cut into %q and %q", path, script, info)
		}
		if !strings.HasSuffix(string(script), ext) || (len(info) > 0 && info[0] != '/') {
			t.Fatalf("%q: %q + %q", path, script, info)
		}
	})
}
