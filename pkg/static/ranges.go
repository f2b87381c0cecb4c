package static

import (
	"bytes"
	"math"
)

const (
	// maxRanges is how many ranges a request may ask for; more is an attempt
	// to make much work of little (RFC 9110 section 14.2) and gets the file.
	maxRanges = 16
	// maxOverlaps is how many of them may overlap an earlier one.
	maxOverlaps = 2
)

// span is a part of a file: n bytes from offset from, n above 0.
type span struct{ from, n int64 }

type rangeSet struct {
	at [maxRanges]span
	n  int
}

// rangeVerdict says what to send.
type rangeVerdict uint8

const (
	rangesNone rangeVerdict = iota // the whole file
	rangesOne
	rangesMany
	rangesUnsatisfiable
)

// ranges looks at the request's Range field, which counts for GET only (RFC
// 9110 section 14.2), and fills set.
func (j *job) ranges(set *rangeSet) rangeVerdict {
	h := &j.x.Request.Header
	v := h.Get("range")
	if v == nil || string(j.x.Request.Method) != "GET" || h.Count("range") > 1 || !j.ifRange() {
		return rangesNone
	}
	return parseRanges(v, j.info.Size, set)
}

// parseRanges reads a Range field for a file of the given size. A field that is
// malformed, of another unit, or abusive asks for nothing, and so does any for
// an empty file, which is sent sooner than explained.
func parseRanges(v []byte, size int64, set *rangeSet) rangeVerdict {
	const unit = "bytes="
	if len(v) < len(unit) || !bytes.EqualFold(v[:len(unit)], []byte(unit)) || size == 0 {
		return rangesNone
	}
	asked := 0
	for spec := range bytes.SplitSeq(v[len(unit):], []byte(",")) {
		spec = bytes.Trim(spec, " \t")
		if len(spec) == 0 {
			continue // lists may have empty elements (RFC 9110 section 5.6.1)
		}
		s, ok := parseSpec(spec, size)
		if asked++; !ok || asked > maxRanges {
			return rangesNone
		}
		if s.n > 0 {
			set.at[set.n] = s
			set.n++
		}
	}
	return set.verdict(asked, size)
}

func (set *rangeSet) verdict(asked int, size int64) rangeVerdict {
	switch {
	case asked == 0:
		return rangesNone
	case set.n == 0:
		return rangesUnsatisfiable
	case set.n == 1:
		return rangesOne
	case set.abusive(size):
		return rangesNone
	}
	return rangesMany
}

// abusive reports whether the ranges cost more than the file itself.
func (set *rangeSet) abusive(size int64) bool {
	overlaps, left := 0, size
	for i, a := range set.at[:set.n] {
		if left -= a.n; left < 0 {
			return true
		}
		for _, b := range set.at[:i] {
			if a.from < b.from+b.n && b.from < a.from+a.n {
				overlaps++
				break
			}
		}
	}
	return overlaps > maxOverlaps
}

// parseSpec reads "a-b", "a-" or "-n" (RFC 9110 section 14.1.2). A span of no
// bytes means that the range lies outside of the file.
func parseSpec(spec []byte, size int64) (span, bool) {
	first, last, ok := bytes.Cut(spec, []byte("-"))
	if !ok {
		return span{}, false
	}
	if len(first) == 0 {
		n, ok := parseInt(last)
		n = min(n, size)
		return span{from: size - n, n: n}, ok
	}
	from, ok := parseInt(first)
	to := int64(math.MaxInt64)
	if ok && len(last) > 0 {
		to, ok = parseInt(last)
	}
	switch {
	case !ok || to < from:
		return span{}, false
	case from >= size:
		return span{}, true
	}
	return span{from: from, n: min(to, size-1) - from + 1}, true
}

// parseInt reads digits; a number too large for a file is the largest.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		switch {
		case c < '0' || c > '9':
			return 0, false
		case n > (math.MaxInt64-9)/10:
			n = math.MaxInt64 / 10 // and stays too large
		default:
			n = n*10 + int64(c-'0')
		}
	}
	return n, true
}
