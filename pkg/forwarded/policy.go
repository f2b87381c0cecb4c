package forwarded

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ErrProxy: the address of a trusted proxy is none.
var ErrProxy = errors.New("forwarded: bad proxy address")

// Unix names, among the proxies of a Config, all peers of unix sockets.
const Unix = "unix"

// Config says whom to believe and what.
type Config struct {
	// Proxies are addresses, networks in CIDR notation, or Unix.
	Proxies []string
	// Header is the field that the proxies set: "X-Forwarded-For" when it is
	// empty, "Forwarded" (RFC 7239), or any other that holds addresses.
	Header string
	// Host lets the proxies say which host the client asked for.
	Host bool
}

// Policy says whom to believe and what. It is immutable; nil believes nobody.
type Policy struct {
	nets   []netip.Prefix
	unix   bool
	header string // lower case
	named  bool   // header is a name that Look does not know
	host   bool
}

// New returns the policy of cfg, nil without any proxy. Errors name the proxy and
// wrap ErrProxy.
func New(cfg Config) (*Policy, error) {
	if len(cfg.Proxies) == 0 {
		return nil, nil
	}
	p := &Policy{header: strings.ToLower(cfg.Header), host: cfg.Host}
	if p.header == "" {
		p.header = "x-forwarded-for"
	}
	p.named = kind([]byte(p.header)) != Way
	for _, s := range cfg.Proxies {
		if s == Unix {
			p.unix = true
			continue
		}
		n, err := ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%w: %q", ErrProxy, s)
		}
		p.nets = append(p.nets, n)
	}
	return p, nil
}

// ParsePrefix reads a network such as "10.0.0.0/8", or an address as the network
// that holds nothing else. IPv4 in IPv6 is IPv4; zones are refused.
func ParsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, errors.New("no address")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(s)
	if err != nil {
		return n, err
	}
	if n.Addr().Is4In6() {
		if n.Bits() < 96 {
			return netip.Prefix{}, errors.New("a network of IPv4 and other addresses")
		}
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
	}
	return n.Masked(), nil
}

// Trusts reports whether peer is a proxy to believe. An invalid one is the peer
// of a unix socket.
func (p *Policy) Trusts(peer netip.AddrPort) bool {
	switch {
	case p == nil:
		return false
	case !peer.IsValid():
		return p.unix
	}
	return p.trusts(peer.Addr())
}

func (p *Policy) trusts(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, n := range p.nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}
