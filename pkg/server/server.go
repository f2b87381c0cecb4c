// Package server is the HTTP/1.1 front: it accepts connections, reads strict
// requests from them, hands each as an exchange to one handler and sends the
// response. In front of the requests there may be a PROXY header and TLS;
// connections that turn out to speak HTTP/2 are handed to a Session and stay in
// the books.
//
// Requests of a connection are served one after the other. What a client sends
// ahead is read as far as it fits into the buffer behind the request at hand (8
// KiB, or what one large head needed), and waits in the socket else.
//
// Every connection has one goroutine while it is active and none while it has
// been idle for a moment: it then waits in a sock.Lot. Deadlines are kept as
// numbers that one sweep per tick compares, so a request arms no timer.
package server

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// Config holds the limits of client connections. A changed one can be given to
// a running server with Configure; connections take it from their next request.
type Config struct {
	Limits            http1.Limits
	HeaderTimeout     time.Duration // for a whole request head, from its first byte
	KeepaliveTimeout  time.Duration // between two requests; 0: one request per connection
	BodyTimeout       time.Duration // between two reads of a request body
	SendTimeout       time.Duration // between two successful writes of a response
	KeepaliveRequests int           // requests per connection; 0: no limit
	MaxConnections    int           // open at once; 0: no limit
	ServerHeader      string        // value of the Server field; empty: none
	MinBodyRate       int64         // bytes per second of a request body, see body.fill; 0: no limit
	MinSendRate       int64         // bytes per second of a response, see writer.resume; 0: no limit
	HTTP2             bool          // connections may become sessions, see SetSessions
}

// Events report what no handler sees. Every func is optional and must not block.
type Events struct {
	// Refused tells of a request that was answered without a handler, because
	// it was malformed or timed out; x holds what was understood of it.
	Refused func(x *exchange.Exchange, status int, reason string)
	// Panic tells of a handler that panicked; the client got a 500 or a cut.
	Panic func(x *exchange.Exchange, value any, stack []byte)
	// Full tells of connections turned away since the last call, at most once a
	// second, because MaxConnections were busy.
	Full func(listen string, turnedAway int)
	// Burst tells that many connections came, or sent something after a rest,
	// within one tick of the sweeper; at most once a tick.
	Burst func()
	// AcceptError tells of an accept that failed for want of resources; the
	// listener goes on.
	AcceptError func(listen string, err error)
	// Stalled tells of a session that was cut, for want of descriptors, because
	// so many of its requests waited for the client; at most twice a second.
	Stalled func(info *exchange.ConnInfo, requests int)
	// CutElsewhere is asked, when descriptors are short, to cut a connection that
	// is not the server's and has more than atLeast requests that wait for their
	// client. It reports whether it did.
	CutElsewhere func(atLeast int) bool
	// TLSError tells of connections whose handshake failed since the last call,
	// at most once a second; err is why the last one did.
	TLSError func(listen string, err error, failed int)
	// ProxyError is TLSError for PROXY headers that are missing or malformed, or
	// come from a source that must not send one (ErrProxyUnexpected; such a
	// connection gets its answer too).
	ProxyError func(listen string, err error, failed int)
}

// Server serves client connections of any number of listeners.
type Server struct {
	handler exchange.Handler
	events  Events
	sweeper *sock.Sweeper
	lot     *sock.Lot
	cfg     atomic.Pointer[Config]
	date    atomic.Pointer[dateText]
	buffers sync.Pool    // *active
	holders atomic.Int64 // connections that keep their buffers while idle
	trim    sock.Trimmer
	burst   burst
	full    rare
	badTLS  rare
	badFrom rare
	records sock.Records
	lastCut atomic.Int64 // sweeper time of the last cutStalled
	session atomic.Pointer[NewSession]

	draining atomic.Bool
	nextID   atomic.Uint64

	mu        sync.Mutex // guards conns and listeners
	conns     map[*conn]struct{}
	listeners map[net.Listener]*Listener
	serving   sync.WaitGroup // Serve calls
	empty     chan struct{}  // made by Shutdown; closed when the last connection has gone
}

// New returns a server for h. The sweeper stays the caller's and must outlive
// the server.
func New(cfg Config, h exchange.Handler, sweeper *sock.Sweeper, ev Events) (*Server, error) {
	lot, err := sock.NewLot()
	if err != nil {
		return nil, err
	}
	s := &Server{
		handler: h, events: ev, sweeper: sweeper, lot: lot,
		conns:     make(map[*conn]struct{}),
		listeners: make(map[net.Listener]*Listener),
	}
	s.buffers.New = func() any { return newActive() }
	s.Configure(cfg)
	s.setDate(time.Now())
	sweeper.Add(s)
	return s, nil
}

// Configure changes the limits for requests that begin from now on.
func (s *Server) Configure(cfg Config) { s.cfg.Store(&cfg) }

// Serve accepts connections from ln until it is closed, and then returns nil. l
// says what they are.
func (s *Server) Serve(ln net.Listener, l Listener) error {
	if !s.addListener(ln, &l) {
		ln.Close()
		return nil
	}
	defer s.serving.Done()
	defer s.removeListener(ln)
	pause := acceptPause{}
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause.reset()
			s.begin(nc, &l)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			s.acceptFailed(l.Name, err)
			pause.wait()
		}
	}
}

func (s *Server) addListener(ln net.Listener, l *Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.listeners[ln] = l
	s.serving.Add(1)
	return true
}

func (s *Server) removeListener(ln net.Listener) {
	s.mu.Lock()
	delete(s.listeners, ln)
	s.mu.Unlock()
	ln.Close()
}

// acceptFailed makes room: out of descriptors, the idle connections go first,
// and then the one whose client has most requests wait.
func (s *Server) acceptFailed(listen string, err error) {
	if s.shedIdle(16) == 0 && outOfFiles(err) {
		s.cutStalled()
	}
	if s.events.AcceptError != nil {
		s.events.AcceptError(listen, err)
	}
}

// begin registers a connection and starts it, or turns it away when the server
// is full of busy ones.
func (s *Server) begin(nc net.Conn, l *Listener) {
	if limit := s.cfg.Load().MaxConnections; limit > 0 && s.Connections() >= limit && s.shedIdle(1) == 0 {
		nc.Close()
		if n := s.full.count(s.sweeper.Now(), s.events.Full != nil); n > 0 {
			s.events.Full(l.Name, n)
		}
		return
	}
	s.stir()
	c := newConn(s, nc, l.Name)
	opening := l.TLS != nil || l.proxied(c.info.Peer)
	if opening {
		c.beginOpening()
	}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	if opening {
		go c.open(l) // ends when the connection closes or parks
		return
	}
	go c.run() // likewise
}

// forget takes a closed connection out of the books.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.empty != nil && len(s.conns) == 0 {
		close(s.empty)
		s.empty = nil
	}
}

// Connections returns the number of open client connections.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// acceptPause is the back-off after a failed accept.
type acceptPause struct{ d time.Duration }

func (p *acceptPause) reset() { p.d = 0 }

func (p *acceptPause) wait() {
	p.d = min(max(2*p.d, 5*time.Millisecond), time.Second)
	time.Sleep(p.d)
}
