package forwarded

import (
	"bytes"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// maxID bounds an identifier that is taken from a proxy.
const maxID = 128

// TakeID takes X-Request-ID off the request in h and returns its value if it
// can be the request's name: one field of 1 to 128 letters, digits and
// "._:+/=@-", which mean nothing in a page, a log or a shell's word. Otherwise it
// returns nil.
func TakeID(h *exchange.Header) (id []byte) {
	if h.Count("x-request-id") == 1 {
		id = h.Get("x-request-id")
	}
	h.DelFunc(isID)
	if len(id) == 0 || len(id) > maxID {
		return nil
	}
	for _, c := range id {
		if !idByte(c) {
			return nil
		}
	}
	return id
}

func idByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("._:+/=@-", c) >= 0
}

// TakeTrace takes traceparent off the request in h and returns what it says (W3C
// Trace Context section 3.2): the trace-id and those of the trace-flags that are
// defined, or nil. Without a good one tracestate is removed as well, since it
// belongs to it (section 3.3).
func TakeTrace(h *exchange.Header) (trace []byte, flags byte) {
	if h.Count("traceparent") == 1 {
		trace, flags = parseParent(h.Get("traceparent"))
	}
	if trace == nil {
		h.DelFunc(isTrace)
	} else {
		h.DelFunc(func(f exchange.Field) bool { return len(f.Name) == len("traceparent") && isTrace(f) })
	}
	return trace, flags
}

// Flags of a trace (section 3.2.2.5, and 3.2.2.3.2 of level 2).
const (
	sampled = 1
	random  = 2
)

// parseParent reads a traceparent of version 00, or the beginning of a later
// one's, which is the same.
func parseParent(b []byte) (trace []byte, flags byte) {
	if len(b) < exchange.ParentLen || b[2] != '-' || b[35] != '-' || b[52] != '-' {
		return nil, 0
	}
	version, trace, parent, last := b[:2], b[3:35], b[36:52], b[53:55]
	switch {
	case !hex(version), !hex(trace), !hex(parent), !hex(last):
		return nil, 0
	case string(version) == "ff", zeros(trace), zeros(parent):
		return nil, 0
	case string(version) == "00" && len(b) > exchange.ParentLen:
		return nil, 0
	case len(b) > exchange.ParentLen && b[exchange.ParentLen] != '-':
		return nil, 0
	}
	return trace, digit(last[1]) & (sampled | random)
}

// hex reports whether b is hexadecimal digits, in lower case.
func hex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func zeros(b []byte) bool { return len(bytes.Trim(b, "0")) == 0 }

func digit(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
