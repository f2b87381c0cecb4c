package server

import (
	"crypto/tls"
	"net/netip"
)

// Listener says what the connections of one listening socket are.
type Listener struct {
	// Name is the address as configured, by which sites are selected.
	Name string
	// TLS, unless nil, is what every connection begins with. The server never
	// changes it; GetConfigForClient in it may answer differently at any time.
	// Connections that agree on the protocol "h2" become sessions.
	TLS *tls.Config
	// ProxyFrom lists the sources that must send a PROXY header (v1 or v2) in
	// front of everything else. A connection of another source is taken as it is;
	// a header that it sends is a malformed request.
	ProxyFrom []netip.Prefix
	// ProxyAll asks every connection for a PROXY header, whatever its source: the
	// way for unix sockets, whose peers have no address.
	ProxyAll bool
}
