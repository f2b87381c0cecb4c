package server

import "time"

// openingGrace is how long a connection may take for its handshake before it
// can be given up for another one. An honest client needs a few round trips.
const openingGrace = time.Second

// shedIdle closes up to n idle connections and returns how many. If there are
// none it takes those whose handshake does not come to an end.
func (s *Server) shedIdle(n int) int {
	closed := 0
	for _, c := range s.pick(n, (*conn).spare) {
		if c.shed() {
			closed++
		}
	}
	if closed > 0 {
		return closed
	}
	slow := s.pick(n, (*conn).slowOpening)
	for _, c := range slow {
		c.cut()
	}
	return len(slow)
}

// pick returns up to n connections of which is is true.
func (s *Server) pick(n int, is func(*conn) bool) (list []*conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if len(list) == n {
			break
		}
		if is(c) {
			list = append(list, c)
		}
	}
	return list
}

// spare reports whether no request is under way and none has been for a moment.
func (c *conn) spare() bool { return c.phase() == phaseParked || c.idleSession() }

// slowOpening reports whether the connection has been in front of its first
// request for long, and is not being cut for that already.
func (c *conn) slowOpening() bool {
	return c.phase() == phaseOpening && !c.cutoff.Load() && time.Duration(c.srv.sweeper.Now()-c.since()) > openingGrace
}
