package fcgi

import (
	"encoding/binary"
	"slices"
)

// maxPairPart is the longest name or value a pair can carry (section 3.4: the
// top bit of the four-byte length is the mark of that form).
const maxPairPart = 1<<31 - 1

// AppendPair appends one name-value pair (section 3.4) and returns the longer
// slice. It panics when a part is 2 GiB or more, since that has no encoding.
func AppendPair[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = appendPairLen(dst, len(name))
	dst = appendPairLen(dst, len(value))
	dst = append(dst, name...)
	return append(dst, value...)
}

// OpenPair appends a pair whose name and value have these lengths and returns,
// besides the longer slice, the places in it that they are to be written to. It
// panics as AppendPair does.
func OpenPair(dst []byte, name, value int) (out, nameAt, valueAt []byte) {
	if n := len(dst); name <= 127 && value <= 127 && cap(dst)-n >= 2+name+value { // the common case
		dst = dst[:n+2+name+value]
		dst[n], dst[n+1] = byte(name), byte(value)
		return dst, dst[n+2 : n+2+name : n+2+name], dst[n+2+name:]
	}
	dst = appendPairLen(dst, name)
	dst = appendPairLen(dst, value)
	n := len(dst)
	out = slices.Grow(dst, name+value)[:n+name+value]
	return out, out[n : n+name : n+name], out[n+name:]
}

// PairLen returns how many bytes AppendPair adds for parts of these lengths.
func PairLen(name, value int) int {
	n := 2 + name + value
	if name > 127 {
		n += 3
	}
	if value > 127 {
		n += 3
	}
	return n
}

func appendPairLen(dst []byte, n int) []byte {
	if n <= 127 {
		return append(dst, byte(n))
	}
	if n > maxPairPart {
		panic("fcgi: name or value of 2 GiB or more")
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)|1<<31)
}

// NextPair takes the first pair off b. Name and value are slices of b, and
// rest is what follows. It returns ErrPair when b holds no whole pair: lengths
// are compared with what is there before anything is done with them.
func NextPair(b []byte) (name, value, rest []byte, err error) {
	nl, b, ok := pairLen(b)
	if !ok {
		return nil, nil, nil, ErrPair
	}
	vl, b, ok := pairLen(b)
	// Both lengths are below 2^31, so their sum fits an int64.
	if !ok || int64(nl)+int64(vl) > int64(len(b)) {
		return nil, nil, nil, ErrPair
	}
	return b[:nl:nl], b[nl : nl+vl : nl+vl], b[nl+vl:], nil
}

func pairLen(b []byte) (n uint32, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	if b[0] < 128 {
		return uint32(b[0]), b[1:], true
	}
	if len(b) < 4 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(b) &^ (1 << 31), b[4:], true
}
