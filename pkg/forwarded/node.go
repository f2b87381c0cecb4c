package forwarded

import (
	"bytes"
	"net/netip"
	"unsafe"
)

// node reads an address as proxies write it (RFC 7239 section 6): IPv4 or IPv6,
// the latter in brackets or not, and behind IPv4 or brackets perhaps a port. The
// port is 0 when there is none, or a hidden one. "unknown", hidden names and
// whatever else is no address are not ok.
func node(b []byte) (addr netip.AddrPort, ok bool) {
	host, port := b, []byte(nil)
	switch {
	case len(b) > 0 && b[0] == '[':
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return addr, false
		}
		host, port = b[1:end], b[end+1:]
		if bytes.IndexByte(host, ':') < 0 {
			return addr, false
		}
	case bytes.Count(b, []byte{':'}) == 1:
		colon := bytes.IndexByte(b, ':')
		host, port = b[:colon], b[colon:]
	}
	if len(host) > maxAddr || bytes.IndexByte(host, '%') >= 0 {
		return addr, false // a zone means nothing on another machine
	}
	a, err := netip.ParseAddr(view(host))
	if err != nil {
		return addr, false
	}
	n, ok := portOf(port)
	return netip.AddrPortFrom(a.Unmap(), n), ok
}

// maxAddr is the length of the longest address, an IPv6 one with IPv4 at its end.
const maxAddr = 45

// view gives b as a string to a function that keeps nothing of it but its error,
// which is thrown away.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// portOf reads a node's port with its colon; nothing is no port.
func portOf(b []byte) (port uint16, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	if b[0] != ':' || len(b) < 2 {
		return 0, false
	}
	if b[1] == '_' {
		return 0, len(b) > 2 && hidden(b[2:])
	}
	n := 0
	for _, c := range b[1:] {
		if c < '0' || c > '9' || len(b) > 6 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return uint16(n), n <= 65535
}

// hidden reports whether b may stand behind the '_' of an obfuscated port.
func hidden(b []byte) bool {
	for _, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
