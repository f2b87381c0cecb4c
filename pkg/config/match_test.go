package config

import (
	"strings"
	"testing"
)

func TestPatternsAreTakenApart(t *testing.T) {
	for in, want := range map[string]match{
		"/":           {"", "/"},
		"/a b":        {"", "/a b"},
		"= /a":        {"=", "/a"},
		"=/a":         {"=", "/a"},
		"^~ /a/":      {"^~", "/a/"},
		`~ \.php$`:    {"~", `\.php$`},
		`~* \.(j|p)$`: {"~*", `\.(j|p)$`},
		"~^/a":        {"~", "^/a"},
		"@app":        {"@", "app"},
	} {
		got, err := parseMatch(in)
		if err != nil || got != want {
			t.Errorf("parseMatch(%q) = %+v, %v; want %+v", in, got, err, want)
		}
		again, err := parseMatch(got.String())
		if err != nil || again != got {
			t.Errorf("%q is written as %q, which reads as %+v, %v", in, got, again, err)
		}
	}
}

func TestWrongPatternsAreRefused(t *testing.T) {
	for _, in := range []string{"", "a", "= a", "=", "^~", "^~ a", "~", "~ (", "~* (?<=x)", "@", "@a b", "!~ x", " /a"} {
		if got, err := parseMatch(in); err == nil {
			t.Errorf("parseMatch(%q) = %+v, want an error", in, got)
		}
	}
}

func TestWhatRE2LacksIsNamed(t *testing.T) {
	for re, want := range map[string]string{
		`(?=a)`:       `the look-around "(?="`,
		`a(?!b)`:      `the look-around "(?!"`,
		`(?<=a)b`:     `the look-around "(?<="`,
		`(?<!a)b`:     `the look-around "(?<!"`,
		`(a)\1`:       `the backreference "\1"`,
		`(?>a)`:       `the atomic group "(?>"`,
		`a*+`:         `the possessive quantifier "*+"`,
		`a?+`:         `the possessive quantifier "?+"`,
		`\(?=a(`:      "missing closing )",
		`\\(?=a)`:     `the look-around "(?="`,
		`[a`:          "missing closing ]",
		`(?<n>a)(?=b`: `the look-around "(?="`,
	} {
		err := checkRegexp(re)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("checkRegexp(%q) = %v, want %s", re, err, want)
		}
	}
	for _, re := range []string{`\.php$`, `(?i)a`, `(?P<n>a)`, `(?<n>a)`, `(?:a)+?`, `\(?=a`} {
		if err := checkRegexp(re); err != nil {
			t.Errorf("checkRegexp(%q) = %v", re, err)
		}
	}
}
