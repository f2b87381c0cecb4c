package server

import (
	"time"
)

// dateText is the Date field's value for one second.
type dateText struct {
	second int64
	text   []byte
}

func (s *Server) setDate(now time.Time) {
	s.date.Store(&dateText{now.Unix(), []byte(now.UTC().Format(timeFormat))})
}

// Sweep compares every connection's deadline with now. It runs on the sweeper's
// goroutine.
func (s *Server) Sweep(now int64) {
	if day := time.Now(); s.date.Load().second != day.Unix() { // now is not the time of day
		s.setDate(day)
	}
	s.trim.Sweep(now)
	s.burst.Store(0)
	draining := s.draining.Load()
	var parked []*conn
	s.mu.Lock()
	for c := range s.conns {
		if c.sweep(now, draining) {
			parked = append(parked, c)
		}
	}
	s.mu.Unlock()
	for _, c := range parked {
		c.evict()
	}
}

// timeFormat is IMF-fixdate (RFC 9110 section 5.6.7).
const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"
