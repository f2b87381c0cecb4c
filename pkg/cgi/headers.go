package cgi

import (
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// appendHeaders appends the client's headers as HTTP_*, one pair for each name,
// and the two about the body that have names of their own.
func (p *Params) appendHeaders(dst []byte, x *exchange.Exchange, bodyLen int64) []byte {
	fields := x.Request.Header.All()
	alike := lookAlikes(fields)
	var ctype []byte
	announced := false // a body, if only an empty one
	for i := range fields {
		f := &fields[i]
		if reserved(f.Name) {
			switch {
			case ctype == nil && string(f.Name) == "content-type":
				ctype = f.Value
			case string(f.Name) == "content-length":
				announced = true
			}
			continue
		}
		if !alike {
			dst = p.header(dst, f.Name, f.Value)
		} else if !seenBefore(fields, i) {
			dst = p.header(dst, f.Name, value(fields, i, x))
		}
	}
	if p.ctype {
		dst = p.pair(dst, contentType, ctype)
	}
	if p.clength {
		dst = p.pair(dst, contentLength, length(x, bodyLen, announced))
	}
	return dst
}

var (
	contentType   = []byte("CONTENT_TYPE")
	contentLength = []byte("CONTENT_LENGTH")
)

// length tells an announced empty body ("0") from none, as nginx does.
func length(x *exchange.Exchange, n int64, announced bool) []byte {
	if n < 0 || (n == 0 && !announced) {
		return nil
	}
	return strconv.AppendInt(x.Alloc(20)[:0], n, 10)
}

// header appends the pair of one header, unless a custom param replaces it.
func (p *Params) header(dst, name, v []byte) []byte {
	const prefix = "HTTP_"
	out, nameAt, valueAt := p.encode(dst, len(prefix)+len(name), len(v))
	folded := nameAt[copy(nameAt, prefix):]
	folded = folded[:len(name)]
	for i, c := range name {
		folded[i] = upper[c]
	}
	if len(p.headers) > 0 {
		if _, replaced := p.headers[string(nameAt)]; replaced {
			return dst
		}
	}
	copy(valueAt, v)
	return out
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
	case len("traceparent"):
		return folds(name, "TRACEPARENT")
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

// fold returns the byte that c is in the name of a variable. Everything that is
// no letter or digit becomes '_', as PHP would have it for '.' and ' '.
func fold(c byte) byte { return upper[c] }

// upper is constant: fold's results.
var upper = func() (t [256]byte) {
	for i := range t {
		t[i] = '_'
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c], t[c+'a'-'A'] = c, c
	}
	return t
}()

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
