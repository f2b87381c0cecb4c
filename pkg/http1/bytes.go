package http1

import (
	"encoding/binary"
	"math/bits"
)

// odd marks a token byte that the names of ordinary fields do not have.
const odd = 0x100

// nameByte maps a byte of a token (RFC 9110 section 5.6.2) to its lower case,
// with odd set unless it is a letter, a digit or '-'; other bytes to zero. It
// is constant.
var nameByte = makeNameByte()

func makeNameByte() (t [256]uint16) {
	for _, c := range []byte("!#$%&'*+.^_`|~") {
		t[c] = odd | uint16(c)
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

func isToken(b []byte) bool {
	for _, c := range b {
		if nameByte[c] == 0 {
			return false
		}
	}
	return len(b) > 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// controlIndex returns the index of the first control byte at or behind i,
// tab included, or len(b). It looks at eight bytes at a time, since values are
// most of a head.
func controlIndex(b []byte, i int) int {
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

// trim removes spaces and tabs around b.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// nextToken takes the next token off a comma-separated list, which may have
// empty elements (RFC 9110 section 5.6.1.2), and lower-cases it in place. tok
// is nil at the end of the list; ok is false for anything but tokens.
func nextToken(list []byte) (tok, rest []byte, ok bool) {
	for len(list) > 0 && (list[0] == ',' || isSpace(list[0])) {
		list = list[1:]
	}
	n := 0
	for n < len(list) && nameByte[list[n]] != 0 {
		list[n] = byte(nameByte[list[n]])
		n++
	}
	if n == 0 {
		return nil, nil, len(list) == 0
	}
	tok, rest = list[:n], list[n:]
	for len(rest) > 0 && isSpace(rest[0]) {
		rest = rest[1:]
	}
	return tok, rest, len(rest) == 0 || rest[0] == ','
}
