package worker

import (
	"errors"
	"fmt"
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
