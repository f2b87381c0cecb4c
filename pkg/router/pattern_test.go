package router_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/router"
)

func TestPatternsAreReadInEveryForm(t *testing.T) {
	for _, c := range []struct {
		in, text, canonical string
		kind                router.Kind
	}{
		{"/", "/", "/", router.Prefix},
		{" /a b ", "/a b", "/a b", router.Prefix},
		{"= /a", "/a", "= /a", router.Exact},
		{"=/a", "/a", "= /a", router.Exact},
		{"^~ /a/", "/a/", "^~ /a/", router.PrefixFinal},
		{"^~/a/", "/a/", "^~ /a/", router.PrefixFinal},
		{`~ \.php$`, `\.php$`, `~ \.php$`, router.Regex},
		{`~\.php$`, `\.php$`, `~ \.php$`, router.Regex},
		{`~*  \.php$`, `\.php$`, `~* \.php$`, router.RegexFold},
		{"@app", "app", "@app", router.Named},
	} {
		p, err := router.ParsePattern(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if p.Kind() != c.kind || p.Text() != c.text || p.String() != c.canonical {
			t.Errorf("%q is %v %q %q", c.in, p.Kind(), p.Text(), p.String())
		}
		again, err := router.ParsePattern(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q does not survive its own spelling: %v", c.in, err)
		}
	}
}

func TestBadPatternsSayWhatIsWrong(t *testing.T) {
	for in, want := range map[string]string{
		"":              "begins with /",
		"foo":           "begins with /",
		"= foo":         "begins with /",
		"=":             "begins with /",
		"^~":            "begins with /",
		"~":             "empty regular expression",
		"~*":            "empty regular expression",
		"~ (":           "missing closing )",
		"~ ^(?!/x)":     "look-around does not exist",
		"~ (?<=a)b":     "look-around does not exist",
		`~ (a)\1`:       "back references do not exist",
		"@":             "@ and a name",
		"@a b":          "@ and a name",
		`~ a{1,2000}`:   "invalid repeat count",
		"~* [z-a]":      "invalid character class range",
		"^ /x":          "begins with /",
		"\\.php$":       "begins with /",
		"http://host/x": "begins with /",
	} {
		_, err := router.ParsePattern(in)
		if !errors.Is(err, router.ErrPattern) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestHostPatternsAreReadInEveryForm(t *testing.T) {
	for _, c := range []struct {
		in, text, canonical string
		kind                router.HostKind
	}{
		{"Example.ORG", "example.org", "example.org", router.HostExact},
		{"example.org.", "example.org", "example.org", router.HostExact},
		{"*.Example.org", "example.org", "*.example.org", router.HostSuffix},
		{".example.org", "example.org", ".example.org", router.HostSuffix},
		{"www.*", "www", "www.*", router.HostPrefix},
		{"*", "", "*", router.HostDefault},
		{`~^w(\d+)\.x$`, `^w(\d+)\.x$`, `~^w(\d+)\.x$`, router.HostRegex},
		{"[::1]", "[::1]", "[::1]", router.HostExact},
		{"_", "_", "_", router.HostExact},
		{"127.0.0.1", "127.0.0.1", "127.0.0.1", router.HostExact},
	} {
		p, err := router.ParseHost(c.in)
		if err != nil || p.Kind() != c.kind || p.Text() != c.text || p.String() != c.canonical {
			t.Errorf("%q is %v %q %q, %v", c.in, p.Kind(), p.Text(), p.String(), err)
		}
	}
	for _, in := range []string{
		"", ".", "*.", "..", "a..b", "*.*", "a.*.b", "w*.x", "a:80", "a b", "a/b", "http://a", "~", "~(", "*a", ".*", "a\x00b", "*.a.*",
	} {
		if p, err := router.ParseHost(in); !errors.Is(err, router.ErrPattern) {
			t.Errorf("%q is taken as %v, %v", in, p, err)
		}
	}
}

func TestHostRegexWithACapitalIgnoresCase(t *testing.T) {
	h := mustHosts(t, `~^WWW\.`)
	if _, _, ok := h.Match([]byte("www.x")); !ok {
		t.Error("not matched")
	}
	if _, _, ok := h.Match([]byte("ww.x")); ok {
		t.Error("matched")
	}
}

func TestEveryRepeatedLocationIsReported(t *testing.T) {
	_, err := router.New(entries(t, "/a", "= /a", "^~ /a", "= /a", "~ a+b", "~* a+b", "~ a+b", "@n", "@n", "/ok"))
	var got []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var c *router.ConflictError
		if !errors.As(e, &c) {
			t.Fatalf("%T", e)
		}
		got = append(got, c.First+"|"+c.Second+"|"+c.FirstPos+"|"+c.SecondPos+"|"+c.Example)
	}
	want := []string{
		"/a|^~ /a|f:/a|f:^~ /a|/a", "= /a|= /a|f:= /a|f:= /a|/a",
		"~ a+b|~ a+b|f:~ a+b|f:~ a+b|/ab", "@n|@n|f:@n|f:@n|",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, part := range []string{"f:/a", "f:^~ /a", `"/a"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
}

func TestEveryRepeatedHostIsReported(t *testing.T) {
	for _, c := range []struct {
		names   []string
		example string
	}{
		{[]string{"a.b", "A.B"}, "a.b"},
		{[]string{"*.b", "*.b"}, "www.b"},
		{[]string{"w.*", "w.*"}, "w.example"},
		{[]string{"~^a+$", "~^a+$"}, "a"},
		{[]string{"*", "*"}, ""},
		{[]string{".b", "b"}, "b"},
		{[]string{"b", ".b"}, "b"},
		{[]string{".b", "*.b"}, "www.b"},
	} {
		_, err := router.NewHosts(hostEntries(t, c.names...))
		var conflict *router.ConflictError
		if !errors.As(err, &conflict) {
			t.Errorf("%q: %v", c.names, err)
			continue
		}
		if conflict.Example != c.example || conflict.FirstPos != "f:"+c.names[0] || conflict.SecondPos != "f:"+c.names[1] {
			t.Errorf("%q: %v", c.names, conflict)
		}
	}
}

func TestExamplesMatchTheirPattern(t *testing.T) {
	for _, in := range []string{
		"/a", "= /b", "^~ /c", `~ \.php$`, `~* \.(JPG|css)$`, `~ ^/(a|b)/[^/]+\.php(/|$)`, `~ /\.`,
		`~ ^/user/(?<id>\d{2,5})$`, `~ ^/x/.*$`, `~ [^a-z]$`,
	} {
		p, err := router.ParsePattern(in)
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Example(); s == "" || !p.Match([]byte(s)) {
			t.Errorf("%q: example %q", in, s)
		}
	}
	p, err := router.ParsePattern(`~ ^a`) // no path begins so
	if err != nil || p.Example() != "" {
		t.Errorf("example %q, %v", p.Example(), err)
	}
}

func TestNamedLocationsAreFoundWithAndWithoutAt(t *testing.T) {
	l := mustNew(t, "/", "@app")
	for _, name := range []string{"app", "@app"} {
		if v, i, ok := l.Named(name); !ok || v != "@app" || i != 1 {
			t.Errorf("%q: %q %d %v", name, v, i, ok)
		}
	}
	if _, i, ok := l.Named("other"); ok || i != -1 {
		t.Error("found")
	}
	if l.Len() != 2 {
		t.Errorf("Len is %d", l.Len())
	}
}

func TestCapturesAreTakenFromTheMatchedExpression(t *testing.T) {
	l := mustNew(t, `~ ^/u/(?<user>[a-z]+)(/x)?/(\d+)$`, "/")
	var c router.Captures
	path := []byte("/u/bob/42")
	_, i, _ := l.Match(path)
	l.Captures(i, path, &c)
	for n, want := range []string{"/u/bob/42", "bob", "", "42", "", ""} {
		if got := string(c.Group(n)); got != want {
			t.Errorf("group %d is %q, want %q", n, got, want)
		}
	}
	if c.Group(-1) != nil || c.Group(2) != nil {
		t.Error("a group that took no part is not nil")
	}
	if string(c.Named("user")) != "bob" || c.Named("none") != nil || !c.Has() {
		t.Errorf("user is %q", c.Named("user"))
	}
	l.Captures(1, path, &c)
	if c.Has() || c.Group(0) != nil || c.Named("user") != nil {
		t.Error("a prefix has groups")
	}

	h := mustHosts(t, "*", `~^(?P<sub>.+)\.x$`)
	host := []byte("a.b.x")
	_, i, _ = h.Match(host)
	h.Captures(i, host, &c)
	if string(c.Named("sub")) != "a.b" {
		t.Errorf("sub is %q", c.Named("sub"))
	}
	p, err := router.ParsePattern(`~ (?<a>x)(?P<b>y)(z)`)
	if names := p.CaptureNames(); err != nil || strings.Join(names, ",") != "a,b" {
		t.Errorf("names %q, %v", names, err)
	}
}
