package router

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// ErrPattern is wrapped by every error about a pattern that cannot be read.
var ErrPattern = errors.New("bad pattern")

// Kind says how a location pattern matches a path.
type Kind uint8

// The kinds of location patterns.
const (
	Prefix      Kind = iota // "/x": the path begins with it
	Exact                   // "= /x": the path is it
	PrefixFinal             // "^~ /x": as Prefix, and no regular expression is tried
	Regex                   // "~ re"
	RegexFold               // "~* re": without regard to case
	Named                   // "@name": reached by name only
)

// Pattern is one parsed location pattern. Its zero value matches nothing.
type Pattern struct {
	kind Kind
	text string
	re   *regexp.Regexp // of Regex and RegexFold
	fast *fastRegex     // the same without regexp, or nil
}

// ParsePattern reads one of the forms of nginx's location: "/prefix",
// "= /exact", "^~ /prefix", "~ regex", "~* regex", "@name". Blanks after the
// modifier are optional. Errors wrap ErrPattern.
func ParsePattern(s string) (Pattern, error) {
	kind, text := splitModifier(strings.TrimSpace(s))
	p := Pattern{kind: kind, text: text}
	var err error
	switch kind {
	case Regex, RegexFold:
		p.re, p.fast, err = compileRegex(text, kind == RegexFold)
	case Named:
		if text == "" || strings.ContainsAny(text, " \t/") {
			err = errors.New("a named location is @ and a name")
		}
	default:
		if !strings.HasPrefix(text, "/") {
			err = errors.New("a path begins with /")
		}
	}
	if err != nil {
		return Pattern{}, fmt.Errorf("router: %w %q: %w", ErrPattern, s, err)
	}
	return p, nil
}

func splitModifier(s string) (Kind, string) {
	for _, m := range []struct {
		mark string
		kind Kind
	}{{"=", Exact}, {"^~", PrefixFinal}, {"~*", RegexFold}, {"~", Regex}, {"@", Named}} {
		rest, found := strings.CutPrefix(s, m.mark)
		if !found {
			continue
		}
		if m.kind == Named {
			return Named, rest
		}
		return m.kind, strings.TrimLeft(rest, " \t")
	}
	return Prefix, s
}

func compileRegex(text string, fold bool) (*regexp.Regexp, *fastRegex, error) {
	if text == "" {
		return nil, nil, errors.New("empty regular expression")
	}
	expr := text
	if fold {
		expr = "(?i)" + text
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, nil, explainRegex(err)
	}
	return re, newFastRegex(expr), nil
}

// explainRegex names what people who come from PCRE miss most.
func explainRegex(err error) error {
	var se *syntax.Error
	if errors.As(err, &se) {
		switch {
		case se.Code == syntax.ErrInvalidPerlOp || strings.HasPrefix(se.Expr, "(?<"):
			return fmt.Errorf("%w (look-around does not exist in RE2 syntax)", err)
		case se.Code == syntax.ErrInvalidEscape && len(se.Expr) == 2 && '1' <= se.Expr[1] && se.Expr[1] <= '9':
			return fmt.Errorf("%w (back references do not exist in RE2 syntax)", err)
		}
	}
	return err
}

// Kind returns how p matches.
func (p Pattern) Kind() Kind { return p.kind }

// Text returns p without its modifier: the path, the expression or the name.
func (p Pattern) Text() string { return p.text }

// String returns p in its canonical spelling.
func (p Pattern) String() string {
	switch p.kind {
	case Exact:
		return "= " + p.text
	case PrefixFinal:
		return "^~ " + p.text
	case Regex:
		return "~ " + p.text
	case RegexFold:
		return "~* " + p.text
	case Named:
		return "@" + p.text
	}
	return p.text
}

// CaptureNames returns the names of the groups of a regular expression.
func (p Pattern) CaptureNames() []string { return captureNames(p.re) }

func captureNames(re *regexp.Regexp) []string {
	if re == nil {
		return nil
	}
	var names []string
	for _, n := range re.SubexpNames() {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// Match reports whether p by itself matches path, without any precedence.
func (p Pattern) Match(path []byte) bool {
	switch p.kind {
	case Exact:
		return string(path) == p.text
	case Prefix, PrefixFinal:
		return p.text != "" && len(path) >= len(p.text) && string(path[:len(p.text)]) == p.text
	case Regex, RegexFold:
		return p.matchRegex(path)
	}
	return false
}

func (p *Pattern) matchRegex(path []byte) bool { return matchRegex(p.re, p.fast, path) }

func matchRegex(re *regexp.Regexp, fast *fastRegex, text []byte) bool {
	if fast != nil && fast.covers(text) {
		return fast.match(text)
	}
	return re.Match(text)
}
