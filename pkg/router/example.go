package router

import (
	"regexp/syntax"
	"strings"
)

// Example returns a path that p matches, for messages and tests. It is empty
// for a named location and when no simple path for a regular expression was
// found.
func (p Pattern) Example() string {
	switch p.kind {
	case Named:
		return ""
	case Regex, RegexFold:
		for _, lead := range []string{"", "/", "/x"} {
			s := lead + regexExample(p.re.String())
			if strings.HasPrefix(s, "/") && p.re.MatchString(s) {
				return s
			}
		}
		return ""
	}
	return p.text
}

// regexExample returns the shortest plain text that expr describes; anchors
// and word boundaries are passed over, so the caller checks the result.
func regexExample(expr string) string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	writeExample(&b, re.Simplify())
	return b.String()
}

func writeExample(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		text := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 {
			text = strings.ToLower(text)
		}
		b.WriteString(text)
	case syntax.OpCharClass:
		b.WriteRune(classExample(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		writeExample(b, re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			writeExample(b, sub)
		}
	}
}

// classExample picks a member of a class: a letter or digit when it has one.
func classExample(ranges []rune) rune {
	for _, want := range "xa1_-./" {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= want && want <= ranges[i+1] {
				return want
			}
		}
	}
	if len(ranges) == 0 {
		return 'x'
	}
	return ranges[0]
}
