package forwarded

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// element is one hop of a Forwarded field: what the proxy that wrote it says of
// who it was asked by. Parameters that are not there are nil.
type element struct {
	node, proto, host []byte
}

// parseElement reads one element of a Forwarded field (RFC 7239 section 4). It
// is not ok when any part of it is not as it should be, or there twice.
func parseElement(b []byte) (e element, ok bool) {
	for len(b) > 0 {
		var name, value []byte
		if name, value, b, ok = pair(b); !ok {
			return element{}, false
		}
		if !e.set(name, value) {
			return element{}, false
		}
	}
	return e, true
}

// set notes a parameter; false means that it is there twice.
func (e *element) set(name, value []byte) bool {
	var to *[]byte
	switch {
	case exchange.EqualFold(name, "for"):
		to = &e.node
	case exchange.EqualFold(name, "proto"):
		to = &e.proto
	case exchange.EqualFold(name, "host"):
		to = &e.host
	default:
		return true // "by", and extensions
	}
	if *to != nil {
		return false
	}
	*to = value
	return true
}

// pair takes one name=value off b, with the semicolon behind it.
func pair(b []byte) (name, value, rest []byte, ok bool) {
	name, b, ok = bytes.Cut(b, []byte{'='})
	name = bytes.TrimLeft(name, " \t")
	if !ok || !octets.IsToken(name) || len(b) == 0 {
		return nil, nil, nil, false
	}
	if b[0] == '"' {
		end := bytes.IndexByte(b[1:], '"')
		if end < 0 {
			return nil, nil, nil, false
		}
		value, b = b[1:end+1], bytes.TrimLeft(b[end+2:], " \t")
		if bytes.IndexByte(value, '\\') >= 0 {
			return nil, nil, nil, false // nothing in an address, scheme or host needs one
		}
		if len(b) > 0 && b[0] != ';' {
			return nil, nil, nil, false
		}
		return name, value, b[min(len(b), 1):], true
	}
	value, b, _ = bytes.Cut(b, []byte{';'})
	value = bytes.TrimRight(value, " \t")
	return name, value, b, bare(value)
}

// bare reports whether b may be a value without quotes. It should be a token;
// proxies that leave the quotes of "host:port" and "[::1]" away are many.
func bare(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || bytes.IndexByte([]byte("\"(),;<=>?@\\{}"), c) >= 0 {
			return false
		}
	}
	return len(b) > 0
}
