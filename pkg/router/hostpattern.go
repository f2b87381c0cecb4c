package router

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// HostKind says how a host pattern matches.
type HostKind uint8

// The kinds of host patterns, in their order of precedence.
const (
	HostExact   HostKind = iota // "www.example.com"
	HostSuffix                  // "*.example.com": one label or more before it
	HostPrefix                  // "www.*": one label or more behind it
	HostRegex                   // "~re"
	HostDefault                 // "*": what nothing else matches
)

// HostPattern is one parsed host pattern.
type HostPattern struct {
	kind HostKind
	text string // the name without its wildcard; the expression of a regex
	dot  bool   // written ".name": HostSuffix that matches name itself too
	re   *regexp.Regexp
	fast *fastRegex // the same without regexp, or nil
}

// ParseHost reads "name", "*.suffix", "prefix.*", "~regex", ".name" or "*" for
// the default. Names are taken in lower case and without a trailing dot. A
// regular expression that has a capital letter ignores case, as in nginx.
// Errors wrap ErrPattern.
func ParseHost(s string) (HostPattern, error) {
	p, err := parseHost(strings.TrimSpace(s))
	if err != nil {
		return HostPattern{}, fmt.Errorf("router: %w %q: %w", ErrPattern, s, err)
	}
	return p, nil
}

func parseHost(s string) (HostPattern, error) {
	if expr, found := strings.CutPrefix(s, "~"); found {
		fold := strings.ContainsFunc(expr, func(r rune) bool { return 'A' <= r && r <= 'Z' })
		re, fast, err := compileRegex(expr, fold)
		return HostPattern{kind: HostRegex, text: expr, re: re, fast: fast}, err
	}
	if s == "*" {
		return HostPattern{kind: HostDefault}, nil
	}
	p := HostPattern{kind: HostExact, text: strings.ToLower(s)}
	if name, found := strings.CutPrefix(p.text, "*."); found {
		p.kind, p.text = HostSuffix, name
	} else if name, found := strings.CutSuffix(p.text, ".*"); found {
		p.kind, p.text = HostPrefix, name
	} else if name, found := strings.CutPrefix(p.text, "."); found {
		p.kind, p.text, p.dot = HostSuffix, name, true
	}
	if p.kind != HostPrefix {
		p.text = strings.TrimSuffix(p.text, ".")
	}
	return p, checkHost(p.text)
}

func checkHost(name string) error {
	switch {
	case name == "":
		return errors.New("empty name")
	case strings.Contains(name, "*"):
		return errors.New("a * stands for whole labels, first or last")
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return errors.New("empty label")
	case strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]"):
		return nil
	case strings.Contains(name, ":"):
		return errors.New("a host has no port; ports belong to listen")
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c == 0x7f || strings.IndexByte("/\\?#@\"'<>`{}|^", c) >= 0 {
			return fmt.Errorf("character %q", c)
		}
	}
	return nil
}

// Kind returns how p matches.
func (p HostPattern) Kind() HostKind { return p.kind }

// Text returns the name without its wildcard, or the regular expression.
func (p HostPattern) Text() string { return p.text }

// String returns p as it is written.
func (p HostPattern) String() string {
	switch {
	case p.dot:
		return "." + p.text
	case p.kind == HostSuffix:
		return "*." + p.text
	case p.kind == HostPrefix:
		return p.text + ".*"
	case p.kind == HostRegex:
		return "~" + p.text
	case p.kind == HostDefault:
		return "*"
	}
	return p.text
}

// CaptureNames returns the names of the groups of a regular expression.
func (p HostPattern) CaptureNames() []string { return captureNames(p.re) }

// Example returns a host that p matches, or "".
func (p HostPattern) Example() string {
	switch p.kind {
	case HostSuffix:
		return "www." + p.text
	case HostPrefix:
		return p.text + ".example"
	case HostRegex:
		if s := regexExample(p.re.String()); p.re.MatchString(s) {
			return s
		}
		return ""
	}
	return p.text
}
