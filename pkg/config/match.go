package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// match is a location pattern taken apart.
type match struct {
	kind string // "", "=", "^~", "~", "~*" or "@"
	text string
}

// parseMatch takes a location pattern apart and checks it.
func parseMatch(s string) (match, error) {
	m := match{text: s}
	for _, kind := range [...]string{"=", "^~", "~*", "~", "@"} {
		if rest, ok := strings.CutPrefix(s, kind); ok {
			m = match{kind: kind, text: strings.TrimLeft(rest, " ")}
			break
		}
	}
	switch m.kind {
	case "~", "~*":
		return m, checkRegexp(m.text)
	case "@":
		return m, checkFormat("name", m.text)
	}
	if !strings.HasPrefix(m.text, "/") {
		return m, fmt.Errorf("%q is not a pattern; write \"/prefix\", \"= /exact\", \"^~ /prefix\", \"~ regex\", \"~* regex\" or \"@name\"", s)
	}
	return m, nil
}

// String writes the pattern with one space behind its kind, and none behind
// "@" or in front of a prefix.
func (m match) String() string {
	if m.kind == "" || m.kind == "@" {
		return m.kind + m.text
	}
	return m.kind + " " + m.text
}

// isPath reports whether the pattern is a path and not a regex or a name.
func (m match) isPath() bool {
	return m.kind == "" || m.kind == "=" || m.kind == "^~"
}

// key is the same for patterns that cannot stand beside each other: "/x" and
// "^~ /x" answer the same paths.
func (m match) key() string {
	if m.kind == "^~" {
		return m.text
	}
	return m.String()
}

// checkRegexp compiles a regular expression. RE2 lacks some of what nginx's
// PCRE has; the error says which.
func checkRegexp(re string) error {
	if re == "" {
		return errors.New("the regular expression is empty")
	}
	_, err := regexp.Compile(re)
	if err == nil {
		return nil
	}
	if what := perlOnly(re); what != "" {
		return fmt.Errorf("the regular expression %#q holds %s, which RE2 does not have", re, what)
	}
	return fmt.Errorf("%#q is not a regular expression (RE2): %s", re, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
}

// perlOnly names what a regular expression holds that only Perl-like engines
// have.
func perlOnly(re string) string {
	for i := 0; i+1 < len(re); i++ {
		if re[i] == '\\' {
			if re[i+1] >= '1' && re[i+1] <= '9' {
				return `the backreference "` + re[i:i+2] + `"`
			}
			i++
			continue
		}
		if what := perlGroup(re[i:]); what != "" {
			return what
		}
	}
	return ""
}

// perlGroup names the Perl-only syntax that re starts with.
func perlGroup(re string) string {
	for _, p := range [...]string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(re, p) {
			return `the look-around "` + p + `"`
		}
	}
	if strings.HasPrefix(re, "(?>") {
		return `the atomic group "(?>"`
	}
	for _, p := range [...]string{"*+", "++", "?+"} {
		if strings.HasPrefix(re, p) {
			return `the possessive quantifier "` + p + `"`
		}
	}
	return ""
}
