// Package server is the HTTP/1.1 front: it accepts connections, reads strict
// requests from them, hands each as an exchange to one handler and sends the
// response.
//
// Every connection has one goroutine while it is active and none while it has
// been idle for a moment: it then waits in a sock.Lot. Deadlines are kept as
// numbers that one sweep per tick compares, so a request arms no timer.
package server

import (
	"context"
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
	// AcceptError tells of an accept that failed for want of resources; the
	// listener goes on.
	AcceptError func(listen string, err error)
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
	trim    trimmer
	full    fullness

	draining atomic.Bool
	nextID   atomic.Uint64

	mu        sync.Mutex // guards conns and listeners
	conns     map[*conn]struct{}
	listeners map[net.Listener]struct{}
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
		listeners: make(map[net.Listener]struct{}),
	}
	s.buffers.New = func() any { return newActive() }
	s.Configure(cfg)
	s.setDate(time.Now())
	sweeper.Add(s)
	return s, nil
}

// Configure changes the limits for requests that begin from now on.
func (s *Server) Configure(cfg Config) { s.cfg.Store(&cfg) }

// Serve accepts connections from ln, known to sites as listen, until ln is
// closed; it then returns nil.
func (s *Server) Serve(ln net.Listener, listen string) error {
	if !s.addListener(ln) {
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
			s.begin(nc, listen)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			s.acceptFailed(listen, err)
			pause.wait()
		}
	}
}

func (s *Server) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.listeners[ln] = struct{}{}
	s.serving.Add(1)
	return true
}

func (s *Server) removeListener(ln net.Listener) {
	s.mu.Lock()
	delete(s.listeners, ln)
	s.mu.Unlock()
	ln.Close()
}

// acceptFailed makes room: out of descriptors, the idle connections go first.
func (s *Server) acceptFailed(listen string, err error) {
	s.shedIdle(16)
	if s.events.AcceptError != nil {
		s.events.AcceptError(listen, err)
	}
}

// begin registers a connection and starts it, or turns it away when the server
// is full of busy ones.
func (s *Server) begin(nc net.Conn, listen string) {
	if limit := s.cfg.Load().MaxConnections; limit > 0 && s.Connections() >= limit && s.shedIdle(1) == 0 {
		nc.Close()
		s.full.turnedAway(s, listen)
		return
	}
	c := newConn(s, nc, listen)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	go c.run() // ends when the connection closes or parks
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

// shedIdle closes up to n idle connections and returns how many.
func (s *Server) shedIdle(n int) int {
	s.mu.Lock()
	var idle []*conn
	for c := range s.conns {
		if len(idle) == n {
			break
		}
		if c.phase() == phaseParked {
			idle = append(idle, c)
		}
	}
	s.mu.Unlock()
	closed := 0
	for _, c := range idle {
		if c.evict() {
			closed++
		}
	}
	return closed
}

// CloseListener stops accepting on ln; its connections go on.
func (s *Server) CloseListener(ln net.Listener) { ln.Close() }

// Shutdown stops accepting, lets requests in flight end and closes idle
// connections. When ctx ends first the remaining connections are cut and its
// error is returned. The server cannot be used afterwards.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining.Store(true)
	for ln := range s.listeners {
		ln.Close()
	}
	s.mu.Unlock()
	s.serving.Wait() // no connection is added from here on
	empty := make(chan struct{})
	s.mu.Lock()
	if len(s.conns) == 0 {
		close(empty)
	} else {
		s.empty = empty
	}
	s.mu.Unlock()
	err := s.waitEmpty(ctx, empty)
	s.sweeper.Remove(s)
	s.lot.Close()
	return err
}

// cutGrace is how long handlers get to notice that their connection was cut.
const cutGrace = 2 * time.Second

func (s *Server) waitEmpty(ctx context.Context, empty chan struct{}) error {
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.cut()
	}
	s.mu.Unlock()
	select {
	case <-empty:
	case <-time.After(cutGrace):
	}
	return ctx.Err()
}

// acceptPause is the back-off after a failed accept.
type acceptPause struct{ d time.Duration }

func (p *acceptPause) reset() { p.d = 0 }

func (p *acceptPause) wait() {
	p.d = min(max(2*p.d, 5*time.Millisecond), time.Second)
	time.Sleep(p.d)
}

// fullness counts connections that were turned away.
type fullness struct {
	count atomic.Int64
	last  atomic.Int64 // sweeper time of the last report
}

func (f *fullness) turnedAway(s *Server, listen string) {
	n := f.count.Add(1)
	now, last := s.sweeper.Now(), f.last.Load()
	if s.events.Full == nil || now-last < int64(time.Second) || !f.last.CompareAndSwap(last, now) {
		return
	}
	f.count.Add(-n)
	s.events.Full(listen, int(n))
}
