package fcgi

import (
	"io"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// heldBack is how much of PARAMS is held back: their records are padded to a
// multiple of it, so that a byte of the last pair is in it. libfcgi takes the end
// of a connection for the end of a stream, but not within a pair.
const heldBack = 8

// first returns what of c.out is not held back.
func (c *Conn) first() []byte { return c.out[:len(c.out)-heldBack] }

// sendHeld writes what is not held back and waits until the backend has read it.
// That takes as long as a free worker does, so the wait is timed as the one for a
// reply. False means that the request is over.
func (c *Conn) sendHeld() bool {
	if c.heldFn == nil {
		c.heldFn = c.stepHeld // a method value allocates
	}
	for {
		c.watch.Holding()
		err := c.rc.Write(c.heldFn)
		again := err != nil && c.resume(err)
		c.watch.Released()
		if err != nil && !again {
			return false
		}
		if !again || sock.PeekConn(c.rc) != sock.Quiet {
			break // or it was woken for something else
		}
	}
	if c.wdone == nil { // else it did not fit, and the writer does the rest
		c.release()
	}
	return true
}

// stepHeld is the callback of sendHeld: it returns false to wait for the backend
// to read.
func (c *Conn) stepHeld(fd uintptr) bool {
	if c.sending {
		c.sending = false
		n, err := sock.Write(fd, c.first())
		if err != nil && err != sock.ErrAgain {
			c.writeErr = err
			return true
		}
		c.sent = n > 0
		c.out = c.out[n:]
		if len(c.out) > heldBack {
			c.startWriter()
			return true
		}
	}
	return sock.AllRead(fd)
}

// release has what was held back sent, unless nobody will take it. A php-fpm
// worker that has run its last request reads too, and throws away; but it has
// ended its side of the connection before that.
func (c *Conn) release() {
	if c.writeErr != nil || sock.PeekConn(c.rc) == sock.Closed {
		return
	}
	c.src.hold = false
	c.out = c.src.fill(c.out)
	c.sending = true
}

// writeHeld is sendHeld and release for the writer's goroutine.
func (c *Conn) writeHeld() error {
	if !c.src.held() {
		return nil
	}
	first := c.first()
	if err := c.write(first); err != nil {
		return err
	}
	c.watch.Sent()
	if err := c.rc.Write(sock.AllRead); err != nil {
		return writeError{err}
	}
	if sock.PeekConn(c.rc) == sock.Closed {
		return writeError{io.EOF}
	}
	c.src.hold = false
	c.out = c.src.fill(c.out[len(first):])
	return nil
}
