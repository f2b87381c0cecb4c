package worker

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValidateRefusesWhatCouldChangeTheFile(t *testing.T) {
	for name, c := range map[string]Config{
		"name with bracket":      {Name: "a]\n[b"},
		"name with space":        {Name: "a b"},
		"name global":            {Name: "Global"},
		"count":                  {Count: -1},
		"too many":               {Count: MaxCount + 1},
		"max requests":           {MaxRequests: -1},
		"request timeout":        {RequestTimeout: -1},
		"user with newline":      {User: "www\nuser=root"},
		"group with option":      {Group: "-R"},
		"ini value with newline": {INI: map[string]string{"a": "1\n[b]"}},
		"ini value with return":  {INI: map[string]string{"a": "1\r2"}},
		"ini value with NUL":     {INI: map[string]string{"a": "1\x002"}},
		"ini value with both":    {INI: map[string]string{"a": `'"`}},
		"ini value ' and dollar": {INI: map[string]string{"a": `'${HOME}`}},
		"ini value ' and slash":  {INI: map[string]string{"a": `'\`}},
		"ini name with bracket":  {INI: map[string]string{"a]=1\nb[c": "1"}},
		"ini name empty":         {INI: map[string]string{"": "1"}},
		"env name with equals":   {Env: map[string]string{"A=B": "1"}},
		"env name with digit":    {Env: map[string]string{"1A": "1"}},
		"env value with NUL":     {Env: map[string]string{"A": "1\x00B=2"}},
	} {
		c = c.withDefaults()
		if err := c.validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestDefaultsAreValidAndDoNotTouchTheCallersMap(t *testing.T) {
	env := map[string]string{"A": "1"}
	c := Config{Env: env}.withDefaults()
	if err := c.validate(); err != nil {
		t.Error(err)
	}
	if c.Env["PATH"] == "" || len(env) != 1 {
		t.Errorf("PATH %q, caller's map %v", c.Env["PATH"], env)
	}
}

func TestConfFile(t *testing.T) {
	c := Config{
		Name: "shop", Count: 7, MaxRequests: 500, RequestTimeout: 1500 * time.Millisecond,
		INI: map[string]string{"memory_limit": "64M", "error_log": "it's"},
		Env: map[string]string{"B": "2", "A": "'\n"},
	}
	got := confFile(&c, identity{switches: true, user: "u", group: "g", ownUID: 5, ownGID: 6}, "/run/x/s.sock")
	want := `; written by fcgigw, read once, gone with the pool
[global]
daemonize = no
error_log = /proc/self/fd/2
log_limit = 65535
process_control_timeout = 86400s

[shop]
user = u
group = g
listen = '/run/x/s.sock'
listen.mode = 0660
listen.owner = 5
listen.group = 6
pm = static
pm.max_children = 7
pm.max_requests = 500
request_terminate_timeout = 2s
catch_workers_output = no
decorate_workers_output = no
security.limit_extensions = .php
clear_env = yes
env[A] = $FCGIGW_ENV_0
env[B] = $FCGIGW_ENV_1
php_admin_value[error_log] = "it's"
php_admin_value[memory_limit] = '64M'
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	env := masterEnv(c.Env)
	if !slices.Contains(env, "FCGIGW_ENV_0='\n") || !slices.Contains(env, "FCGIGW_ENV_1=2") {
		t.Errorf("master's environment %q", env)
	}
}

func TestConfFileOfAnOrdinaryUserNamesNoUser(t *testing.T) {
	got := confFile(&Config{Name: "a"}, identity{ownUID: 1000}, "/s")
	if strings.Contains(got, "\nuser") || strings.Contains(got, "\ngroup") {
		t.Errorf("got\n%s", got)
	}
}

func TestParseLine(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Line
	}{
		{"[22-Nov-2026 14:39:27] NOTICE: ready to handle connections", Line{"notice", "ready to handle connections"}},
		{"[22-Nov-2026 14:39:27] ERROR: [pool www] a: b", Line{"error", "[pool www] a: b"}},
		{"WARNING: x", Line{"warning", "x"}},
		{"PHP Warning:  no ini", Line{"", "PHP Warning:  no ini"}},
		{"NOTICE", Line{"", "NOTICE"}},
		{"[x", Line{"", "[x"}},
		{"", Line{}},
	} {
		if got := parseLine(tt.in); got != tt.want {
			t.Errorf("parseLine(%q) = %+v", tt.in, got)
		}
	}
}

func TestReadLinesShortensLongLinesAndKeepsTheNext(t *testing.T) {
	in := "one\r\n\n" + strings.Repeat("x", 3*maxLine+5) + "\nlast"
	var got []string
	readLines(strings.NewReader(in), func(s string) { got = append(got, s) })
	want := []string{"one", strings.Repeat("x", maxLine), "last"}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines", len(got))
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	var last tail
	for i := range 20 {
		last.add(fmt.Sprint(i))
	}
	if got := strings.Join(last.lines, " "); got != "12 13 14 15 16 17 18 19" {
		t.Errorf("tail %s", got)
	}
}

func FuzzReadLines(f *testing.F) {
	f.Add("a\nb")
	f.Add("[22-Nov-2026 14:39:27] NOTICE: x\r\n")
	f.Add(strings.Repeat("x", maxLine) + "\ny")
	f.Fuzz(func(t *testing.T, in string) {
		total := 0
		readLines(strings.NewReader(in), func(s string) {
			if s == "" || len(s) > maxLine || strings.Contains(s, "\n") {
				t.Errorf("line %q", s)
			}
			if l := parseLine(s); !strings.HasSuffix(s, l.Text) {
				t.Errorf("%q became %+v", s, l)
			}
			total += len(s)
		})
		if total > len(in) {
			t.Errorf("%d bytes out of %d", total, len(in))
		}
	})
}

func FuzzQuoteINI(f *testing.F) {
	for _, s := range []string{"", "a", "'", `"`, `it's`, "\n", `'\`, "'$x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, ok := quoteINI(s)
		if !ok {
			return
		}
		body := q[1 : len(q)-1]
		if body != s || strings.Contains(body, q[:1]) || strings.ContainsAny(q, "\r\n\x00") {
			t.Errorf("%q became %s", s, q)
		}
		if q[0] == '"' && strings.ContainsAny(body, `$\`) {
			t.Errorf("%s would be interpolated", q)
		}
	})
}

func TestFindPrefersPlainThenNewest(t *testing.T) {
	for name, tt := range map[string]struct {
		files []string
		want  string
	}{
		"plain":            {[]string{"b/php-fpm", "a/php-fpm8.4"}, "b/php-fpm"},
		"newest":           {[]string{"a/php-fpm8.2", "b/php-fpm8.10", "a/php-fpm7.4"}, "b/php-fpm8.10"},
		"without dot":      {[]string{"a/php-fpm81", "a/php-fpm83"}, "a/php-fpm83"},
		"opt, newest":      {[]string{"opt/php-8.1/sbin/php-fpm", "opt/remi/php83/root/usr/sbin/php-fpm"}, "opt/remi/php83/root/usr/sbin/php-fpm"},
		"opt after others": {[]string{"opt/php/sbin/php-fpm8.4", "a/php-fpm8.2"}, "a/php-fpm8.2"},
		"strange names":    {[]string{"a/php-fpm8.2-old", "a/php-fpm.sh", "a/php-fpm8.2"}, "a/php-fpm8.2"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, file := range tt.files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			got, err := find([]string{filepath.Join(root, "a"), filepath.Join(root, "b")}, filepath.Join(root, "opt"))
			if err != nil || got != filepath.Join(root, tt.want) {
				t.Errorf("found %s, %v", got, err)
			}
		})
	}
}

func TestFindTellsWhatToInstall(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "php-fpm"), nil, 0o644); err != nil { // not executable
		t.Fatal(err)
	}
	_, err := find([]string{dir}, t.TempDir())
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "apt install php-fpm") || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
}

func TestSearchDirsSkipsRelativeOnes(t *testing.T) {
	got := searchDirs(".:/a::bin:/a:/usr/sbin")
	if want := []string{"/a", "/usr/sbin", "/usr/local/sbin"}; !slices.Equal(got, want) {
		t.Errorf("dirs %v", got)
	}
}

// fakeSystem knows the users given as "name:uid:gid" and a group for each.
func fakeSystem(uid int, accounts ...string) system {
	sys := system{uid: uid, gid: uid}
	split := func(key string) []string {
		for _, a := range accounts {
			if f := strings.Split(a, ":"); f[0] == key || f[1] == key {
				return f
			}
		}
		return nil
	}
	sys.lookupUser = func(key string) (*user.User, error) {
		if f := split(key); f != nil {
			return &user.User{Username: f[0], Uid: f[1], Gid: f[2]}, nil
		}
		return nil, user.UnknownUserError(key)
	}
	sys.lookupGroup = func(key string) (*user.Group, error) {
		if f := split(key); f != nil {
			return &user.Group{Name: f[0], Gid: f[2]}, nil
		}
		return nil, user.UnknownGroupError(key)
	}
	return sys
}

func TestIdentify(t *testing.T) {
	root, www, nobody, me := "root:0:0", "www-data:33:33", "nobody:65534:65534", "me:1000:1000"
	for name, tt := range map[string]struct {
		conf Config
		sys  system
		want string // user:group or an error
	}{
		"root takes www-data":        {Config{}, fakeSystem(0, root, nobody, www), "www-data:www-data"},
		"root takes nobody":          {Config{}, fakeSystem(0, root, nobody), "nobody:nobody"},
		"root finds nobody":          {Config{}, fakeSystem(0, root), "bad configuration"},
		"root takes the one asked":   {Config{User: "me"}, fakeSystem(0, root, www, me), "me:me"},
		"by number":                  {Config{User: "1000", Group: "33"}, fakeSystem(0, root, www, me), "me:www-data"},
		"unknown user":               {Config{User: "you"}, fakeSystem(0, root, www), "unknown user you"},
		"unknown group":              {Config{Group: "you"}, fakeSystem(0, root, www), "unknown group you"},
		"root itself":                {Config{User: "root"}, fakeSystem(0, root, www), "would run as root"},
		"root by number":             {Config{User: "0"}, fakeSystem(0, root, www), "would run as root"},
		"another name for root":      {Config{User: "toor"}, fakeSystem(0, "toor:0:33", www), "would run as root"},
		"root's group":               {Config{Group: "root"}, fakeSystem(0, root, www), "would run as root"},
		"root allowed":               {Config{User: "root", AllowRoot: true}, fakeSystem(0, root, www), "root:root"},
		"ordinary user":              {Config{}, fakeSystem(1000, root, www, me), ":"},
		"ordinary user names itself": {Config{User: "me", Group: "me"}, fakeSystem(1000, root, www, me), ":"},
		"ordinary user, other user":  {Config{User: "www-data"}, fakeSystem(1000, root, www, me), "only root"},
		"ordinary user, other group": {Config{Group: "www-data"}, fakeSystem(1000, root, www, me), "only root"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := identify(&tt.conf, tt.sys)
			got := id.user + ":" + id.group
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s", got)
			}
			if err == nil && id.switches != (tt.sys.uid == 0) {
				t.Errorf("switches = %v", id.switches)
			}
		})
	}
}

func TestRunDirRefusesWhatOthersControl(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"world writable": open,
		"file":           file,
		"symlink":        link,
		"quote":          filepath.Join(t.TempDir(), "it's"),
		"newline":        filepath.Join(t.TempDir(), "a\nb"),
		"too long":       filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath)),
	} {
		if _, err := openRunDir(dir); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunDirThatExistedIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := openRunDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.conf(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.remove()
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 0 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
