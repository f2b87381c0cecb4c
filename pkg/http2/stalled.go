package http2

import "time"

const (
	// stallAfter is how long a stream waits for its client before it counts as
	// stalled.
	stallAfter = time.Second
	// stallBytes is what a client must move meanwhile to not count: who lets a
	// byte pass now and then holds what the stream has open all the same.
	stallBytes = 4 << 10
)

// stall is how long a stream has waited for its client, in one direction;
// guarded by Conn.mu.
type stall struct {
	waits bool
	since int64 // sweeper time; 0: it did not wait yet
	moved int64 // bytes when that began
}

// wait is told when a wait begins, with the bytes that were moved by then.
func (s *stall) wait(now, moved int64) {
	s.waits = true
	if s.since == 0 || moved-s.moved >= stallBytes {
		s.since, s.moved = now, moved
	}
}

func (s *stall) stalled(now int64) bool { return s.waits && now-s.since > int64(stallAfter) }

// Stalled returns how many requests have waited for the client, to read its
// response or to send its body, for more than a second. Each may hold a
// temporary file or a static one open.
func (c *Conn) Stalled() int {
	now := c.srv.sweeper.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, st := range c.streams {
		if st.running && (st.reads.stalled(now) || st.sends.stalled(now)) {
			n++
		}
	}
	return n
}
