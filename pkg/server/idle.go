package server

import "time"

// longAgo is a deadline in the past: setting it wakes a waiting read or write.
var longAgo = time.Unix(1, 0)

// sweep holds the connection's deadlines against now. It reports true when the
// connection should be taken out of the lot and closed. It runs on the
// sweeper's goroutine with the server's lock held.
func (c *conn) sweep(now int64, draining bool) (evict bool) {
	if by := c.writeBy.Load(); by != 0 && now > by {
		_ = c.nc.SetWriteDeadline(longAgo)
	}
	age := time.Duration(now - c.since())
	switch c.phase() {
	case phaseIdle:
		if draining || age > parkAfter {
			_ = c.nc.SetReadDeadline(longAgo) // its goroutine wakes and decides
		}
	case phaseParked:
		return draining || age > c.srv.cfg.Load().KeepaliveTimeout
	case phaseHead, phaseBusy:
		if by := c.readBy.Load(); by != 0 && now > by {
			_ = c.nc.SetReadDeadline(longAgo)
		}
	}
	return false
}

// deadline runs on the connection's goroutine after a read was woken by a
// deadline. It reports whether the goroutine is done with the connection.
func (c *conn) deadline() (gone bool) {
	_ = c.nc.SetReadDeadline(time.Time{})
	now := c.srv.sweeper.Now()
	by := c.readBy.Load()
	switch {
	case c.cutoff.Load(), c.srv.draining.Load() && c.phase() == phaseIdle:
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
	c.srv.trim.rested.Add(1)
	if err := c.srv.lot.Park(c.rc, c); err != nil {
		c.become(phaseIdle)
		c.end()
		return true
	}
	return true
}

// evict closes a parked connection; false means that it woke first.
func (c *conn) evict() bool {
	if c.phase() != phaseParked || !c.srv.lot.Evict(c.rc, c) {
		return false
	}
	c.end()
	return true
}

// cut ends the connection from outside, whatever it does.
func (c *conn) cut() {
	c.cutoff.Store(true)
	if a := c.phase(); a == phaseParked {
		go c.evict() // short; apart because the caller holds the server's lock
		return
	}
	_ = c.nc.SetDeadline(longAgo)
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
	if !c.linger || !ok || half.CloseWrite() != nil {
		return
	}
	c.enter(phaseEnding)
	_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	buf := c.act.buf
	for total := 0; total < lingerBytes; {
		n, err := c.nc.Read(buf)
		total += n
		if err != nil {
			return
		}
	}
}
