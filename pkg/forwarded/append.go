package forwarded

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Append adds to h what a server behind us is told of the request in x, which
// must have been through Follow: X-Forwarded-For, -Proto and -Host, Forwarded
// (RFC 7239), X-Request-ID and traceparent. The address is the client's alone: a
// server that trusts us needs no other, and one that trusts more would be led
// astray by the proxies' own. On unix sockets, where it is not known, nobody is
// named. What the client said under these names is off its request by then. Names
// and values live as long as x.
func Append(h *exchange.Header, x *exchange.Exchange) {
	c := x.Request.Conn
	if c.Peer.IsValid() {
		h.Add(nameFor, c.PeerAddr)
	}
	h.Add(nameProto, x.CopyString(c.Scheme))
	if host := x.Request.Authority; len(host) > 0 {
		h.Add(nameHost, host)
	}
	h.Add(nameForwarded, appendForwarded(x))
	if id := x.Trace.ID(); len(id) > 0 {
		h.Add(nameID, id)
	}
	if s := &x.Trace.Span; len(s.Trace) > 0 {
		h.Add(nameParent, s.AppendParent(x.Alloc(exchange.ParentLen)[:0]))
	}
}

// Names of the fields that are added; nobody writes to them.
var (
	nameFor       = []byte("X-Forwarded-For")
	nameProto     = []byte("X-Forwarded-Proto")
	nameHost      = []byte("X-Forwarded-Host")
	nameForwarded = []byte("Forwarded")
	nameID        = []byte("X-Request-ID")
	nameParent    = []byte("traceparent")
)

func appendForwarded(x *exchange.Exchange) []byte {
	c := x.Request.Conn
	b := x.Alloc(len(`for="[]";proto=https;host=""`) + len(c.PeerAddr) + len(x.Request.Authority))[:0]
	switch {
	case !c.Peer.IsValid():
		b = append(b, "for=unknown"...)
	case c.Peer.Addr().Is6():
		b = append(append(append(b, `for="[`...), c.PeerAddr...), `]"`...)
	default:
		b = append(append(b, "for="...), c.PeerAddr...)
	}
	b = append(append(b, ";proto="...), c.Scheme...)
	host := x.Request.Authority
	if len(host) == 0 {
		return b
	}
	b = append(b, ";host="...)
	if bytes.ContainsAny(host, ":[]") {
		return append(append(append(b, '"'), host...), '"')
	}
	return append(b, host...)
}
