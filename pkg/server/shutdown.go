package server

import (
	"context"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// CloseListener stops accepting on ln; its connections go on.
func (s *Server) CloseListener(ln net.Listener) { ln.Close() }

// Shutdown stops accepting, lets requests in flight end and closes idle
// connections. When ctx ends first the remaining connections are cut and its
// error is returned. The server cannot be used afterwards.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closeListeners()
	s.serving.Wait() // no connection is added from here on
	s.drainSessions()
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

// closeListeners stops accepting. Connections that the kernel has taken on
// already are accepted still, since their clients were told so.
func (s *Server) closeListeners() {
	s.mu.Lock()
	s.draining.Store(true)
	listeners := make(map[net.Listener]*Listener, len(s.listeners))
	for ln, l := range s.listeners {
		listeners[ln] = l
	}
	s.mu.Unlock()
	for ln, l := range listeners {
		for range maxQueued {
			nc := acceptNow(ln)
			if nc == nil {
				break
			}
			s.begin(nc, l)
		}
		ln.Close()
	}
}

// maxQueued bounds the connections accepted at the end: more than a usual
// backlog, and an end to it when clients come as fast as they are accepted.
const maxQueued = 8192

// acceptNow returns a connection that waits to be accepted, or nil.
func acceptNow(ln net.Listener) net.Conn {
	rc := sock.RawListener(ln)
	if rc == nil {
		return nil
	}
	fd := -1
	err := rc.Control(func(from uintptr) {
		var err error
		if fd, _, err = unix.Accept4(int(from), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC); err != nil {
			fd = -1
		}
	})
	if err != nil || fd < 0 {
		return nil
	}
	f := os.NewFile(uintptr(fd), "")
	defer f.Close() // what FileConn returns has a descriptor of its own
	nc, err := net.FileConn(f)
	if err != nil {
		return nil
	}
	return nc
}

// drainSessions tells the sessions of the end; connections that become sessions
// later look for it themselves.
func (s *Server) drainSessions() {
	s.mu.Lock()
	var list []Session
	for c := range s.conns {
		if ses := c.session.Load(); ses != nil {
			list = append(list, *ses)
		}
	}
	s.mu.Unlock()
	for _, ses := range list {
		ses.Drain()
	}
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
