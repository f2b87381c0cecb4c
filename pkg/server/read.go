package server

import (
	"errors"
	"io"
	"os"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// wait reads and serves requests until one needs blocking reads (c.blocked),
// the connection ends, or a deadline passes.
func (c *conn) wait() error {
	if c.rc == nil {
		return c.waitOrdinary()
	}
	c.err = nil
	err := c.rc.Read(c.read)
	if c.err != nil {
		return c.err
	}
	return err
}

// readStep is the raw read callback. It serves every complete request it gets
// and waits for the next edge without a read that would find nothing. It must
// not be left and re-entered between requests: entering resets the poller's
// readiness, so only a read may follow.
func (c *conn) readStep(fd uintptr) bool {
	c.fd = fd
	if c.tls != nil {
		c.tls.Edge()
	}
	leave := c.readAll(fd)
	c.fd = 0
	return leave
}

func (c *conn) readAll(fd uintptr) (leave bool) {
	for {
		c.activate()
		room := c.act.room()
		n, err := c.readOnce(fd, room)
		if errors.Is(err, sock.ErrAgain) {
			c.rest()
			return false
		}
		if err != nil {
			c.err = c.readFailed(err)
			return true
		}
		c.act.w += n
		if c.err = c.serveBuffered(); c.err != nil || c.blocked {
			return true
		}
		if c.tls == nil && n < len(room) && c.act.r == c.act.w {
			c.rest()
			return false
		}
		// With part of a head here the socket is read until it is empty: a close
		// that came with the bytes gives no edge of its own. TLS knows by itself
		// whether there may be more.
	}
}

func (c *conn) readOnce(fd uintptr, p []byte) (int, error) {
	if c.tls != nil {
		return c.tls.ReadFD(fd, p)
	}
	return sock.Read(fd, p)
}

// waitOrdinary is wait for connections without raw access.
func (c *conn) waitOrdinary() error {
	c.activate()
	n, err := c.nc.Read(c.act.room())
	c.act.w += n
	if n > 0 {
		if err := c.serveBuffered(); err != nil || c.blocked {
			return err
		}
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return c.readFailed(err)
	}
	c.rest()
	return err
}

// readFailed takes the end of the stream for a good end of the connection: a
// client that leaves amid a head gets no answer.
func (c *conn) readFailed(err error) error {
	if errors.Is(err, io.EOF) {
		return errEnd
	}
	return err
}

// activate gives the connection its buffers.
func (c *conn) activate() {
	if c.act == nil {
		c.act = c.srv.buffers.Get().(*active)
		c.act.attach(c)
	}
	c.cfg = c.srv.cfg.Load()
}

// rest gives the buffers back unless they hold part of a request, or the
// connection is one of the few that may hold them until it parks.
func (c *conn) rest() {
	a := c.act
	if a.r < a.w || c.tls != nil && c.tls.Partial() {
		if c.phase() != phaseHead {
			c.readBy.Store(c.srv.sweeper.After(c.cfg.HeaderTimeout))
			c.enter(phaseHead)
		}
		return
	}
	if !c.hold() {
		c.release()
	}
	if c.phase() != phaseIdle {
		c.enter(phaseIdle)
	}
}

// holders is how many connections keep their buffers between two requests:
// enough for a gateway with few busy clients, and no more memory than some
// megabytes with many.
const holders = 256

// hold reports whether the connection may keep its buffers.
func (c *conn) hold() bool {
	if c.holds || len(c.act.buf) > firstBuffer {
		return c.holds && len(c.act.buf) <= firstBuffer
	}
	if c.srv.holders.Load() >= holders {
		return false
	}
	c.srv.holders.Add(1)
	c.holds = true
	return true
}

func (c *conn) release() {
	if c.holds {
		c.holds = false
		c.srv.holders.Add(-1)
	}
	if a := c.act; a != nil {
		c.act = nil
		a.detach()
		c.srv.buffers.Put(a)
	}
}
