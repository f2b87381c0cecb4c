package forwarded

import (
	"net/netip"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// said is what trusted proxies say of a request. The zero value is nothing.
type said struct {
	client netip.AddrPort // invalid: nothing of it, so the peer is the client
	scheme string         // "" or "http" or "https"
	host   []byte         // as written; nil: nothing of it
}

// read follows the hops of a request whose peer is trusted.
func (p *Policy) read(h *exchange.Header) said {
	if p.header == "forwarded" {
		return p.readForwarded(h)
	}
	var s said
	hops := 0
	for l := newList(h, p.header, false); ; {
		e, ok := l.prev()
		if !ok {
			break
		}
		hops++
		if !p.hop(&s, e) {
			break
		}
	}
	hops = max(hops, 1)
	s.scheme = schemeOf(nth(h, "x-forwarded-proto", hops))
	if p.host {
		s.host = nth(h, "x-forwarded-host", hops)
	}
	return s
}

// hop notes whom a trusted proxy was asked by and reports whether that is again
// a trusted proxy, so that the element before is believed as well.
func (p *Policy) hop(s *said, text []byte) bool {
	a, ok := node(text)
	if !ok {
		return false
	}
	s.client = a
	return p.trusts(a.Addr())
}

// nth returns the element that stands hops from the end, or the first when there
// are fewer: not every proxy adds one.
func nth(h *exchange.Header, name string, hops int) (e []byte) {
	l := newList(h, name, false)
	for range hops {
		b, ok := l.prev()
		if !ok {
			break
		}
		e = b
	}
	return e
}

// readForwarded is read for the field of RFC 7239.
func (p *Policy) readForwarded(h *exchange.Header) said {
	var s said
	for l := newList(h, "forwarded", true); ; {
		b, ok := l.prev()
		if !ok {
			return s
		}
		e, ok := parseElement(b)
		if !ok {
			return s
		}
		if scheme := schemeOf(e.proto); scheme != "" {
			s.scheme = scheme
		}
		if p.host && e.host != nil {
			s.host = e.host
		}
		if !p.hop(&s, e.node) {
			return s
		}
	}
}

// schemeOf returns the scheme of HTTP that b names, "" for none.
func schemeOf(b []byte) string {
	switch {
	case exchange.EqualFold(b, "https"), exchange.EqualFold(b, "wss"):
		return "https"
	case exchange.EqualFold(b, "http"), exchange.EqualFold(b, "ws"):
		return "http"
	}
	return ""
}
