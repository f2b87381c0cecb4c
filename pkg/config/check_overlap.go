package config

import (
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// span is what an address to listen on covers.
type span struct {
	text string // as the file writes it
	path string // of the place that writes it first
	port uint64
	host netip.Addr // invalid: all of IPv4 and IPv6
	file string     // of a unix socket, which has nothing else
}

// overlaps reports addresses that cannot be open at the same time, because one
// covers the other or both are one, written differently.
func (k *checker) overlaps() {
	var seen []span
	known := make(map[string]bool)
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		for j, addr := range s.Listen {
			seen = k.overlap(seen, known, addr, k.placeOfListen(s, j))
		}
		if s.TLS == nil {
			continue
		}
		for j, addr := range s.TLS.Listen {
			seen = k.overlap(seen, known, addr, element(join(s.TLS.Pos.Path, "listen"), j))
		}
	}
}

// overlap compares one more address with those seen.
func (k *checker) overlap(seen []span, known map[string]bool, addr, path string) []span {
	n, ok := spanOf(addr)
	if !ok || known[addr] {
		return seen
	}
	known[addr] = true
	n.path = path
	for _, o := range seen {
		if o.port != n.port || o.file != n.file || k.mayShare(o.text, n.text) {
			continue
		}
		if why := clashOf(o, n); why != "" {
			k.fail(path, "listen: %q and %q (%s) cannot be open together: %s", n.text, o.text, k.c.At(o.path), why)
			break
		}
	}
	return append(seen, n)
}

// mayShare reports whether the kernel lets both addresses be open: then the one
// that covers less gets what is for it.
func (k *checker) mayShare(a, b string) bool {
	return k.c.ListenerOf(a).ReusePort && k.c.ListenerOf(b).ReusePort
}

// spanOf takes an address with a port, or with a file, apart.
func spanOf(addr string) (span, bool) {
	if file, ok := strings.CutPrefix(addr, unixPrefix); ok && strings.HasPrefix(file, "/") {
		return span{text: addr, file: path.Clean(file)}, true
	}
	if strings.HasPrefix(addr, unixPrefix) || strings.HasPrefix(addr, systemdPrefix) {
		return span{}, false
	}
	host, err := checkPort(addr)
	if err != nil {
		return span{}, false // reported as it was read
	}
	s := span{text: addr}
	s.port, _ = strconv.ParseUint(addr[strings.LastIndexByte(addr, ':')+1:], 10, 16) // checked just now
	if host != "" {
		if s.host, err = netip.ParseAddr(host); err != nil {
			return span{}, false
		}
		s.host = s.host.Unmap()
	}
	return s, true
}

// clashOf says why two addresses of one port cannot stand beside each other, or
// "".
func clashOf(a, b span) string {
	switch {
	case a.host == b.host:
		return "they are the same address"
	case !a.host.IsValid():
		return coversAll(a)
	case !b.host.IsValid():
		return coversAll(b)
	case a.host.Is4() != b.host.Is4():
		return ""
	case a.host.IsUnspecified():
		return strconv.Quote(a.text) + " covers every address of its family; drop the other"
	case b.host.IsUnspecified():
		return strconv.Quote(b.text) + " covers every address of its family; drop the other"
	}
	return ""
}

func coversAll(s span) string {
	return strconv.Quote(s.text) + " covers every address of IPv4 and IPv6 already; drop the other, or write out all addresses (\"0.0.0.0" + s.text + "\" is IPv4, \"[::]" + s.text + "\" IPv6)"
}
