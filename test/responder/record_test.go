// Package responder_test holds the gateway against a FastCGI responder that
// does everything a responder must not do. Each row of its tables says what the
// client, the logs and the pool must show then.
//
// The responder does not use pkg/fcgi, so that an error of the codec cannot
// hide itself.
package responder_test

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Record types (FastCGI specification, section 8).
const (
	beginRequest    = 1
	abortRequest    = 2
	endRequest      = 3
	params          = 4
	stdin           = 5
	stdout          = 6
	stderr          = 7
	getValues       = 9
	getValuesResult = 10
	unknownType     = 11
)

// Protocol statuses of END_REQUEST (section 5.5).
const (
	complete    = 0
	cantMpxConn = 1
	overloaded  = 2
	unknownRole = 3
)

const (
	headerLen  = 8
	maxContent = 65535
	mpxsConns  = "FCGI_MPXS_CONNS"
)

// part makes the bytes of one piece of a reply to the request with that id.
type part func(id uint16) []byte

// record is one record as it stands on the wire, whatever sense it makes.
func record(kind byte, id uint16, content []byte, padding byte) []byte {
	b := []byte{1, kind, byte(id >> 8), byte(id), byte(len(content) >> 8), byte(len(content)), padding, 0}
	b = append(b, content...)
	return append(b, make([]byte, padding)...)
}

// rec is a record of the request.
func rec(kind byte, content string) part {
	return func(id uint16) []byte { return record(kind, id, []byte(content), 0) }
}

// padded is rec with padding.
func padded(kind byte, content string, padding byte) part {
	return func(id uint16) []byte { return record(kind, id, []byte(content), padding) }
}

// claims is the head of a record of n bytes with fewer behind it.
func claims(kind byte, n int, content string) part {
	return func(id uint16) []byte {
		b := record(kind, id, []byte(content), 0)
		b[4], b[5] = byte(n>>8), byte(n)
		return b
	}
}

// foreign is a record of the request whose id is by more than the request's.
func foreign(kind byte, by uint16, content string) part {
	return func(id uint16) []byte { return record(kind, id+by, []byte(content), 0) }
}

// manage is a record with id 0.
func manage(kind byte, content string) part {
	return func(uint16) []byte { return record(kind, 0, []byte(content), 0) }
}

// raw is bytes that need not be records.
func raw(s string) part {
	return func(uint16) []byte { return []byte(s) }
}

// out and errOut are records of the reply's two streams.
func out(content string) part    { return rec(stdout, content) }
func errOut(content string) part { return rec(stderr, content) }

// end is END_REQUEST with exit status 0.
func end() part { return ends(0, complete) }

// ends is END_REQUEST.
func ends(app uint32, protocol byte) part {
	return func(id uint16) []byte {
		b := binary.BigEndian.AppendUint32(nil, app)
		return record(endRequest, id, append(b, protocol, 0, 0, 0), 0)
	}
}

// many splits content in records of at most n bytes.
func many(kind byte, content string, n int) part {
	return func(id uint16) (b []byte) {
		for rest := []byte(content); len(rest) > 0; {
			k := min(n, len(rest))
			b = append(b, record(kind, id, rest[:k], 0)...)
			rest = rest[k:]
		}
		return b
	}
}

// join puts parts together.
func join(parts ...part) part {
	return func(id uint16) []byte {
		var b bytes.Buffer
		for _, p := range parts {
			b.Write(p(id))
		}
		return b.Bytes()
	}
}

// first is the first n bytes of p.
func first(n int, p part) part {
	return func(id uint16) []byte { return p(id)[:n] }
}

// header is the head of a record.
type header struct {
	version, kind byte
	id            uint16
	length        int
	padding       int
}

func parseHeader(b []byte) header {
	return header{
		version: b[0], kind: b[1], id: binary.BigEndian.Uint16(b[2:]),
		length: int(binary.BigEndian.Uint16(b[4:])), padding: int(b[6]),
	}
}

var errPair = errors.New("malformed name-value pair")

// parsePairs decodes name-value pairs (section 3.4).
func parsePairs(b []byte) (map[string]string, error) {
	pairs := make(map[string]string)
	for len(b) > 0 {
		var lengths [2]int
		for i := range lengths {
			n, used := pairLength(b)
			if used == 0 {
				return nil, errPair
			}
			lengths[i], b = n, b[used:]
		}
		if lengths[0]+lengths[1] > len(b) {
			return nil, errPair
		}
		pairs[string(b[:lengths[0]])] = string(b[lengths[0] : lengths[0]+lengths[1]])
		b = b[lengths[0]+lengths[1]:]
	}
	return pairs, nil
}

// pairLength reads one length and how many bytes it takes; none when it is cut.
func pairLength(b []byte) (n, used int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] < 0x80:
		return int(b[0]), 1
	case len(b) < 4:
		return 0, 0
	}
	return int(binary.BigEndian.Uint32(b) & 0x7fffffff), 4
}

// appendPair encodes a pair of short strings.
func appendPair(b []byte, name, value string) []byte {
	b = append(b, byte(len(name)), byte(len(value)))
	return append(append(b, name...), value...)
}
