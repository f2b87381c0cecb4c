package router

import (
	"bytes"
	"slices"
)

// noGap is the gap of a literal that follows directly on what precedes it.
const noGap = -1

// seq is a run of literal texts with gaps between them, perhaps anchored.
type seq struct {
	begin, end bool
	parts      []part
}

// part is a literal text and the least number of bytes between it and the part
// before. Only the first part of a seq may have noGap.
type part struct {
	gap int
	lit string
}

func literal(s string) seq { return seq{parts: []part{{gap: noGap, lit: s}}} }

func (s *seq) hasGap() bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.gap != noGap })
}

// isText reports whether s always consumes something and has no gap.
func (s *seq) isText() bool {
	return len(s.parts) == 1 && s.parts[0].gap == noGap && s.parts[0].lit != ""
}

// cross returns every a followed by every b; false when an anchor stands where
// this form cannot express it.
func cross(as, bs []seq) ([]seq, bool) {
	var out []seq
	for _, a := range as {
		for _, b := range bs {
			switch {
			case a.end && len(b.parts) > 0:
				if !b.isText() {
					return nil, false
				}
				continue // text behind the end of the path: never matches
			case b.begin && len(a.parts) > 0:
				if !a.isText() {
					return nil, false
				}
				continue // text before its beginning
			}
			out = append(out, join(a, b))
		}
	}
	return out, true
}

func join(a, b seq) seq {
	s := seq{begin: a.begin || b.begin, end: a.end || b.end, parts: slices.Clone(a.parts)}
	for _, p := range b.parts {
		if n := len(s.parts); n > 0 && p.gap == noGap {
			s.parts[n-1].lit += p.lit
		} else {
			s.parts = append(s.parts, p)
		}
	}
	return s
}

// match takes each part at its first possible place, which leaves the most
// room for those behind it.
func (s *seq) match(path []byte, fold bool) bool {
	if len(s.parts) == 0 {
		return !s.begin || !s.end || len(path) == 0
	}
	pos := 0
	for i, p := range s.parts {
		from := pos + max(p.gap, 0)
		fixed := s.begin && p.gap == noGap
		at := place(path, p.lit, from, fixed, s.end && i == len(s.parts)-1, fold)
		if at < 0 {
			return false
		}
		pos = at + len(p.lit)
	}
	return true
}

// place returns where lit stands in path at or after from: exactly there when
// fixed, up to the end of path when last.
func place(path []byte, lit string, from int, fixed, last, fold bool) int {
	tail := len(path) - len(lit)
	if tail < from || (fixed && last && tail != from) {
		return -1
	}
	switch {
	case last:
		from = tail
	case !fixed:
		return indexFrom(path, lit, from, fold)
	}
	if !equal(path[from:from+len(lit)], lit, fold) {
		return -1
	}
	return from
}

func indexFrom(path []byte, lit string, from int, fold bool) int {
	if lit == "" {
		return from
	}
	for ; from+len(lit) <= len(path); from++ {
		if !fold {
			// Jump to the next place that can be it.
			i := bytes.IndexByte(path[from:], lit[0])
			if i < 0 || from+i+len(lit) > len(path) {
				return -1
			}
			from += i
		}
		if equal(path[from:from+len(lit)], lit, fold) {
			return from
		}
	}
	return -1
}

// equal compares b with lit, which is lower case when fold is set.
func equal(b []byte, lit string, fold bool) bool {
	if !fold {
		return string(b) == lit
	}
	for i := range b {
		if lowerByte(b[i]) != lit[i] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
