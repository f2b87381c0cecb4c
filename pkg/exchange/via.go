package exchange

import "net/netip"

// Via is the other end of a connection's socket, where that is a proxy which
// the gateway trusts to say who its client is.
type Via struct {
	Peer netip.AddrPort // invalid on a unix socket

	// The same in text; "unix:" and nothing on a unix socket.
	PeerAddr, PeerPort []byte
}

// Socket returns address and port of the other end of the socket: the client,
// or the proxy that speaks for it.
func (c *ConnInfo) Socket() (addr, port []byte) {
	if c.Via != nil {
		return c.Via.PeerAddr, c.Via.PeerPort
	}
	return c.PeerAddr, c.PeerPort
}
