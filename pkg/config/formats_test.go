package config

import (
	"slices"
	"strings"
	"testing"
)

func TestFormatsAcceptWhatTheyShould(t *testing.T) {
	for format, list := range map[string][]string{
		"":         {"anything\x00"},
		"value":    {"", "a\tb", "ü"},
		"text":     {"a=1\nb=2"},
		"abspath":  {"", "/", "/srv/a b", "/srv/..a"},
		"ext":      {".php", ".php7"},
		"filename": {"index.php", ".x"},
		"host":     {"a", "a.example", "*.example.org", "www.*", "~^a", "10.0.0.1", "[::1]", "xn--bcher-kva.example", "a_b.example"},
		"listen":   {":80", "0.0.0.0:80", "127.0.0.1:65535", "[::]:80", "[fe80::1%eth0]:80", "unix:/run/x"},
		"logdest":  {"stderr", "stdout", "off", "/var/log/x"},
		"name":     {"a", "a.b-c_1"},
		"param":    {"A", "_a1", "PHP_VALUE"},
		"return":   {"", "404", "204", "200 text", "301 https://$host$request_uri", "308 /x"},
		"script":   {"/index.php", "/**.php", "/a/*.php"},
		"server":   {"unix:/run/x", "php:9000", "127.0.0.1:9000", "[::1]:9000", "a_b.internal:1"},
		"suffix":   {".php*", "~"},
		"token":    {"X-A", "x_y", "a.b"},
		"try":      {"$uri", "/index.php?$args", "@app", "=404", "${uri}/"},
		"ini":      {"memory_limit", "opcache.enable"},
		"word":     {"", "www-data"},
	} {
		for _, s := range list {
			if err := checkFormat(format, s); err != nil {
				t.Errorf("%s refuses %q: %v", format, s, err)
			}
		}
	}
}

func TestFormatsRefuseWhatTheyShould(t *testing.T) {
	for format, list := range map[string][]string{
		"value":    {"a\nb", "a\rb", "\x00", "\x7f"},
		"text":     {"\x00"},
		"abspath":  {"a", "./a", "/a/..", "/../a", "/$a", "/a\x00"},
		"ext":      {"", ".", "php", ".p/x"},
		"filename": {"", ".", "..", "a/b", "/a"},
		"host":     {"", ".", "a.", "a b", "*", "*.", "a:80", "::1", "[::1", "a/b", "~", "ü", strings.Repeat("a", 64), strings.Repeat("a.", 130) + "a"},
		"listen":   {"", "80", ":", ":0", ":+1", ":65536", "a:80", "[::]", "::1", "unix:", "unix:x", "unix:/" + strings.Repeat("x", 107)},
		"logdest":  {"", "a", "syslog"},
		"name":     {"", "a b", "ü"},
		"param":    {"", "1A", "A-B", "A B", "A=B", "ü"},
		"return":   {"x", "4", "0404", "+20", "199", "600", "301", "302 ", "404\nx"},
		"script":   {"", "a.php"},
		"server":   {"", "/run/x", "php", "$host:9000", "unix:/run/$host", ":9000", "a b:9000", "http://a:80", "a..b:1"},
		"suffix":   {"", "a/b"},
		"token":    {"", "a b", "a:", "ü", "a\n"},
		"try":      {"", "a", "=", "=40", "=404 x", "=999"},
		"ini":      {"", "a=b", "a]"},
		"word":     {"a b", "a=b", "a;b", "a\n"},
	} {
		for _, s := range list {
			if checkFormat(format, s) == nil {
				t.Errorf("%s accepts %q", format, s)
			}
		}
	}
}

func TestVariablesInATemplateAreFound(t *testing.T) {
	for s, want := range map[string][]string{
		"":                  nil,
		"plain":             nil,
		"$":                 nil,
		"$$":                nil,
		"$-x":               nil,
		"$uri":              {"uri"},
		"a${uri}b$args":     {"uri", "args"},
		"$$host":            {"host"},
		"${http_x":          {"http_x"},
		"$1$document_root/": {"1", "document_root"},
	} {
		if got := variables(s); !slices.Equal(got, want) {
			t.Errorf("variables(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestNoClientVariableCountsAsTheServers(t *testing.T) {
	for _, name := range []string{
		"uri", "document_uri", "args", "query_string", "is_args", "request_uri", "request_method", "request_id", "host",
		"http_host", "http_cookie", "arg_x", "cookie_x", "server_name", "server_protocol", "content_type", "content_length",
		"request_filename", "fastcgi_script_name", "fastcgi_path_info", "1", "9", "name", "",
	} {
		if isServerVariable(name) {
			t.Errorf("$%s is taken for the server's", name)
		}
	}
	if !isServerVariable("document_root") {
		t.Error("$document_root is taken for a client's")
	}
}

func TestDistanceCountsEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "acb", 1},
		{"abc", "ab", 1},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
	if got := nearest(strings.Repeat("x", 1000), []string{"x"}); got != "" {
		t.Errorf("a very long word is near %q", got)
	}
}
