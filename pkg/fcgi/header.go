package fcgi

import (
	"encoding/binary"
	"strconv"
)

// Version is the only protocol version there is (section 8).
const Version = 1

// HeaderLen is the length of a record header in bytes (section 3.3).
const HeaderLen = 8

// MaxContent is the most bytes one record written by this package carries.
// The wire allows 65535; 65528 is the largest multiple of 8 below it, so full
// records need no padding and with their header fill 64 KiB exactly. A longer
// PARAMS record would get padding, and php-fpm refuses those whose content and
// padding together exceed 65535.
const MaxContent = 65528

// Type is a record type (section 8).
type Type uint8

// The eleven record types.
const (
	TypeBeginRequest    Type = 1
	TypeAbortRequest    Type = 2
	TypeEndRequest      Type = 3
	TypeParams          Type = 4
	TypeStdin           Type = 5
	TypeStdout          Type = 6
	TypeStderr          Type = 7
	TypeData            Type = 8
	TypeGetValues       Type = 9
	TypeGetValuesResult Type = 10
	TypeUnknownType     Type = 11
)

// String returns the name the specification uses, without its FCGI_ prefix.
func (t Type) String() string {
	names := [...]string{
		"BEGIN_REQUEST", "ABORT_REQUEST", "END_REQUEST", "PARAMS", "STDIN", "STDOUT",
		"STDERR", "DATA", "GET_VALUES", "GET_VALUES_RESULT", "UNKNOWN_TYPE",
	}
	if t == 0 || int(t) > len(names) {
		return "type " + strconv.Itoa(int(t))
	}
	return names[t-1]
}

// stream says whether records of this type carry pieces of a byte stream. An
// unknown type counts as one: its content has no known bound.
func (t Type) stream() bool {
	switch t {
	case TypeParams, TypeStdin, TypeStdout, TypeStderr, TypeData:
		return true
	}
	return t > TypeUnknownType
}

// Header is a record header without its version byte (section 3.3).
type Header struct {
	Type Type
	ID   uint16 // request id; 0 for management records
	Len  uint16 // content bytes that follow
	Pad  uint8  // padding bytes behind the content
}

// AppendHeader appends the eight bytes of h to dst.
func AppendHeader(dst []byte, h Header) []byte {
	return append(dst, Version, byte(h.Type), byte(h.ID>>8), byte(h.ID), byte(h.Len>>8), byte(h.Len), h.Pad, 0)
}

// ParseHeader reads the header at the start of b. It returns ErrShort when b
// is shorter than HeaderLen and a *ProtocolError when the version is not 1.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return Header{}, ErrShort
	}
	h := Header{
		Type: Type(b[1]),
		ID:   binary.BigEndian.Uint16(b[2:]),
		Len:  binary.BigEndian.Uint16(b[4:]),
		Pad:  b[6],
	}
	if b[0] != Version {
		return h, &ProtocolError{What: "version " + strconv.Itoa(int(b[0])), ID: h.ID, Type: h.Type}
	}
	return h, nil
}
