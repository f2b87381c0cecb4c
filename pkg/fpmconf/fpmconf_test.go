package fpmconf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pool.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// shop is a file as people have them.
const shop = `; pools of this machine
include=/etc/php/fpm.d/*.conf

[global]
pm.max_children = 999 ; of no pool
pid = /run/php-fpm.pid

[www]
user = www-data
listen = /run/php/$pool.sock
listen.mode = 0660
pm = dynamic
pm.max_children = 5      ; the default
;pm.max_children = 50
pm.start_servers = 2
php_admin_value[error_log] = "/var/log/a;b=[c].log"
env[PATH] = $PATH

[ shop ]
listen = "127.0.0.1:9001"
pm.max_children='40'
pm.max_requests = 500

[admin]
listen = 9002
pm.max_children = 3
pm.max_requests = 0

[www]
pm.max_children = 6
`

func TestTheWorkersOfAServerAreFound(t *testing.T) {
	path := write(t, shop)
	for _, c := range []struct {
		servers string
		want    Learned
	}{
		{"unix:/run/php/www.sock", Learned{6, false}}, // the last of a key counts
		{"127.0.0.1:9001", Learned{40, true}},
		{"localhost:9001", Learned{40, true}},
		{"10.0.0.1:9002", Learned{3, false}},
		{"unix:/run/php/www.sock 127.0.0.1:9001", Learned{6, true}},
		{"127.0.0.1:9001 [::1]:9002", Learned{3, true}},
	} {
		got, err := Learn(path, strings.Fields(c.servers))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.servers, got, err, c.want)
		}
	}
}

func TestMistakesSayWhereTheyAre(t *testing.T) {
	const www = "[www]\nlisten = /s\n"
	for name, c := range map[string]struct{ text, want string }{
		"no such pool":        {shop, `no pool listens on "unix:/s"; there is [www] on /run/php/www.sock, [shop] on 127.0.0.1:9001, [admin] on 9002, and what it includes is not read`},
		"no pools":            {"[global]\n", `no pool listens on "unix:/s"; it has no pools`},
		"include only":        {"include = /etc/php/*.conf\n", "; it has no pools, and what it includes is not read"},
		"no address":          {"[www]\npm.max_children = 1\n", "; there is [www] on no address"},
		"address of its own":  {"[www]\nlisten = ${SOCKET}\n", "; there is [www] on no address"},
		"no number":           {www, "[www] does not set pm.max_children"},
		"not a number":        {www + "\npm.max_children = many\n", `line 4: pm.max_children: "many" is no number of workers`},
		"of the environment":  {www + "pm.max_children = ${CHILDREN}\n", `line 3: pm.max_children: "${CHILDREN}" is no number of workers`},
		"none":                {www + "pm.max_children = 0\n", `line 3: pm.max_children: "0" is no number of workers`},
		"negative":            {www + "pm.max_children = -3\n", `line 3: pm.max_children: "-3" is no number of workers`},
		"huge":                {www + "pm.max_children = 99999999999999999999\n", "is no number of workers"},
		"open quote":          {www + "pm.max_children = \"3\n", "line 3: pm.max_children: a quote is not closed"},
		"open section":        {"\n[www\n", "line 2: a section lacks its \"]\""},
		"number in [global]":  {"[global]\nlisten = /s\npm.max_children = 3\n", "it has no pools"},
		"larger than allowed": {strings.Repeat("; nothing\n", maxFile/10+1), "larger than a php-fpm configuration can be"},
	} {
		_, err := Learn(write(t, c.text), []string{"unix:/s"})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "none.conf"): "no such file or directory",
		dir:                             "it is no file",
		"/dev/null":                     "it is no file",
	} {
		if _, err := Learn(path, []string{"unix:/s"}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestAddressesAreComparedAsPhpFpmUnderstandsThem(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(dir, filepath.Join(dir, "also")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		listen, server string
		want           bool
	}{
		{"/run/a.sock", "unix:/run/a.sock", true},
		{"/run//x/../a.sock", "unix:/run/a.sock", true},
		{dir + "/also/a.sock", "unix:" + dir + "/a.sock", true},
		{"/run/a.sock", "unix:/run/b.sock", false},
		{"/run/a.sock", "unix:/tmp/a.sock", false},
		{"/run/a.sock", "127.0.0.1:9000", false},
		{"9000", "unix:/run/9000", false},
		{"9000", "127.0.0.1:9000", true},
		{"9000", "php:9000", true},
		{"9000", "127.0.0.1:9001", false},
		{"*:9000", "php:9000", true},
		{"0.0.0.0:9000", "10.1.2.3:9000", true},
		{"[::]:9000", "10.1.2.3:9000", true},
		{"127.0.0.1:9000", "127.0.0.1:9000", true},
		{"127.0.0.1:9000", "[::1]:9000", true}, // the same machine; php-fpm can have but one there
		{"localhost:9000", "127.0.0.1:9000", true},
		{"127.0.0.1:9000", "10.1.2.3:9000", false},
		{"php:9000", "PHP:9000", true},
		{"php:9000", "other:9000", false},
		{"::9000", "127.0.0.1:9000", false},
		{"127.0.0.1:9000", "127.0.0.1", false},
	} {
		if got := sameAddress(c.listen, c.server); got != c.want {
			t.Errorf("listen = %s, server %s: %v", c.listen, c.server, got)
		}
	}
}

func TestARelativeSocketIsBeneathThePrefix(t *testing.T) {
	path := write(t, "[www]\nprefix = /srv/$pool\nlisten = run/php.sock\npm.max_children = 2\n")
	if got, err := Learn(path, []string{"unix:/srv/www/run/php.sock"}); err != nil || got.Children != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLineEndingsOfOtherSystemsDoNotMatter(t *testing.T) {
	path := write(t, strings.ReplaceAll("[www]\nlisten = /s\npm.max_children = 7\n", "\n", "\r\n"))
	if got, err := Learn(path, []string{"unix:/s"}); err != nil || got.Children != 7 {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(shop)
	f.Add("[a\nlisten=\"\n")
	f.Add("[]\n=\n[x]listen=$pool;")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parse(text)
		if err != nil {
			return
		}
		for _, p := range file.pools {
			if addr, ok := p.listen(); ok && addr == "" {
				t.Error("an empty address")
			}
			if n, _, err := p.limits(); err == nil && n < 1 {
				t.Errorf("%d workers", n)
			}
		}
	})
}
