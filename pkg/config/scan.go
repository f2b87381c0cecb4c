package config

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting whose positions are kept. No table of ours goes
// nearly as deep, and deeper paths would cost memory without end.
const maxDepth = 32

// scanner finds the position of every key and array element in a TOML text
// that the real parser has already accepted. It understands just enough of
// TOML 1.1 to tell keys from values; on anything else it moves on.
type scanner struct {
	src    string
	i      int
	lines  []int          // offsets of the starts of lines
	counts map[string]int // elements so far of each array of tables
	pos    map[string]mark
}

// scan returns the position of every path of src.
func scan(src string) map[string]mark {
	s := &scanner{src: src, counts: map[string]int{}, pos: map[string]mark{}, lines: []int{0}}
	for i := range len(src) {
		if src[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	s.i = len(src) - len(strings.TrimPrefix(src, "\ufeff"))
	s.document()
	return s.pos
}

// document reads headers and pairs up to the end.
func (s *scanner) document() {
	base := ""
	for s.blank(); s.i < len(s.src); s.blank() {
		start := s.i
		if s.src[s.i] == '[' {
			base = s.header()
		} else {
			s.pair(base, 0)
		}
		if s.i == start {
			s.i++
		}
	}
}

// header reads "[a.b]" or "[[a.b]]" and returns the path that the pairs below
// it belong to.
func (s *scanner) header() string {
	start := s.i
	s.i++
	array := s.peek('[')
	if array {
		s.i++
	}
	path := ""
	keys := s.keys()
	for i, k := range keys[:min(len(keys), maxDepth)] {
		path = join(path, k.name)
		s.mark(path, start, i)
		if n := s.counts[path]; n > 0 && (!array || i < len(keys)-1) {
			path = element(path, n-1)
		}
	}
	if array {
		s.counts[path]++
		path = element(path, s.counts[path]-1)
	}
	s.mark(path, start, len(keys))
	for s.peek(']') {
		s.i++
	}
	return path
}

// pair reads "key = value" beneath base.
func (s *scanner) pair(base string, depth int) {
	path := base
	keys := s.keys()
	for i, k := range keys[:min(len(keys), max(maxDepth-depth, 0))] {
		path = join(path, k.name)
		s.mark(path, k.at, depth+i)
	}
	depth += len(keys)
	s.spaces()
	if s.peek('=') {
		s.i++
		s.spaces()
		s.value(path, depth)
	}
}

// value skips a value and marks what is inside it.
func (s *scanner) value(path string, depth int) {
	switch {
	case s.i >= len(s.src):
	case s.src[s.i] == '[':
		s.array(path, depth)
	case s.src[s.i] == '{':
		s.inline(path, depth)
	case s.src[s.i] == '"' || s.src[s.i] == '\'':
		s.quoted()
	default:
		s.i += len(s.src[s.i:]) - len(strings.TrimLeftFunc(s.src[s.i:], isValueRune))
	}
}

// isValueRune reports whether r may stand in a number, boolean or date.
func isValueRune(r rune) bool {
	return !strings.ContainsRune(",]}#\r\n", r)
}

// array skips an array and marks its elements.
func (s *scanner) array(path string, depth int) {
	s.i++
	for n := 0; s.more(']'); n++ {
		sub := path
		if depth < maxDepth {
			sub = element(path, n)
		}
		s.mark(sub, s.i, depth)
		s.value(sub, depth+1)
		s.comma(']')
	}
}

// inline skips an inline table and marks its keys.
func (s *scanner) inline(path string, depth int) {
	s.i++
	for s.more('}') {
		s.pair(path, depth)
		s.comma('}')
	}
}

// more skips blanks and reports whether another element comes before end; it
// consumes end.
func (s *scanner) more(end byte) bool {
	s.blank()
	if s.peek(end) {
		s.i++
		return false
	}
	return s.i < len(s.src)
}

// comma moves behind the comma after an element, and stays in front of end. At
// anything else it skips a byte, so that every loop comes to an end.
func (s *scanner) comma(end byte) {
	s.blank()
	if !s.peek(end) {
		s.i++
	}
}

// peek reports whether the next byte is c.
func (s *scanner) peek(c byte) bool {
	return s.i < len(s.src) && s.src[s.i] == c
}

// spaces skips blanks within a line.
func (s *scanner) spaces() {
	for s.peek(' ') || s.peek('\t') {
		s.i++
	}
}

// blank skips white space, line ends and comments.
func (s *scanner) blank() {
	for s.i < len(s.src) {
		switch s.src[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		case '#':
			s.i += len(s.src[s.i:]) - len(strings.TrimLeftFunc(s.src[s.i:], func(r rune) bool { return r != '\n' }))
		default:
			return
		}
	}
}

// mark keeps the position of path, unless it has one already.
func (s *scanner) mark(path string, offset, depth int) {
	if _, ok := s.pos[path]; ok || depth > maxDepth {
		return
	}
	line := sort.SearchInts(s.lines, offset+1)
	text := s.src[s.lines[line-1]:offset]
	if line == 1 {
		text = strings.TrimPrefix(text, "\ufeff")
	}
	s.pos[path] = mark{line: line, column: utf8.RuneCountInString(text) + 1}
}
