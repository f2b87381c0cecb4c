package fcgi

import (
	"errors"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// lastWriteGrace is how long a reply that is complete waits for the write of
// the request's last piece to return: the backend has read all of it, and only
// the writer's goroutine has not run yet.
const lastWriteGrace = 5 * time.Millisecond

// sendFirst writes the first records. False means that the write failed and
// the reply should be looked for at once, since the backend may have answered
// and closed.
func (c *Conn) sendFirst(fd uintptr) bool {
	n, err := sock.Write(fd, c.out)
	if err != nil && err != sock.ErrAgain {
		c.writeErr = err
		return false
	}
	c.sent = c.sent || n > 0
	c.withheld = c.withheld && n == 0
	c.out = c.out[n:]
	if len(c.out) == 0 && c.src.done() {
		c.dropOut()
		return true
	}
	c.startWriter()
	return true
}

// startWriter has the rest of the request written while the caller reads: a
// backend may answer before it has read everything.
func (c *Conn) startWriter() {
	c.wdone = make(chan error, 1)
	c.watch.Sending()
	go c.writer() // ends with the request's last byte or when endWriter stops it; endWriter waits
}

// writer writes what is in c.out and all that c.src still has.
func (c *Conn) writer() {
	err := c.writeRest()
	c.watch.Sent()
	if err != nil && !isWriteError(err) {
		c.watch.Stop(err)
	}
	c.wdone <- err
}

// writeError marks an error of the socket. It is not passed on: whatever it
// means, the reader sees the connection's end or an answer.
type writeError struct{ error }

func isWriteError(err error) bool {
	var we writeError
	return errors.As(err, &we)
}

func (c *Conn) writeRest() error {
	if err := c.writeHeld(); err != nil {
		return err
	}
	for {
		if err := c.write(c.out); err != nil {
			return err
		}
		if c.src.done() {
			return nil
		}
		if err := c.next(); err != nil {
			return err
		}
	}
}

// write writes p.
func (c *Conn) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.watch.Sending()
	n, err := c.nc.Write(p)
	if n > 0 {
		c.later.Store(true)
		c.withheld = c.withheld && c.src.hold
	}
	if err != nil {
		return writeError{err}
	}
	return nil
}

// next builds the next records into c.out.
func (c *Conn) next() (err error) {
	c.out = c.outBuf[:0]
	if c.src.mustRead() {
		c.watch.Reading()
		if c.out, err = c.src.read(c.out); err != nil {
			return err
		}
	}
	c.out = c.src.fill(c.out)
	return nil
}

// endWriter waits for the writer, if there is one, and says whether the whole
// request was sent. A writer that is not about to end is stopped.
func (c *Conn) endWriter(req *Request) bool {
	if c.sending || c.writeErr != nil {
		return false
	}
	if c.wdone == nil {
		return true
	}
	err, ended := c.awaitWriter()
	if !ended {
		_ = c.nc.SetWriteDeadline(sock.Past()) // an error means closed, which ends the writer too
		if req.StdinStop != nil {
			req.StdinStop()
		}
		err = <-c.wdone
	}
	c.wdone = nil
	return ended && err == nil
}

// awaitWriter gives a writer that may be about to end a moment, if the reply
// is complete.
func (c *Conn) awaitWriter() (err error, ended bool) {
	select {
	case err = <-c.wdone:
		return err, true
	default:
	}
	if !c.done {
		return nil, false
	}
	t := time.NewTimer(lastWriteGrace)
	defer t.Stop()
	select {
	case err = <-c.wdone:
		return err, true
	case <-t.C:
		return nil, false
	}
}
