package server

import "sync/atomic"

// burstSize is how many connections that begin to be busy within one tick are a
// burst: more than come one by one, however busy the server is.
const burstSize = 256

// burst counts connections that began to be busy in this tick.
type burst struct{ atomic.Int32 }

// stir notes a connection that was accepted, or woke in the lot.
func (s *Server) stir() {
	if s.burst.Add(1) == burstSize && s.events.Burst != nil {
		s.events.Burst()
	}
}
