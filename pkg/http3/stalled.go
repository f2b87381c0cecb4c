package http3

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// stallAfter is how long one piece of a response waits for the client before
// its request counts as stalled.
const stallAfter = time.Second

func (o *outbox) waits(since time.Time) {
	o.mu.Lock()
	o.since = since
	o.mu.Unlock()
}

func (o *outbox) stalled(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.since.IsZero() && now.Sub(o.since) > stallAfter
}

// stalled returns how many responses wait for the client to read.
func (c *conn) stalled(now time.Time) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for st := range c.active {
		if st.sink.out.stalled(now) {
			n++
		}
	}
	return n
}

// CutStalled cuts the connection with most responses that have waited for the
// client for more than a second, if they are more than atLeast: each may hold a
// file open. It returns whose it was and how many they were, or nil.
func (s *Server) CutStalled(atLeast int) (info *exchange.ConnInfo, responses int) {
	s.mu.Lock()
	list := s.list()
	s.mu.Unlock()
	var worst *conn
	now := time.Now()
	for _, ln := range list {
		ln.each(func(c *conn) {
			if n := c.stalled(now); n > atLeast && !c.cutoff.Load() {
				worst, atLeast = c, n
			}
		})
	}
	if worst == nil {
		return nil, 0
	}
	worst.cut()
	return &worst.info, atLeast
}
