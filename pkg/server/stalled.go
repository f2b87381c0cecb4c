package server

import (
	"errors"
	"syscall"
	"time"
)

// cutEvery bounds how often cutStalled cuts: what one had open takes a moment to
// be closed.
const cutEvery = 500 * time.Millisecond

// outOfFiles reports whether a call failed for want of descriptors.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// cutStalled cuts the session with most requests that wait for its client. A
// connection of HTTP/1.1 has one request, and with it one or two descriptors; a
// session may have a hundred and more whose files stay open because the client
// reads nothing. Without this few such clients would keep all others out.
func (s *Server) cutStalled() {
	now, last := s.sweeper.Now(), s.lastCut.Load()
	if now-last < int64(cutEvery) || !s.lastCut.CompareAndSwap(last, now) {
		return
	}
	worst, most := s.mostStalled()
	if other := s.events.CutElsewhere; other != nil && other(most) || worst == nil {
		return
	}
	worst.cut()
	if s.events.Stalled != nil {
		s.events.Stalled(&worst.info, most)
	}
}

// mostStalled returns the session with most requests that wait for its client,
// or nil.
func (s *Server) mostStalled() (worst *conn, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		ses := c.session.Load()
		if ses == nil || c.cutoff.Load() {
			continue
		}
		if n := (*ses).Stalled(); n > most {
			worst, most = c, n
		}
	}
	return worst, most
}
