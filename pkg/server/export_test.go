package server

// Parked returns how many connections wait without a goroutine.
func (s *Server) Parked() int { return s.lot.Len() }
