package router_test

import (
	"testing"

	"github.com/fcgigw/fcgigw/pkg/router"
)

// mustNew builds locations whose values are the patterns themselves.
func mustNew(t testing.TB, patterns ...string) *router.Locations[string] {
	t.Helper()
	l, err := router.New(entries(t, patterns...))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func entries(t testing.TB, patterns ...string) []router.Entry[string] {
	t.Helper()
	var list []router.Entry[string]
	for _, s := range patterns {
		p, err := router.ParsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, router.Entry[string]{Pattern: p, Value: s, Pos: "f:" + s})
	}
	return list
}

// The example of nginx's documentation of location, and every rule by itself.
func TestLocationPrecedence(t *testing.T) {
	documented := []string{"= /", "/", "/documents/", "^~ /images/", `~* \.(gif|jpg|jpeg)$`}
	for _, c := range []struct {
		rule     string
		patterns []string
		path     string
		want     string // "" is no location
	}{
		{"configuration A of the documentation", documented, "/", "= /"},
		{"configuration B of the documentation", documented, "/index.html", "/"},
		{"configuration C of the documentation", documented, "/documents/document.html", "/documents/"},
		{"configuration D of the documentation", documented, "/images/1.gif", "^~ /images/"},
		{"configuration E of the documentation", documented, "/documents/1.jpg", `~* \.(gif|jpg|jpeg)$`},
		{"a regex in any case", documented, "/documents/1.JPG", `~* \.(gif|jpg|jpeg)$`},

		{"exact beats the same prefix", []string{"/a", "= /a"}, "/a", "= /a"},
		{"exact beats ^~", []string{"^~ /a", "= /a"}, "/a", "= /a"},
		{"exact beats a regex", []string{"~ .", "= /a"}, "/a", "= /a"},
		{"exact is the whole path", []string{"= /a", "/"}, "/a/", "/"},
		{"exact does not stop a longer path", []string{"= /a", "= /ab"}, "/ab", "= /ab"},
		{"the longest prefix wins", []string{"/", "/a", "/a/b", "/a/bc"}, "/a/bd", "/a/b"},
		{"order of prefixes does not matter", []string{"/a/b", "/", "/a"}, "/a/b/c", "/a/b"},
		{"a prefix is of bytes, not segments", []string{"/", "/img"}, "/imgs/x", "/img"},
		{"a regex beats the longest prefix", []string{"/a/b/c", "~ b"}, "/a/b/c/d", "~ b"},
		{"the first regex wins", []string{"~ a", "~ ab"}, "/ab", "~ a"},
		{"order of regexes matters", []string{"~ ab", "~ a"}, "/ab", "~ ab"},
		{"^~ stops regexes", []string{"^~ /a", "~ a"}, "/a/b", "^~ /a"},
		{"a shorter ^~ does not stop them", []string{"^~ /a", "/a/b", "~ b"}, "/a/b", "~ b"},
		{"a longer ^~ than a prefix", []string{"/a", "^~ /a/b", "~ b"}, "/a/b", "^~ /a/b"},
		{"no regex matches: the prefix", []string{"/a", "~ z"}, "/a/b", "/a"},
		{"a regex without any prefix", []string{"~ b"}, "/ab", "~ b"},
		{"a named location has no path", []string{"@a", "/x"}, "/a", ""},
		{"nothing matches", []string{"/a", "= /b", "~ c"}, "/d", ""},
		{"an empty path", []string{"/", "= /"}, "", ""},
		{"a split in the middle of a label", []string{"/abc", "/abd"}, "/ab", ""},
		{"bytes beyond ASCII", []string{"/\xc3\xa9", "/"}, "/\xc3\xa9t\xc3\xa9", "/\xc3\xa9"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			value, index, ok := mustNew(t, c.patterns...).Match([]byte(c.path))
			if ok != (c.want != "") || value != c.want {
				t.Fatalf("%q goes to %q, %v; want %q", c.path, value, ok, c.want)
			}
			if ok && c.patterns[index] != c.want || !ok && index != -1 {
				t.Errorf("index %d", index)
			}
		})
	}
}

// The rules of nginx's documentation of server_name.
func TestHostPrecedence(t *testing.T) {
	all := []string{
		"*", `~^www\d+\.example\.net$`, `~^(?<name>.+)\.example\.net$`, "*.example.org", "*.sub.example.org",
		"mail.*", "mail.example.*", "www.example.org", ".dotted.org", "x.dotted.org",
	}
	for _, c := range []struct{ rule, host, want string }{
		{"exact beats *.suffix", "www.example.org", "www.example.org"},
		{"*.suffix", "a.example.org", "*.example.org"},
		{"*.suffix takes several labels", "a.b.example.org", "*.example.org"},
		{"the longest *.suffix", "a.sub.example.org", "*.sub.example.org"},
		{"*.suffix is not the name itself", "sub.example.org", "*.example.org"},
		{"*.suffix needs a label", "example.org", "*"},
		{"*.suffix needs a label that is not empty", ".example.org", "*"},
		{"*.suffix beats prefix.*", "mail.example.org", "*.example.org"},
		{"the longest prefix.*", "mail.example.com", "mail.example.*"},
		{"prefix.* takes several labels", "mail.a.b", "mail.*"},
		{"prefix.* needs a label", "mail", "*"},
		{"prefix.* needs a label that is not empty", "mail.", "*"},
		{"prefix.* is of labels, not bytes", "mailx.y", "*"},
		{"prefix.* beats a regex", "mail.example.net", "mail.example.*"},
		{"the first regex", "www1.example.net", `~^www\d+\.example\.net$`},
		{"a later regex", "www.example.net", `~^(?<name>.+)\.example\.net$`},
		{"the default", "other", "*"},
		{"no host at all", "", "*"},
		{".name is the name", "dotted.org", ".dotted.org"},
		{".name is *.name", "a.b.dotted.org", ".dotted.org"},
		{"exact beats .name", "x.dotted.org", "x.dotted.org"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			value, index, ok := mustHosts(t, all...).Match([]byte(c.host))
			if !ok || value != c.want || all[index] != c.want {
				t.Errorf("%q goes to %q, want %q", c.host, value, c.want)
			}
		})
	}
}

func mustHosts(t testing.TB, names ...string) *router.Hosts[string] {
	t.Helper()
	h, err := router.NewHosts(hostEntries(t, names...))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hostEntries(t testing.TB, names ...string) []router.HostEntry[string] {
	t.Helper()
	var list []router.HostEntry[string]
	for _, s := range names {
		p, err := router.ParseHost(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, router.HostEntry[string]{Host: p, Value: s, Pos: "f:" + s})
	}
	return list
}
