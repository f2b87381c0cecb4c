package config

import (
	"strings"
	"testing"
)

func TestReferencesToTheEnvironmentAreReplaced(t *testing.T) {
	for _, c := range []struct {
		in, out string
		whole   bool
	}{
		{"", "", false},
		{"plain $uri ${name} $1 $", "plain $uri ${name} $1 $", false},
		{"${env:WORD}", "word", true},
		{"a${env:WORD}b${env:NUMBER}", "awordb512", false},
		{"${env:WORD}${env:WORD}", "wordword", false},
		{"${env:NOPE:-d}", "d", true},
		{"${env:NOPE:-}", "", true},
		{"${env:EMPTY}", "", true},
		{"${env:EMPTY:-d}", "d", true},
		{"${env:NOPE:-a:-b}", "a:-b", true},
		{"${env:NOPE:-$uri}", "$uri", true},
		{"$${env:WORD}", "${env:WORD}", false},
		{"$$${env:WORD}", "$${env:WORD}", false},
		{"$${env:${env:WORD}", "${env:word", false},
		{"${env:WORD}$${env:", "word${env:", false},
		{"${env:NESTED}", "${env:WORD}", true},
	} {
		env := func(name string) (string, bool) {
			if name == "NESTED" {
				return "${env:WORD}", true
			}
			return testEnv(name)
		}
		out, whole, err := expandEnv(c.in, env)
		if err != nil || out != c.out || whole != c.whole {
			t.Errorf("expandEnv(%q) = %q, %t, %v; want %q, %t", c.in, out, whole, err, c.out, c.whole)
		}
	}
}

func TestWrongReferencesToTheEnvironmentAreErrors(t *testing.T) {
	for in, want := range map[string]string{
		"${env:NOPE}":              "NOPE is not set",
		"${env:WORD":               "lacks its",
		"${env:}":                  "not the name",
		"${env:A-B}":               "not the name",
		"${env:1}":                 "not the name",
		"${env::-d}":               "not the name",
		"x${env:WORD} ${env:NOPE}": "NOPE is not set",
	} {
		if out, _, err := expandEnv(in, testEnv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expandEnv(%q) = %q, %v; want %q", in, out, err, want)
		}
	}
	if _, _, err := expandEnv("${env:WORD}", nil); err == nil {
		t.Error("without an environment a variable is set")
	}
}

func TestValuesOfEveryTypeMayComeFromTheEnvironment(t *testing.T) {
	c := mustLoad(t, "testdata/good/env.toml")
	s := c.Sites[0]
	if c.HTTP.Backlog != 512 || c.Gateway.DrainTimeout.String() != "45s" || c.Gateway.TempLimit != 512 || !s.Default {
		t.Errorf("numbers, durations, sizes or booleans are wrong: %+v %+v %+v", c.HTTP, c.Gateway, s)
	}
	if s.Root != "/srv/word/public" || s.Hosts[0] != "word.example" || s.Hosts[1] != "b.example" || s.Name != "a ${env:WORD} ${x} $uri" {
		t.Errorf("strings are wrong: %+v", s)
	}
}
