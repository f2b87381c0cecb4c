package http3

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Server serves HTTP/3 on any number of UDP sockets.
type Server struct {
	handler exchange.Handler
	events  Events
	cfg     atomic.Pointer[Config]
	streams sync.Pool // *stream
	nextID  atomic.Uint64
	open    atomic.Int64 // connections, unfinished handshakes included
	full    fullness
	trim    trimmer

	mu        sync.Mutex // guards what follows
	draining  bool
	listeners map[net.PacketConn]*listener
	serving   sync.WaitGroup // Serve calls
}

// New returns a server for h.
func New(cfg Config, h exchange.Handler, ev Events) *Server {
	s := &Server{handler: h, events: ev, listeners: make(map[net.PacketConn]*listener)}
	s.full.born = time.Now()
	s.trim.init()
	s.streams.New = func() any { return newStream() }
	s.Configure(cfg)
	return s
}

// Configure changes the limits for what begins from now on.
func (s *Server) Configure(cfg Config) { s.cfg.Store(cfg.withDefaults()) }

// Serve accepts connections on pc, a UDP socket, which it owns and closes. It
// returns nil when CloseListener or Shutdown has ended it and the last of its
// connections has gone, or the error that made the socket unusable.
func (s *Server) Serve(pc net.PacketConn, l Listener) error {
	ln, err := s.addListener(pc, l)
	if ln == nil {
		pc.Close()
		return err
	}
	defer s.serving.Done()
	err = ln.accept()
	ln.close()
	s.mu.Lock()
	delete(s.listeners, pc)
	s.mu.Unlock()
	return err
}

func (s *Server) addListener(pc net.PacketConn, l Listener) (*listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return nil, nil
	}
	ln, err := newListener(s, pc, l)
	if err != nil {
		return nil, err
	}
	s.listeners[pc] = ln
	s.serving.Add(1)
	return ln, nil
}

// CloseListener stops accepting on pc. Its connections are told to go when their
// requests have ended; Serve returns then.
func (s *Server) CloseListener(pc net.PacketConn) {
	s.mu.Lock()
	ln := s.listeners[pc]
	s.mu.Unlock()
	if ln != nil {
		ln.drain()
	}
}

// Connections returns the number of open connections, unfinished handshakes
// included.
func (s *Server) Connections() int { return int(s.open.Load()) }

// cutGrace is how long handlers get to notice that their connection was cut.
const cutGrace = 2 * time.Second

// Shutdown stops accepting, lets requests in flight end and closes idle
// connections. When ctx ends first the remaining connections are cut and its
// error is returned. The server cannot be used afterwards.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	list := s.list()
	s.mu.Unlock()
	for _, ln := range list {
		ln.drain()
	}
	ended := make(chan struct{})
	go func() { // ends with the last connection, which ctx cuts
		s.serving.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	for _, ln := range list {
		ln.cut()
	}
	select {
	case <-ended:
	case <-time.After(cutGrace):
	}
	return ctx.Err()
}

// list returns the listeners; mu is held.
func (s *Server) list() []*listener {
	var list []*listener
	for _, ln := range s.listeners {
		list = append(list, ln)
	}
	return list
}

var errFull = errors.New("http3: too many connections")

// admit counts a connection that begins, or turns it away when the server is
// full of busy ones.
func (s *Server) admit(ln *listener) error {
	limit := s.cfg.Load().MaxConnections
	if n := s.open.Add(1); limit > 0 && int(n) > limit {
		s.open.Add(-1)
		ln.shedIdle()
		s.full.turnedAway(s.events.Full, ln.name)
		return errFull
	}
	return nil
}

// fullness counts connections that were turned away.
type fullness struct {
	count atomic.Int64
	last  atomic.Int64 // of the last report: nanoseconds since a second before born
	born  time.Time    // set once
}

func (f *fullness) turnedAway(report func(string, int), listen string) {
	n := f.count.Add(1)
	now, last := int64(time.Second+time.Since(f.born)), f.last.Load() // no clock that may be set
	if report == nil || now-last < int64(time.Second) || !f.last.CompareAndSwap(last, now) {
		return
	}
	f.count.Add(-n)
	report(listen, int(n))
}
