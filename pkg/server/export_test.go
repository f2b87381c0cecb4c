package server

// LargestBuffer returns the size of the largest buffer that a connection has.
// It is for handlers of servers with one connection, on whose goroutine they run.
func (s *Server) LargestBuffer() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.act != nil {
			n = max(n, len(c.act.buf))
		}
	}
	return n
}

// Parked returns how many connections wait without a goroutine.
func (s *Server) Parked() int { return s.lot.Len() }
