package stub

import "encoding/binary"

// Record types and the few other numbers of FastCGI 1.0 that are needed
// (section 8 of the specification).
const (
	version = 1

	typeBegin           = 1
	typeAbort           = 2
	typeEnd             = 3
	typeParams          = 4
	typeStdin           = 5
	typeStdout          = 6
	typeGetValues       = 9
	typeGetValuesResult = 10
	typeUnknown         = 11

	roleResponder = 1
	flagKeepConn  = 1

	headerLen = 8
	// maxContent is the largest content that is a multiple of eight, so that
	// no record of a long reply needs padding.
	maxContent = 65528
)

// header is a record header (section 3.3).
type header struct {
	kind    byte
	id      uint16
	content int
	padding int
}

// parseHeader reads the header at the start of b, which holds at least
// headerLen bytes. ok is false for any version but 1.
func parseHeader(b []byte) (h header, ok bool) {
	h = header{
		kind:    b[1],
		id:      binary.BigEndian.Uint16(b[2:]),
		content: int(binary.BigEndian.Uint16(b[4:])),
		padding: int(b[6]),
	}
	return h, b[0] == version
}

// appendRecord appends one record to b, padded to a multiple of eight bytes.
func appendRecord(b []byte, kind byte, id uint16, content []byte) []byte {
	padding := -len(content) & 7
	b = append(b, version, kind)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	b = append(b, byte(padding), 0)
	b = append(b, content...)
	return append(b, make([]byte, padding)...)
}

// nextPair takes one name-value pair (section 3.4) off b. ok is false when b
// does not hold the whole pair.
func nextPair(b []byte) (name, value, rest []byte, ok bool) {
	n, b, ok := nextLen(b)
	if !ok {
		return nil, nil, nil, false
	}
	v, b, ok := nextLen(b)
	if !ok || n+v > len(b) {
		return nil, nil, nil, false
	}
	return b[:n], b[n : n+v], b[n+v:], true
}

// nextLen takes one length of one or four bytes off b.
func nextLen(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) == 0:
		return 0, nil, false
	case b[0] < 0x80:
		return int(b[0]), b[1:], true
	case len(b) < 4:
		return 0, nil, false
	}
	return int(binary.BigEndian.Uint32(b) & 0x7fffffff), b[4:], true
}
