package upstream

import (
	"errors"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// again decides whether a failed attempt at s may be followed by another, and
// waits where the next one should not follow at once.
func (c *call) again(s *server, err error) bool {
	if c.x.Cause() != nil {
		return false
	}
	if c.refusedLate(err) {
		return c.sleep(c.nextPause()) == nil
	}
	if c.x.Trace.Tries-c.resets >= c.b.cfg.Tries {
		return false
	}
	var dial *DialError
	switch {
	case errors.Is(err, fcgi.ErrOverloaded): // bytes, but not the application's
		return len(c.b.servers) > 1 && !c.got
	case c.req.Progress.Received:
		return false
	case errors.As(err, &dial):
		return len(c.b.servers) > 1
	case errors.Is(err, fcgi.ErrNoStream):
		return true // ids of aborted requests are not free yet
	case errors.Is(err, fcgi.ErrStale):
		return c.stale(s)
	case errors.Is(err, fcgi.ErrClosed):
		return !c.req.Progress.Sent // a shared connection ended before we came to it
	}
	return false
}

// stale decides about a connection that ended without a byte of a reply.
func (c *call) stale(s *server) bool {
	if !c.req.Progress.Sent {
		return true
	}
	if !c.x.Trace.Reused {
		return false
	}
	s.closesKept.Store(true)
	return c.safe
}

// refusedLate reports whether a new connection was reset without a byte: the
// server was ending when it was dialled and never accepted it. That is a
// refused dial that came late, and as with those the server is tried again for
// a while. A worker that crashed with part of the request unread looks the
// same, so the request must be one that may run twice.
func (c *call) refusedLate(err error) bool {
	return errors.Is(err, fcgi.ErrStale) && errors.Is(err, syscall.ECONNRESET) &&
		c.safe && !c.x.Trace.Reused &&
		time.Duration(c.b.sweeper.Now()-c.began) < c.b.cfg.RetryTimeout
}

// nextPause returns how long to wait before a server that resets new
// connections is tried again; it grows.
func (c *call) nextPause() time.Duration {
	pause := min(firstPause<<min(c.resets, 10), lastPause)
	c.resets++
	return pause
}
