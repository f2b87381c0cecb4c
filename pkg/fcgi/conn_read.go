package fcgi

import (
	"errors"
	"net"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// runRaw serves one request on a socket, in one RawConn.Read call: leaving and
// entering again would reset the runtime's readiness flag, so that an edge
// which came in between is lost. Only the watch's wake-ups make it enter
// again, and then step reads before it waits.
func (c *Conn) runRaw() {
	if c.withheld && !c.sendHeld() {
		return
	}
	for {
		err := c.rc.Read(c.stepFn)
		if err == nil || !c.resume(err) {
			return
		}
	}
}

// step is the callback of runRaw: it returns false to wait for the socket to
// become readable, true when the request is over.
func (c *Conn) step(fd uintptr) bool {
	c.watch.Resting()
	if c.sending {
		c.sending = false
		if c.sendFirst(fd) {
			c.watch.Waiting()
			return false
		}
	}
	return c.receive(fd)
}

// receive reads and serves what the socket holds.
func (c *Conn) receive(fd uintptr) bool {
	for {
		b := c.in.space()
		n, err := sock.Read(fd, b)
		if err == sock.ErrAgain {
			return c.drained()
		}
		if err != nil {
			c.err = broken(c.received, err)
			return true
		}
		if c.take(n) {
			return true
		}
		if n < len(b) {
			return c.drained()
		}
	}
}

// drained is called when the socket is empty and the reply is not over. It
// returns what step must return.
func (c *Conn) drained() bool {
	if c.writeErr != nil {
		c.err = broken(c.received, c.writeErr)
		return true
	}
	if c.err = c.reply.pause(c.handler); c.err != nil {
		return true
	}
	c.in.rest()
	c.watch.Waiting()
	return false
}

// runPlain serves one request on a connection without a descriptor of its own.
// The request is always written by a goroutine: on such connections a write
// may wait for the backend to read, which may wait for us to read.
func (c *Conn) runPlain() {
	c.sending = false
	c.startWriter()
	for {
		b := c.in.space()
		c.watch.Waiting()
		n, err := c.nc.Read(b)
		c.watch.Resting()
		if n > 0 && c.take(n) {
			return
		}
		if err != nil && !c.resume(err) {
			return
		}
		if n > 0 && n < len(b) {
			if c.err = c.reply.pause(c.handler); c.err != nil {
				return
			}
		}
	}
}

// resume decides what an error of a read means; true: read again.
func (c *Conn) resume(err error) bool {
	c.watch.Resting()
	switch again, why := c.watch.Woken(err); {
	case again:
		return true
	case why != nil:
		c.err = why
	case c.closed.Load() || errors.Is(err, net.ErrClosed):
		c.err = ErrClosed
	default:
		c.err = broken(c.received, err)
	}
	return false
}

// take serves n bytes that were read into space; true when the request is
// over, with c.done or c.err set.
func (c *Conn) take(n int) bool {
	c.received = true
	c.in.filled(n)
	for !c.done && c.err == nil {
		part, err := c.in.next()
		if err != nil {
			c.err = err
			return true
		}
		if part.Type == 0 {
			return false
		}
		c.done, c.err = c.reply.take(part, c.handler)
	}
	return true
}
