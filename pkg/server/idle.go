package server

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// sweep holds the connection's deadlines against now. It reports true when the
// connection should be taken out of the lot and closed. It runs on the
// sweeper's goroutine with the server's lock held.
func (c *conn) sweep(now int64, draining bool) (evict bool) {
	if by := c.writeBy.Load(); by != 0 && now > by {
		_ = c.raw.SetWriteDeadline(sock.Past())
	}
	age := time.Duration(now - c.since())
	switch c.phase() {
	case phaseIdle:
		if draining || age > parkAfter {
			_ = c.raw.SetReadDeadline(sock.Past()) // its goroutine wakes and decides
		}
	case phaseParked:
		return draining || age > c.srv.cfg.Load().KeepaliveTimeout
	case phaseSession: // has deadlines of its own
	case phaseOpening, phaseHead, phaseBusy:
		if by := c.readBy.Load(); by != 0 && now > by {
			_ = c.raw.SetReadDeadline(sock.Past())
		}
	}
	return false
}

// deadline runs on the connection's goroutine after a read was woken by a
// deadline. It reports whether the goroutine is done with the connection.
func (c *conn) deadline() (gone bool) {
	_ = c.raw.SetReadDeadline(time.Time{})
	now := c.srv.sweeper.Now()
	by := c.readBy.Load()
	switch {
	case c.cutoff.Load(), c.srv.draining.Load() && c.phase() == phaseIdle && !c.pending() && !c.fresh(now):
		c.end()
		return true
	case c.phase() == phaseHead && by != 0 && now > by:
		c.act.begin(c)
		c.act.x.Trace.Start = time.Now()
		c.refuse(408, "request head took too long")
		c.lingerIfAsked()
		c.end()
		return true
	case c.phase() == phaseIdle && time.Duration(now-c.since()) > parkAfter:
		return c.park()
	}
	return false // data came first; the wait goes on
}

// rearmRead clears the deadline that woke a read, and reports false if the
// connection is being cut.
func (c *conn) rearmRead() bool {
	_ = c.raw.SetReadDeadline(time.Time{})
	return !c.cutoff.Load() // looked at last: cut sets its deadline behind it
}

// park moves an idle connection into the lot and reports whether it is there.
// A connection without raw access keeps its goroutine and its keep-alive
// deadline.
func (c *conn) park() bool {
	if c.rc == nil {
		if time.Duration(c.srv.sweeper.Now()-c.since()) > c.srv.cfg.Load().KeepaliveTimeout {
			c.end()
			return true
		}
		return false
	}
	c.release()
	// The time idle goes on counting, so enter is not called.
	c.become(phaseParked)
	c.srv.trim.Rested()
	if err := c.srv.lot.Park(c.rc, c); err != nil {
		c.become(phaseIdle)
		c.end()
		return true
	}
	return true
}

// evict closes a parked connection; false means that it woke first, or that a
// request has come which the lot has not seen yet: it is served.
func (c *conn) evict() bool {
	if c.phase() != phaseParked || !c.srv.lot.Evict(c.rc, c) {
		return false
	}
	if c.pending() && !c.cutoff.Load() {
		go c.Wake() // as the lot would have done
		return false
	}
	c.end()
	return true
}

// pending reports whether the client has sent something that is not read yet.
func (c *conn) pending() bool { return c.peek() == sock.Data }

// peek looks at the socket without taking anything from it.
func (c *conn) peek() sock.State {
	if c.tls != nil {
		return sock.PeekTLS(c.rc)
	}
	return sock.PeekConn(c.rc)
}

// freshFor is how long a new connection gets to send its first request when the
// server ends: to its client it is accepted, and what it sends is on its way.
const freshFor = time.Second

func (c *conn) fresh(now int64) bool {
	return c.served == 0 && time.Duration(now-c.since()) < freshFor
}

// cut ends the connection from outside, whatever it does.
func (c *conn) cut() {
	c.cutoff.Store(true)
	if ses := c.session.Load(); ses != nil {
		(*ses).Cut()
		return
	}
	if a := c.phase(); a == phaseParked {
		go c.evict() // short; apart because the caller holds the server's lock
		return
	}
	_ = c.raw.SetDeadline(sock.Past())
}

// Bounds of a lingering close: how much of an unread request is thrown away so
// that the client gets to read its answer instead of a reset.
const (
	lingerBytes = 1 << 20
	lingerTime  = 2 * time.Second
)

// lingerIfAsked closes the sending side and swallows what the client still
// sends. With bytes unread a plain close would reset the connection and the
// answer be lost. It must not run inside the raw read callback.
func (c *conn) lingerIfAsked() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !c.linger || c.cutoff.Load() || c.severed.Load() || !ok || half.CloseWrite() != nil {
		return
	}
	c.enter(phaseEnding)
	_ = c.raw.SetReadDeadline(time.Now().Add(lingerTime))
	buf := c.act.buf
	for total := 0; total < lingerBytes; {
		n, err := c.nc.Read(buf)
		total += n
		if err != nil {
			return
		}
	}
}
