package http3

import (
	"crypto/tls"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Config holds the limits of client connections. A changed one can be given to
// a running server with Configure; requests that begin later take it, QUIC's own
// parameters (MaxStreams) connections that begin later.
type Config struct {
	MaxTarget     int      // bytes of :path; beyond it 414; 0: 8192
	MaxFieldLine  int      // bytes of one field, name and value; beyond it 431; 0: 16384
	MaxFieldBytes int      // bytes of all fields, each with 4 more, as on HTTP/1.1; beyond it 431; 0: 65536
	MaxFields     int      // number of fields; beyond it 431; 0: 100
	MaxTrailer    int      // bytes of a trailer section, encoded or not; beyond it the body is broken; 0: 8192
	AllowNames    []string // lower-case names with an underscore or a dot that may pass

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
	set := func(p *int, def int) {
		if *p <= 0 {
			*p = def
		}
	}
	set(&c.MaxTarget, 8<<10)
	set(&c.MaxFieldLine, 16<<10)
	set(&c.MaxFieldBytes, 64<<10)
	set(&c.MaxFields, 100)
	set(&c.MaxTrailer, 8<<10)
	set(&c.MaxStreams, 100)
	return &c
}

// maxBlock bounds an encoded field section: what its fields may have, and room
// for their encoding, which can be longer than plain text by a few bytes each.
func (c *Config) maxBlock() int {
	return c.MaxTarget + c.MaxFieldBytes + 16*c.MaxFields
}

func (c *Config) allows(name string) bool {
	for _, s := range c.AllowNames {
		if s == name {
			return true
		}
	}
	return false
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
