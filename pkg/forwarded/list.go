package forwarded

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// list reads the elements of a list field from its end to its beginning, over
// all lines of that name. Only the end is known to be a proxy's: read from the
// left, a quote that the client left open would swallow what was added to it.
type list struct {
	fields []exchange.Field // those before the line that is read
	name   string
	rest   []byte // of the line
	quotes bool   // commas within quotes are text
}

func newList(h *exchange.Header, name string, quotes bool) list {
	return list{fields: h.All(), name: name, quotes: quotes}
}

// prev returns the element before the last one returned. Empty ones are left
// out (RFC 9110 section 5.6.1.2). The second result is false at the beginning.
func (l *list) prev() ([]byte, bool) {
	for {
		for len(l.rest) > 0 {
			if e := l.cut(); len(e) > 0 {
				return e, true
			}
		}
		if !l.line() {
			return nil, false
		}
	}
}

// line goes to the line before.
func (l *list) line() bool {
	for n := len(l.fields) - 1; n >= 0; n-- {
		if f := &l.fields[n]; exchange.EqualFold(f.Name, l.name) {
			l.fields, l.rest = l.fields[:n], f.Value
			return true
		}
	}
	l.fields = nil
	return false
}

// cut takes the last element off the line.
func (l *list) cut() []byte {
	comma := bytes.LastIndexByte(l.rest, ',')
	if l.quotes {
		comma = lastComma(l.rest)
	}
	e := l.rest[comma+1:]
	l.rest = l.rest[:max(comma, 0)]
	return bytes.Trim(e, " \t")
}

// lastComma returns the place of the last comma that is not within quotes, or
// -1.
func lastComma(b []byte) int {
	quoted := false
	for i := len(b) - 1; i >= 0; i-- {
		switch {
		case b[i] == '"' && !(quoted && escaped(b, i)):
			quoted = !quoted
		case b[i] == ',' && !quoted:
			return i
		}
	}
	return -1
}

// escaped reports whether an odd number of backslashes stands before b[i].
func escaped(b []byte, i int) bool {
	n := 0
	for i-n > 0 && b[i-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}
