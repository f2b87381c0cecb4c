package router

import (
	"bytes"
	"regexp/syntax"
	"strings"
)

// fastLimit bounds how many alternatives a fast expression may have.
const fastLimit = 64

// fastRegex is a regular expression that consists of a few literal texts,
// anchors and ".*" only, such as \.php$, \.(jpg|css|js)$, ^/prefix or
// ^/files/.*\.php$. It decides exactly what package regexp would, at a
// fraction of the time, for every path that covers accepts.
type fastRegex struct {
	seqs []seq
	fold bool // compare letters without regard to case; literals are lower case
	gaps bool // some sequence has a gap
}

// newFastRegex returns nil when expr is not of the simple forms.
func newFastRegex(expr string) *fastRegex {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	var c caseUse
	seqs, ok := enumerate(re, &c)
	if !ok || len(seqs) > fastLimit || (c.folded && c.exact) {
		return nil
	}
	f := &fastRegex{seqs: seqs, fold: c.folded}
	for i := range seqs {
		f.gaps = f.gaps || seqs[i].hasGap()
	}
	return f
}

// covers reports whether f means the same as the expression for path. Letters
// fold beyond ASCII (U+017F is an s), ".+.+" counts runes and "." stops at a
// line feed: none of this is dealt with here.
func (f *fastRegex) covers(path []byte) bool {
	if (f.fold || f.gaps) && !ascii(path) {
		return false
	}
	return !f.gaps || bytes.IndexByte(path, '\n') < 0
}

func (f *fastRegex) match(path []byte) bool {
	for i := range f.seqs {
		if f.seqs[i].match(path, f.fold) {
			return true
		}
	}
	return false
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// caseUse records which letters an expression has: compared with and without
// regard to case.
type caseUse struct {
	folded, exact bool
}

// enumerate returns every sequence that re describes, or false when these are
// too many or of another form.
func enumerate(re *syntax.Regexp, c *caseUse) ([]seq, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []seq{{}}, true
	case syntax.OpBeginText:
		return []seq{{begin: true}}, true
	case syntax.OpEndText:
		return []seq{{end: true}}, true
	case syntax.OpLiteral:
		return enumerateLiteral(re, c)
	case syntax.OpCharClass:
		return enumerateClass(re, c)
	case syntax.OpStar, syntax.OpPlus:
		return enumerateGap(re)
	case syntax.OpCapture:
		return enumerate(re.Sub[0], c)
	case syntax.OpQuest:
		some, ok := enumerate(re.Sub[0], c)
		return append(some, seq{}), ok
	case syntax.OpConcat:
		return enumerateConcat(re.Sub, c)
	case syntax.OpAlternate:
		return enumerateAlternate(re.Sub, c)
	}
	return nil, false
}

func enumerateLiteral(re *syntax.Regexp, c *caseUse) ([]seq, bool) {
	text := string(re.Rune)
	if !ascii([]byte(text)) {
		return nil, false
	}
	if re.Flags&syntax.FoldCase != 0 {
		c.folded = true
		text = strings.ToLower(text)
	} else if hasLetter(text) {
		c.exact = true
	}
	return []seq{literal(text)}, true
}

// enumerateClass takes small ASCII classes apart.
func enumerateClass(re *syntax.Regexp, c *caseUse) ([]seq, bool) {
	var out []seq
	for i := 0; i+1 < len(re.Rune); i += 2 {
		if re.Rune[i+1] >= 0x80 || re.Rune[i+1]-re.Rune[i] >= fastLimit {
			return nil, false
		}
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			c.exact = c.exact || hasLetter(string(r))
			out = append(out, literal(string(r)))
		}
	}
	return out, len(out) <= fastLimit
}

func enumerateGap(re *syntax.Regexp) ([]seq, bool) {
	if op := re.Sub[0].Op; op != syntax.OpAnyCharNotNL && op != syntax.OpAnyChar {
		return nil, false
	}
	least := 0
	if re.Op == syntax.OpPlus {
		least = 1
	}
	return []seq{{parts: []part{{gap: least}}}}, true
}

func enumerateConcat(subs []*syntax.Regexp, c *caseUse) ([]seq, bool) {
	out := []seq{{}}
	for _, sub := range subs {
		next, ok := enumerate(sub, c)
		if !ok || len(out)*len(next) > fastLimit {
			return nil, false
		}
		if out, ok = cross(out, next); !ok {
			return nil, false
		}
	}
	return out, true
}

func enumerateAlternate(subs []*syntax.Regexp, c *caseUse) ([]seq, bool) {
	var out []seq
	for _, sub := range subs {
		next, ok := enumerate(sub, c)
		if !ok || len(out)+len(next) > fastLimit {
			return nil, false
		}
		out = append(out, next...)
	}
	return out, true
}

func hasLetter(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	})
}
