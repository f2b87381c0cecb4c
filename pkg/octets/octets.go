// Package octets knows which bytes make the tokens, field values, lists and
// numbers of HTTP (RFC 9110 section 5.6), for whoever reads or writes a head.
package octets

import (
	"encoding/binary"
	"math/bits"
)

// Odd marks a token byte that the names of ordinary fields do not have: as CGI
// variables such names would be taken for other fields.
const Odd = 0x100

// lower maps a byte of a token to its lower case, with Odd set unless it is a
// letter, a digit or '-'; other bytes to zero. It is constant.
var lower = makeLower()

func makeLower() (t [256]uint16) {
	for _, c := range []byte("!#$%&'*+.^_`|~") {
		t[c] = Odd | uint16(c)
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = uint16(c)
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] = uint16(c)
		t[c-'a'+'A'] = uint16(c)
	}
	t['-'] = '-'
	return t
}

// Lower returns the lower case of a byte of a token, with Odd set unless it is
// a letter, a digit or '-'; 0 for a byte that no token has.
func Lower(c byte) uint16 { return lower[c] }

// IsToken reports whether b is a token (RFC 9110 section 5.6.2).
func IsToken(b []byte) bool {
	for _, c := range b {
		if lower[c] == 0 {
			return false
		}
	}
	return len(b) > 0
}

// LowerName looks at a field name that must be a token in lower case, as HTTP/2
// and HTTP/3 have them (RFC 9113 section 8.2.1). strange says that it has bytes
// that are Odd.
func LowerName(name string) (strange, ok bool) {
	var seen uint16
	for i := 0; i < len(name); i++ {
		c := lower[name[i]]
		if byte(c) != name[i] || c == 0 {
			return false, false
		}
		seen |= c
	}
	return seen&Odd != 0, len(name) > 0
}

// IsValue reports whether b may be a field's value: no control byte but tab
// (RFC 9110 section 5.5).
func IsValue(b []byte) bool {
	for i := 0; ; i++ {
		if i = ControlIndex(b, i); i == len(b) {
			return true
		}
		if b[i] != '\t' {
			return false
		}
	}
}

// IsTrimmed reports whether b is a value without a space or tab around it, as
// HTTP/2 and HTTP/3 have them (RFC 9113 section 8.2.1).
func IsTrimmed(b []byte) bool { return IsValue(b) && len(Trim(b)) == len(b) }

// ControlIndex returns the index of the first control byte at or behind i,
// tab included, or len(b). It looks at eight bytes at a time, since values are
// most of a head.
func ControlIndex(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		del := w ^ ones*0x7f
		// The lowest bit set is exact; borrows falsify only bits above it.
		if hit := ((w-ones*0x20)&^w | (del-ones)&^del) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] < ' ' || b[i] == 0x7f {
			break
		}
	}
	return i
}

// IsSpace reports whether c is a space or a tab.
func IsSpace(c byte) bool { return c == ' ' || c == '\t' }

// Trim removes spaces and tabs around b.
func Trim(b []byte) []byte {
	for len(b) > 0 && IsSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && IsSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// NextToken takes the next token off a comma-separated list, which may have
// empty elements (RFC 9110 section 5.6.1.2). tok is nil at the end of the list;
// ok is false for anything but tokens.
func NextToken(list []byte) (tok, rest []byte, ok bool) {
	for len(list) > 0 && (list[0] == ',' || IsSpace(list[0])) {
		list = list[1:]
	}
	n := 0
	for n < len(list) && lower[list[n]] != 0 {
		n++
	}
	if n == 0 {
		return nil, nil, len(list) == 0
	}
	tok, rest = list[:n], list[n:]
	for len(rest) > 0 && IsSpace(rest[0]) {
		rest = rest[1:]
	}
	return tok, rest, len(rest) == 0 || rest[0] == ','
}

// Number reads 1 to 18 decimal digits, a size that no sum with another
// overflows (RFC 9110 section 8.6).
func Number(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
