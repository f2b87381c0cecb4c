package cgi

import (
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// appendHeaders appends the client's headers as HTTP_*, one pair for each name.
func (p *Params) appendHeaders(dst []byte, enc Encoder, h *exchange.Header, x *exchange.Exchange) []byte {
	fields := h.All()
	alike := lookAlikes(fields)
	for i := range fields {
		if reserved(fields[i].Name) || alike && seenBefore(fields, i) {
			continue
		}
		name := httpName(x.Alloc(len("HTTP_")+len(fields[i].Name)), fields[i].Name)
		if len(p.headers) > 0 {
			if _, replaced := p.headers[string(name)]; replaced {
				continue
			}
		}
		v := fields[i].Value
		if alike {
			v = value(fields, i, x)
		}
		dst = enc(dst, name, v)
	}
	return dst
}

// lookAlikes reports whether two fields may have names that fold to one. False
// is certain; true only asks to compare them one by one.
func lookAlikes(fields []exchange.Field) bool {
	var seen [4]uint64
	for i := range fields {
		name := fields[i].Name
		n := len(name)
		if n == 0 {
			return true
		}
		// Bytes that fold to '_' are rare at the ends and alike in the middle.
		h := uint(n)*37 ^ uint(fold(name[0]))*11 ^ uint(fold(name[n-1]))*5 ^ uint(fold(name[n/2]))*3
		word, bit := h>>6&3, uint64(1)<<(h&63)
		if seen[word]&bit != 0 {
			return true
		}
		seen[word] |= bit
	}
	return false
}

// reserved reports whether the header name has a variable of its own or must
// never become one: Proxy would be taken for the HTTP_PROXY of the environment
// (CVE-2016-5385). Names that only fold to one of these count as well.
func reserved(name []byte) bool {
	switch len(name) {
	case 0:
		return true
	case len("host"):
		return folds(name, "HOST")
	case len("proxy"):
		return folds(name, "PROXY")
	case len("content-type"): // x-request-id has the same length
		return folds(name, "CONTENT_TYPE") || folds(name, "X_REQUEST_ID")
	case len("content-length"):
		return folds(name, "CONTENT_LENGTH")
	}
	return false
}

// seenBefore reports whether a field before fields[i] folds to the same name.
func seenBefore(fields []exchange.Field, i int) bool {
	for j := range i {
		if same(fields[j].Name, fields[i].Name) {
			return true
		}
	}
	return false
}

// value joins what belongs to the name of fields[i], the first of its kind.
// Where different spellings fold to one name the first with dashes only is
// taken, or else the first: what a proxy in front of us checked was never the
// look-alike.
func value(fields []exchange.Field, i int, x *exchange.Exchange) []byte {
	name, n, size := fields[i].Name, 1, len(fields[i].Value)
	for j := i + 1; j < len(fields); j++ {
		if !same(fields[j].Name, name) {
			continue
		}
		switch {
		case string(fields[j].Name) == string(name):
			n++
			size += len(fields[j].Value)
		case !plain(name) && plain(fields[j].Name):
			name, i, n, size = fields[j].Name, j, 1, len(fields[j].Value)
		}
	}
	if n == 1 {
		return fields[i].Value
	}
	return joined(fields[i:], name, x.Alloc(size + 2*n)[:0])
}

func joined(fields []exchange.Field, name, dst []byte) []byte {
	sep := ", "
	if string(name) == "cookie" {
		sep = "; "
	}
	for j := range fields {
		if string(fields[j].Name) != string(name) {
			continue
		}
		if j > 0 {
			dst = append(dst, sep...)
		}
		dst = append(dst, fields[j].Value...)
	}
	return dst
}

// httpName writes "HTTP_" and the folded name into dst, which has that length.
func httpName(dst, name []byte) []byte {
	n := copy(dst, "HTTP_")
	for i, c := range name {
		dst[n+i] = fold(c)
	}
	return dst
}

// fold returns the byte that c is in the name of a variable. Everything that is
// no letter or digit becomes '_', as PHP would have it for '.' and ' '.
func fold(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A'
	case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return c
	}
	return '_'
}

// folds reports whether name, of the same length, folds to want.
func folds(name []byte, want string) bool {
	for i, c := range name {
		if fold(c) != want[i] {
			return false
		}
	}
	return true
}

// same reports whether a and b fold to the same name.
func same(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && fold(a[i]) != fold(b[i]) {
			return false
		}
	}
	return true
}

// plain reports whether name has no other byte than letters, digits and '-'.
func plain(name []byte) bool {
	for _, c := range name {
		if c != '-' && fold(c) == '_' {
			return false
		}
	}
	return true
}
