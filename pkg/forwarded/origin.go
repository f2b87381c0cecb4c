package forwarded

import (
	"net/netip"
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Origin is storage for what is found out about one request at a time. It must
// stay where it is as long as the request runs.
type Origin struct {
	conn exchange.ConnInfo
	via  exchange.Via
	used bool
}

// Follow takes the fields about its way off the request in x, and where a trusted
// proxy sent them puts the client and the scheme that it names in place of the
// socket's: x.Request.Conn is o's then, and whoever called puts the listener's
// back. A nil policy believes nobody.
func (p *Policy) Follow(x *exchange.Exchange, o *Origin) {
	r := &x.Request
	if !p.Trusts(r.Conn.Peer) {
		r.Header.DelFunc(isWay)
		p.dropOwn(&r.Header)
		return
	}
	s := p.read(&r.Header)
	if s.client.IsValid() || s.scheme != "" {
		o.exchange(x, s)
	}
	if s.host != nil {
		_ = x.SetAuthority(s.host) // a bad one changes nothing
	}
	r.Header.DelFunc(told)
	p.dropOwn(&r.Header)
}

// Named reports whether the policy's own field is one that Look does not know, so
// that Follow has to be called for every request.
func (p *Policy) Named() bool { return p != nil && p.named }

// dropOwn removes the field that the policy is told of, whatever its name.
func (p *Policy) dropOwn(h *exchange.Header) {
	if p.Named() {
		h.Del(p.header)
	}
}

// exchange puts what was said in the place of the connection's facts.
func (o *Origin) exchange(x *exchange.Exchange, s said) {
	o.used = true
	o.conn = *x.Request.Conn
	if o.conn.Via == nil { // else a PROXY header has told of the client, and its socket is known
		o.via = exchange.Via{Peer: o.conn.Peer, PeerAddr: o.conn.PeerAddr, PeerPort: o.conn.PeerPort}
		o.conn.Via = &o.via
	}
	if s.client.IsValid() {
		o.conn.Peer = s.client
		o.conn.PeerAddr, o.conn.PeerPort = text(x, s.client)
	}
	if s.scheme != "" {
		o.conn.Scheme = s.scheme
	}
	x.Request.Conn = &o.conn
}

// text writes an address as the listeners do; a port that is not known is empty.
func text(x *exchange.Exchange, a netip.AddrPort) (addr, port []byte) {
	addr = a.Addr().AppendTo(x.Alloc(maxAddr)[:0])
	if a.Port() != 0 {
		port = strconv.AppendUint(x.Alloc(5)[:0], uint64(a.Port()), 10)
	}
	return addr, port
}

// Clear forgets the request.
func (o *Origin) Clear() {
	if o.used {
		*o = Origin{}
	}
}
