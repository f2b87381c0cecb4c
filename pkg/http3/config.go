package http3

import (
	"crypto/tls"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

// Config holds the limits of client connections. A changed one can be given to
// a running server with Configure; requests that begin later take it, QUIC's own
// parameters (MaxStreams) connections that begin later.
type Config struct {
	// Limits bounds a request as on HTTP/1.1: MaxRequestLine the :path, each field
	// counts 4 bytes more, and MaxTrailerBytes is for a trailer section, encoded or
	// not; beyond it the body is broken.
	Limits http1.Limits

	HeaderTimeout    time.Duration // for a whole request head, from the first byte of its stream
	KeepaliveTimeout time.Duration // between two requests of a connection
	BodyTimeout      time.Duration // between two reads of a request body
	SendTimeout      time.Duration // between two successful writes of a response

	MinBodyRate       int64  // bytes per second of a request body, see pace; 0: no limit
	MinSendRate       int64  // bytes per second of a response, likewise; 0: no limit
	KeepaliveRequests int    // requests per connection; 0: no limit
	MaxConnections    int    // open at once, unfinished handshakes included; 0: no limit
	MaxStreams        int    // requests at once on one connection; 0: 100
	ServerHeader      string // value of the Server field; empty: none
}

// withDefaults returns c with the documented values where it has none.
func (c Config) withDefaults() *Config {
	c.Limits = c.Limits.WithDefaults()
	if c.MaxStreams <= 0 {
		c.MaxStreams = 100
	}
	return &c
}

// maxBlock bounds an encoded field section: what its fields may have, and room
// for their encoding, which can be longer than plain text by a few bytes each.
func (c *Config) maxBlock() int {
	return c.Limits.MaxRequestLine + c.Limits.MaxHeaderBytes + 16*c.Limits.MaxHeaders
}

// Listener is what a server has to know of one UDP socket.
type Listener struct {
	Name string // what sites know it by: the address of its TLS listener
	// TLS is the configuration of that listener. It is not changed; protocols and
	// the lowest version are QUIC's own. What GetConfigForClient returns is treated
	// alike.
	TLS *tls.Config
}

// Events report what no handler sees. Every func is optional and must not block.
type Events struct {
	// Refused tells of a request that was answered without a handler, because
	// it was malformed; x holds what was understood of it.
	Refused func(x *exchange.Exchange, status int, reason string)
	// Panic tells of a handler that panicked; the client got a 500 or a reset.
	Panic func(x *exchange.Exchange, value any, stack []byte)
	// Full tells of connections turned away since the last call, at most once a
	// second, because MaxConnections were open.
	Full func(listen string, turnedAway int)
}
