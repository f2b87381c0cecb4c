package config

import (
	"strconv"
	"strings"
)

// join appends a key to a path; a key that TOML would quote is quoted.
func join(path, key string) string {
	if !isBare(key) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// element appends an array index to a path.
func element(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}

// isBare reports whether TOML allows key without quotes.
func isBare(key string) bool {
	for i := range len(key) {
		if !isBareByte(key[i]) {
			return false
		}
	}
	return key != ""
}

// isBareByte reports whether c may stand in a bare key.
func isBareByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// parent cuts the last key or index off a path. It returns "" at the top.
func parent(path string) string {
	if strings.HasSuffix(path, `"`) {
		return parentQuoted(path)
	}
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// parentQuoted cuts a last key in quotes, within which dots and quotes may
// stand.
func parentQuoted(path string) string {
	for i := len(path) - 2; i >= 0; i-- {
		if path[i] != '"' {
			continue
		}
		if q, err := strconv.QuotedPrefix(path[i:]); err == nil && len(q) == len(path)-i {
			return strings.TrimSuffix(path[:i], ".")
		}
	}
	return ""
}

// marks holds the positions of the keys of a file.
type marks struct {
	file string
	pos  map[string]mark
}

// mark is a position; line and column start at 1.
type mark struct{ line, column int }

// at returns the position of path or of the nearest element around it.
func (m *marks) at(path string) Pos {
	p := Pos{Path: path}
	if m == nil {
		return p
	}
	p.File = m.file
	for at := path; m.file != "" || len(m.pos) > 0; at = parent(at) {
		if k, ok := m.pos[at]; ok {
			p.Line, p.Column = k.line, k.column
			return p
		}
		if at == "" {
			p.Line, p.Column = 1, 1
			return p
		}
	}
	return p
}
