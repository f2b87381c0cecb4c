package exchange

import (
	"crypto/tls"
	"io"
	"net/netip"
)

// Request is what the client asked for, after the listener has checked it. A
// Request that reaches a handler is well formed: one framing, one Host, no
// control bytes in the target, a path that cannot climb above its root.
type Request struct {
	Method []byte // as sent; methods are case-sensitive
	Target []byte // origin form as the client sent it, undecoded: REQUEST_URI
	Path   []byte // decoded once, dot segments resolved, slashes merged; starts with '/'
	Query  []byte // undecoded, without '?'

	Major, Minor uint8 // protocol version: 1.0, 1.1, 2.0, 3.0

	Authority []byte // host[:port] the client meant: absolute form over Host
	Host      []byte // Authority without port, lower case, no trailing dot; empty for HTTP/1.0 without Host

	Header Header // names are lower case; hop-by-hop fields are gone

	// Upgrade is the protocol that the client wants to speak instead of HTTP, lower
	// case ("websocket"): the only one of its Upgrade field, or :protocol of an
	// extended CONNECT, whose Method is then GET as it is on HTTP/1.1. Empty: none,
	// or the sink is no Switcher.
	Upgrade []byte

	// ContentLength is the size of the body: 0 none, -1 not known yet (chunked).
	ContentLength int64
	Body          Body // never nil

	Conn *ConnInfo // facts of the connection; shared by its exchanges, read only
}

// Body is the request body as the listener receives it.
type Body interface {
	// Read blocks for the client, within the listener's limits, and returns
	// io.EOF exactly at the end of a complete body. Any other error means that
	// the body is not complete: ErrBodyTooLarge, ErrBodyTimeout, ErrBadBody or
	// an error of the connection.
	io.Reader
	// Buffered returns the rest of the body when all of it is already in
	// memory, without consuming it. The slice lives as long as the exchange.
	Buffered() ([]byte, bool)
}

// NoBody is an empty body.
type NoBody struct{}

// Read returns io.EOF.
func (NoBody) Read([]byte) (int, error) { return 0, io.EOF }

// Buffered returns nothing, completely.
func (NoBody) Buffered() ([]byte, bool) { return nil, true }

// ConnInfo holds the facts of a client connection. It is immutable once the
// connection serves.
type ConnInfo struct {
	ID     uint64         // number of the connection in this process
	Peer   netip.AddrPort // the client; invalid on a unix socket
	Local  netip.AddrPort // our side; invalid on a unix socket
	TLS    *tls.ConnectionState
	Scheme string // "http" or "https"
	Listen string // the listener's address as configured: what sites are selected by

	// The same in text, made once per connection.
	PeerAddr, PeerPort, LocalAddr, LocalPort []byte

	// Via is set where Peer and Scheme are the words of a trusted proxy; else they
	// are those of the socket.
	Via *Via
}

// KnownMethod returns the method as a constant string for the common ones and
// a copy otherwise.
func KnownMethod(m []byte) string {
	switch string(m) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "PATCH":
		return "PATCH"
	}
	return string(m)
}

// IsHead reports whether the request is a HEAD, whose response has no body.
func (r *Request) IsHead() bool { return string(r.Method) == "HEAD" }

// IsRead reports whether the method is GET or HEAD.
func (r *Request) IsRead() bool {
	return string(r.Method) == "GET" || string(r.Method) == "HEAD"
}

// Idempotent reports whether doing the request twice means the same as doing
// it once (RFC 9110 section 9.2.2).
func (r *Request) Idempotent() bool {
	switch string(r.Method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}
