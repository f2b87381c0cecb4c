package config

import (
	"strconv"
	"strings"
)

// scanKey is one part of a dotted key and the offset where it starts.
type scanKey struct {
	name string
	at   int
}

// keys reads a dotted key; it returns nothing if there is none.
func (s *scanner) keys() []scanKey {
	var out []scanKey
	for {
		s.spaces()
		start := s.i
		name, ok := s.key()
		if !ok {
			return out
		}
		out = append(out, scanKey{name: name, at: start})
		s.spaces()
		if !s.peek('.') {
			return out
		}
		s.i++
	}
}

// key reads one bare or quoted key.
func (s *scanner) key() (string, bool) {
	start := s.i
	if s.peek('\'') || s.peek('"') {
		s.quoted()
		return unquote(s.src[start:s.i]), true
	}
	for s.i < len(s.src) && isBareByte(s.src[s.i]) {
		s.i++
	}
	return s.src[start:s.i], s.i > start
}

// quoted moves behind the string that starts here, in any of TOML's four forms.
func (s *scanner) quoted() {
	q := s.src[s.i : s.i+1]
	if strings.HasPrefix(s.src[s.i:], q+q+q) {
		s.i += 3
		s.skipTo(q + q + q)
		// Up to two quotes may stand right before the closing three.
		for range 2 {
			if s.peek(q[0]) {
				s.i++
			}
		}
		return
	}
	s.i++
	s.skipTo(q)
}

// skipTo moves behind the next end, minding backslashes in basic strings.
func (s *scanner) skipTo(end string) {
	for s.i < len(s.src) {
		if strings.HasPrefix(s.src[s.i:], end) {
			s.i += len(end)
			return
		}
		if s.src[s.i] == '\\' && end[0] == '"' && s.i+1 < len(s.src) {
			s.i++
		}
		s.i++
	}
}

// unquote returns what a quoted key means.
func unquote(q string) string {
	if len(q) < 2 {
		return ""
	}
	body := q[1 : len(q)-1]
	if q[0] == '\'' || !strings.Contains(body, `\`) {
		return body
	}
	var b strings.Builder
	for body != "" {
		if body[0] != '\\' || len(body) < 2 {
			b.WriteByte(body[0])
			body = body[1:]
			continue
		}
		body = unescape(&b, body[1:])
	}
	return b.String()
}

// unescape writes the escape that follows a backslash and returns the rest.
func unescape(b *strings.Builder, s string) string {
	width := 0
	switch s[0] {
	case 'x':
		width = 2
	case 'u':
		width = 4
	case 'U':
		width = 8
	default:
		if i := strings.IndexByte("btnfre", s[0]); i >= 0 {
			b.WriteByte("\b\t\n\f\r\x1b"[i])
		} else {
			b.WriteByte(s[0])
		}
		return s[1:]
	}
	end := min(1+width, len(s))
	if n, err := strconv.ParseUint(s[1:end], 16, 32); err == nil {
		b.WriteRune(rune(n))
	}
	return s[end:]
}
