package exchange

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

type targetRow struct{ in, path, query string }

var goodTargets = []targetRow{
	{"/", "/", ""},
	{"/index.php", "/index.php", ""},
	{"/a/", "/a/", ""},
	{"/a?b", "/a", "b"},
	{"/a?", "/a", ""},
	{"/?a=%2f&b=%zz&c=../x//y", "/", "a=%2f&b=%zz&c=../x//y"},
	{"/a?b?c", "/a", "b?c"},

	{"/a%20b", "/a b", ""},
	{"/%41%7a%2D", "/Az-", ""},
	{"/%C3%a9", "/\u00e9", ""},
	{"/%ff", "/\xff", ""},
	{"/a%3fb?c", "/a?b", "c"},
	{"/a%23b", "/a#b", ""},
	{"/%25zz", "/%zz", ""},
	{"/%252e%252e/x", "/%2e%2e/x", ""},
	{"/a+b", "/a+b", ""},
	{"/%80%81", "/\x80\x81", ""},

	{"//", "/", ""},
	{"///a//b///", "/a/b/", ""},
	{"/a%2f%2fb", "/a/b", ""},
	{"/%2f", "/", ""},
	{"/a//?b", "/a/", "b"},

	{"/.", "/", ""},
	{"/./", "/", ""},
	{"/a/.", "/a/", ""},
	{"/a/./b", "/a/b", ""},
	{"/a/..", "/", ""},
	{"/a/../", "/", ""},
	{"/a/../b", "/b", ""},
	{"/a/b/..", "/a/", ""},
	{"/a/b/../c", "/a/c", ""},
	{"/a/b/c/../../d", "/a/d", ""},
	{"/a/..?b", "/", "b"},
	{"/a/.?b", "/a/", "b"},
	{"/a/%2e%2e/b", "/b", ""},
	{"/a/.%2e/b", "/b", ""},
	{"/a/%2e/b", "/a/b", ""},
	{"/a%2f..%2fb", "/b", ""},
	{"/a//../b", "/b", ""}, // slashes merge first
	{"/a/./../b", "/b", ""},

	{"/.well-known/x", "/.well-known/x", ""},
	{"/..a", "/..a", ""},
	{"/a..", "/a..", ""},
	{"/i../.env", "/i../.env", ""},
	{"/...", "/...", ""},
	{"/.../a", "/.../a", ""},
	{`/a\..\b`, `/a\..\b`, ""},
	{"/a%5c..%5cb", `/a\..\b`, ""},
	{"/a;b=c/..;/d", "/a;b=c/..;/d", ""},
	{"/\"<>\\^`{|}", "/\"<>\\^`{|}", ""},
	{"/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~", ""},
}

func TestTargetsAreDecodedOnceAndResolved(t *testing.T) {
	for _, row := range goodTargets {
		x := New()
		if err := x.SetTarget([]byte(row.in)); err != nil {
			t.Errorf("%s: %v", row.in, err)
			continue
		}
		r := &x.Request
		if string(r.Target) != row.in || string(r.Path) != row.path || string(r.Query) != row.query {
			t.Errorf("%s: target %q, path %q, query %q", row.in, r.Target, r.Path, r.Query)
		}
		if (r.Query != nil) != strings.Contains(row.in, "?") {
			t.Errorf("%s: query is nil: %v", row.in, r.Query == nil)
		}
	}
}

var badTargets = []string{
	"", "a", "?", "*", "**", "http://h/", "../", "%2f",
	"/%", "/%2", "/%zz", "/%2g", "/%g2", "/a%", "/%%41", "/% 41", "/%2?f", "/%u0041", "/%2/", "/%?",
	"/%00", "/%0a", "/%0d", "/%01", "/%1f", "/%7f", "/%7F", "/%09", "/a%00.php",
	"/a b", "/a\tb", "/a\nb", "/a\rb", "/a\x00", "/\x7f", "/\x1f",
	"/\x80", "/\xc3\xa9", "/?\xc3\xa9", "/? ", "/?\x00", "/?\x7f", "/?\n",
	"/#", "/a#b", "/?#", "/a?b#c",
	"/..", "/../", "/../a", "/a/../..", "/a/../../b", "/%2e%2e/", "/%2e%2e", "/.%2e/a",
	"/..%2f..%2fetc", "/sub/..%2f..%2f..%2fetc/passwd.php", "//..", "/./..", "//../a", "/a//../../b",
}

func TestBadTargetsAreErrorsThatChangeNothing(t *testing.T) {
	for _, in := range badTargets {
		x := New()
		if err := x.SetTarget([]byte(in)); !errors.Is(err, ErrBadTarget) {
			t.Errorf("%q: %v", in, err)
		}
		if r := &x.Request; r.Target != nil || r.Path != nil || r.Query != nil {
			t.Errorf("%q: target %q, path %q, query %q", in, r.Target, r.Path, r.Query)
		}
	}
}

func TestAsteriskIsForOptionsOnly(t *testing.T) {
	x := New()
	x.Request.Method = []byte("OPTIONS")
	if err := x.SetTarget([]byte("*")); err != nil {
		t.Fatal(err)
	}
	if r := &x.Request; string(r.Target) != "*" || string(r.Path) != "/" || r.Query != nil {
		t.Errorf("target %q, path %q, query %q", r.Target, r.Path, r.Query)
	}
	x.Request.Method = []byte("options")
	if err := x.SetTarget([]byte("*")); !errors.Is(err, ErrBadTarget) {
		t.Error(err)
	}
}

func TestPlainPathsAliasTheTarget(t *testing.T) {
	raw := []byte("/a/.b/c..d/e?f")
	x := New()
	if err := x.SetTarget(raw); err != nil {
		t.Fatal(err)
	}
	if r := &x.Request; &r.Path[0] != &raw[0] || cap(r.Path) != len(r.Path) || &r.Query[0] != &raw[len(raw)-1] {
		t.Error("path or query is a copy, or can be appended to")
	}
}

func TestRawTargetIsNotWrittenTo(t *testing.T) {
	const in = "/a%20b/../C//d"
	raw := []byte(in)
	x := New()
	if err := x.SetTarget(raw); err != nil || string(raw) != in {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestTargetsAndAuthoritiesDoNotAllocate(t *testing.T) {
	x := New()
	targets := [][]byte{[]byte("/index.php?a=b"), []byte("/a%20b/../C//d")}
	hosts := [][]byte{[]byte("www.example.org"), []byte("WWW.Example.org.:8080")}
	n := testing.AllocsPerRun(100, func() {
		x.Reset()
		for i := range targets {
			if x.SetTarget(targets[i]) != nil || x.SetAuthority(hosts[i]) != nil {
				t.Fatal("refused")
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// refTarget is what SetTarget is meant to do, written to be read.
func refTarget(raw string) (path, query string, ok bool) {
	for _, c := range []byte(raw) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return "", "", false
		}
	}
	raw, query, _ = strings.Cut(raw, "?")
	path, err := url.PathUnescape(raw)
	if err != nil || !strings.HasPrefix(path, "/") || !strings.HasPrefix(raw, "/") {
		return "", "", false
	}
	for _, c := range []byte(path) {
		if c < ' ' || c == 0x7f {
			return "", "", false
		}
	}
	var out []string
	var last string
	for _, last = range strings.Split(path, "/") {
		switch last {
		case "", ".":
		case "..":
			if len(out) == 0 {
				return "", "", false
			}
			out = out[:len(out)-1]
		default:
			out = append(out, last)
		}
	}
	path = "/" + strings.Join(out, "/")
	if (last == "" || last == "." || last == "..") && len(out) > 0 {
		path += "/"
	}
	return path, query, true
}

func FuzzSetTarget(f *testing.F) {
	for _, row := range goodTargets {
		f.Add([]byte(row.in))
	}
	for _, in := range badTargets {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		path, query, ok := refTarget(string(raw))
		x := New()
		err := x.SetTarget(raw)
		if (err == nil) != ok {
			t.Fatalf("%q: %v, reference says %v", raw, err, ok)
		}
		if err != nil {
			return
		}
		r := &x.Request
		if string(r.Path) != path || string(r.Query) != query {
			t.Fatalf("%q: %q ? %q, reference says %q ? %q", raw, r.Path, r.Query, path, query)
		}
		checkPath(t, string(raw), string(r.Path))
	})
}

// checkPath states what handlers may rely on.
func checkPath(t *testing.T, raw, path string) {
	t.Helper()
	if path[0] != '/' || strings.Contains(path, "//") ||
		strings.Contains(path+"/", "/../") || strings.Contains(path+"/", "/./") {
		t.Fatalf("%q: path %q is not resolved", raw, path)
	}
	for _, c := range []byte(path) {
		if c < ' ' || c == 0x7f {
			t.Fatalf("%q: control byte in path %q", raw, path)
		}
	}
	again := New()
	escaped := (&url.URL{Path: path}).EscapedPath()
	if err := again.SetTarget([]byte(escaped)); err != nil || string(again.Request.Path) != path {
		t.Fatalf("%q: path %q is not its own resolution: %q, %v", raw, path, again.Request.Path, err)
	}
}

func TestAuthoritiesAreSplitAndLowered(t *testing.T) {
	rows := []struct{ in, host string }{
		{"h", "h"},
		{"www.example.org", "www.example.org"},
		{"WWW.Example.ORG", "www.example.org"},
		{"example.org.", "example.org"},
		{"Example.org.:80", "example.org"},
		{"h:1", "h"},
		{"h:65535", "h"},
		{"h:00080", "h"},
		{"127.0.0.1:8080", "127.0.0.1"},
		{"a-b_c~d.e", "a-b_c~d.e"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"[::1]", "[::1]"},
		{"[2001:DB8::A]:443", "[2001:db8::a]"},
		{"[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"},
		{strings.Repeat("a", 255), strings.Repeat("a", 255)},
	}
	for _, row := range rows {
		x := New()
		if err := x.SetAuthority([]byte(row.in)); err != nil {
			t.Errorf("%s: %v", row.in, err)
			continue
		}
		if r := &x.Request; string(r.Authority) != row.in || string(r.Host) != row.host {
			t.Errorf("%s: authority %q, host %q", row.in, r.Authority, r.Host)
		}
	}
}

var badAuthorities = []string{
	"", ".", "..", ".a", "a..b", "a..", ":", ":80", ".:80",
	"h:", "h:0", "h:00000", "h:65536", "h:99999", "h:000080", "h:+80", "h:8 0", "h:80a", "h:80:80", "h:-1",
	"a b", " a", "a\t", "a\"b<c>", "a/b", "a?b", "a#b", "a@b", "u:p@h", `a\b`, "a,b", "a;b", "a'b", "a%41", "a%00",
	"a\x00", "a\n", "a\x7f", "\xc3\xa9.test", "a*b", "*.a", "a(b)", "a$b", "a&b", "a=b", "a!b",
	"::1", "[", "[]", "[::1", "::1]", "[::1]x", "[::1]:", "[::1]:0", "[1.2.3.4]", "[::1%25eth0]", "[::1%eth0]", "[v1.a]", "[a]", "[[::1]]",
	strings.Repeat("a", 256), strings.Repeat("a", 256) + ":80", strings.Repeat("a.", 200),
}

func TestBadAuthoritiesAreErrorsThatChangeNothing(t *testing.T) {
	for _, in := range badAuthorities {
		x := New()
		if err := x.SetAuthority([]byte(in)); !errors.Is(err, ErrBadAuthority) {
			t.Errorf("%q: %v", in, err)
		}
		if r := &x.Request; r.Authority != nil || r.Host != nil {
			t.Errorf("%q: authority %q, host %q", in, r.Authority, r.Host)
		}
	}
}

func TestLowerCaseHostsAliasTheAuthority(t *testing.T) {
	raw := []byte("example.org:80")
	x := New()
	if err := x.SetAuthority(raw); err != nil {
		t.Fatal(err)
	}
	if h := x.Request.Host; &h[0] != &raw[0] || cap(h) > len("example.org") {
		t.Error("host is a copy, or can be appended to")
	}
}

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~"

// refAuthority is what SetAuthority is meant to do, by other means.
func refAuthority(raw string) (host string, ok bool) {
	host, port := raw, "80"
	if i := strings.LastIndexByte(raw, ':'); i > strings.LastIndexByte(raw, ']') {
		host, port = raw[:i], raw[i+1:]
	}
	if strings.Trim(port, "0123456789") != "" || len(port) > 5 {
		return "", false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false
	}
	if in, found := strings.CutPrefix(host, "["); found {
		in, found = strings.CutSuffix(in, "]")
		a, err := netip.ParseAddr(in)
		return strings.ToLower(host), found && err == nil && a.Is6() && a.Zone() == "" && !strings.Contains(in, "%")
	}
	if len(host) > 255 {
		return "", false
	}
	host = strings.TrimSuffix(host, ".")
	for _, label := range strings.Split(host, ".") {
		if label == "" || strings.Trim(label, nameBytes) != "" {
			return "", false
		}
	}
	return strings.ToLower(host), true
}

func FuzzSetAuthority(f *testing.F) {
	for _, in := range badAuthorities {
		f.Add([]byte(in))
	}
	for _, in := range []string{"\u0130", "Ex.test.:80", "[2001:DB8::1]:80", "127.0.0.1"} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		host, ok := refAuthority(string(raw))
		x := New()
		err := x.SetAuthority(raw)
		if (err == nil) != ok {
			t.Fatalf("%q: %v, reference says %v", raw, err, ok)
		}
		if err == nil && string(x.Request.Host) != host {
			t.Fatalf("%q: host %q, reference says %q", raw, x.Request.Host, host)
		}
	})
}
