package http2

import (
	"fmt"
	"strconv"

	"golang.org/x/net/http2/hpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// Responses are encoded without the dynamic table, as nginx does: no state to
// search or to keep per connection, and nothing of one response can be guessed
// from the size of the next (RFC 7541 section 7.1).

// First bits of a literal field (RFC 7541 section 6.2).
const (
	literalPlain = 0x00 // without indexing
	literalNever = 0x10 // never indexed, for secrets
)

// noTable is a dynamic table size update to zero (RFC 7541 section 6.3), for a
// client that lowered the limit of a table we do not use.
const noTable = 0x20

// appendStatus appends :status.
func appendStatus(b []byte, status int) []byte {
	if i := statusIndex(status); i != 0 {
		return append(b, 0x80|i)
	}
	b = append(b, literalPlain|8, 3)
	return strconv.AppendInt(b, int64(status), 10)
}

// statusIndex returns where the static table has the status (RFC 7541 appendix
// A), or 0.
func statusIndex(status int) byte {
	switch status {
	case 200:
		return 8
	case 204:
		return 9
	case 206:
		return 10
	case 304:
		return 11
	case 400:
		return 12
	case 404:
		return 13
	case 500:
		return 14
	}
	return 0
}

// seenFields says which of the fields we would add a response has.
type seenFields struct{ date, server bool }

// appendFields appends the fields of h that may travel on HTTP/2 (RFC 9113
// section 8.2.2), names in lower case. A name that is no token or a value with
// a control byte is an error that wraps http1.ErrField.
func appendFields(b []byte, h *exchange.Header) (_ []byte, seen seenFields, err error) {
	for _, f := range h.All() {
		if !octets.IsToken(f.Name) {
			return b, seen, fmt.Errorf("%w: name %.40q", http1.ErrField, f.Name)
		}
		if !octets.IsValue(f.Value) {
			return b, seen, fmt.Errorf("%w: control byte in the value of %.40q", http1.ErrField, f.Name)
		}
		var room [64]byte
		name := lowered(room[:0], f.Name)
		index, kind := fieldIndex(name)
		switch kind {
		case fieldFraming:
			continue
		case fieldDate:
			seen.date = true
		case fieldServer:
			seen.server = true
		}
		b = appendLiteral(b, kind, index, name, f.Value)
	}
	return b, seen, nil
}

func lowered(dst, name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func appendLiteral(b []byte, kind fieldKind, index uint8, name, value []byte) []byte {
	first := byte(literalPlain)
	if kind == fieldSecret {
		first = literalNever
	}
	b = appendInt(b, first, 4, int(index))
	if index == 0 {
		b = append(appendInt(b, 0, 7, len(name)), name...)
	}
	// A space around a value is not allowed (RFC 9113 section 8.2.1) and means
	// nothing (RFC 9110 section 5.5).
	value = octets.Trim(value)
	return append(appendInt(b, 0, 7, len(value)), value...)
}

// appendInt appends n as an integer with a prefix of some bits, whose byte has
// the other bits of first (RFC 7541 section 5.1).
func appendInt(b []byte, first byte, bits uint, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

const (
	indexLength = 28 // content-length in the static table
	indexDate   = 33
	indexServer = 54
)

func appendLength(b []byte, n int64) []byte {
	var room [20]byte
	digits := strconv.AppendInt(room[:0], n, 10)
	b = appendInt(b, literalPlain, 4, indexLength)
	return append(append(b, byte(len(digits))), digits...)
}

// shared encodes a field that many responses have, once for all of them and
// therefore in Huffman code.
func shared(index int, value string) []byte {
	if value == "" {
		return nil
	}
	b := appendInt(nil, literalPlain, 4, index)
	b = appendInt(b, 0x80, 7, int(hpack.HuffmanEncodeLength(value)))
	return hpack.AppendHuffmanString(b, value)
}
