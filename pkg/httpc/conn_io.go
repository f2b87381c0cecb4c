package httpc

import (
	"fmt"
	"io"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// read waits for the next bytes of the reply, which are in c.buf then; the first
// one sends the request.
func (c *Conn) read() (int, error) {
	if c.rc == nil {
		return c.readPlain()
	}
	c.n, c.readErr = 0, nil
	err := c.rc.Read(c.readFn)
	c.watch.Resting()
	if err != nil {
		return 0, err
	}
	return c.n, c.readErr
}

// readStep is the callback of read: it returns false to wait for the socket to
// become readable. It reads before every wait, so no edge of the poller is lost.
func (c *Conn) readStep(fd uintptr) bool {
	c.watch.Resting()
	if c.buf == nil {
		c.buf = c.cfg.Buffers.take()
	}
	if c.sending && !c.sendFirst(fd) {
		return true
	}
	c.n, c.readErr = sock.Read(fd, c.buf[:])
	if c.readErr != sock.ErrAgain {
		return true
	}
	c.cfg.Buffers.give(c.buf)
	c.buf = nil
	c.watch.Waiting()
	return false
}

// readPlain is read for a connection without a descriptor of its own. There the
// request is written by a goroutine: a write may wait for the server to read,
// which may wait for us to read.
func (c *Conn) readPlain() (int, error) {
	if c.sending {
		c.sending = false
		c.startWriter()
	}
	if c.buf == nil {
		c.buf = c.cfg.Buffers.take()
	}
	c.watch.Waiting()
	n, err := c.nc.Read(c.buf[:])
	c.watch.Resting()
	if n > 0 {
		return n, nil // an error comes again
	}
	return 0, err
}

// sendFirst writes what the socket takes of the request. False means that there
// is no use in waiting for a reply: nothing was sent, and readErr says why.
func (c *Conn) sendFirst(fd uintptr) bool {
	c.sending = false
	if c.kept {
		if _, err := sock.Read(fd, c.buf[:1]); err != sock.ErrAgain {
			c.readErr = fmt.Errorf("%w: %w", ErrStale, errUnasked)
			return false
		}
	}
	n, err := sock.Writev(fd, [][]byte{c.out.head, c.out.body})
	if err != nil && err != sock.ErrAgain {
		c.writeErr, c.readErr = err, err
		return false
	}
	c.sent = n > 0
	if !c.out.took(n) {
		c.startWriter()
	}
	return true
}

// writing is what is still to be written of a request.
type writing struct {
	head, body []byte
	reader     io.Reader
	left       int64 // bytes still to be read from reader
	sent       bool  // the writer's goroutine has written something
}

func (w *writing) begin(req *Request) {
	*w = writing{head: req.Head, body: req.Body}
	if req.BodyReader != nil {
		w.body, w.reader, w.left = nil, req.BodyReader, req.BodyLen
	}
}

func (w *writing) end() { *w = writing{} }

// took notes that n bytes were written and reports whether that was all.
func (w *writing) took(n int) bool {
	k := min(n, len(w.head))
	w.head, w.body = w.head[k:], w.body[n-k:]
	return len(w.head) == 0 && len(w.body) == 0 && w.left == 0
}

// startWriter has the rest of the request written while the caller reads: a
// server may answer before it has read everything.
func (c *Conn) startWriter() {
	c.wdone = make(chan error, 1)
	c.watch.Sending()
	go c.writer() // ends with the request's last byte or when endWriter stops it; endWriter waits
}

// writer writes what is in c.out. An error of the socket is not passed on:
// whatever it means, the reader sees the connection's end or an answer.
func (c *Conn) writer() {
	wrote, bodyErr := c.writeRest()
	c.watch.Sent()
	if bodyErr != nil {
		c.watch.Stop(bodyErr)
		wrote = bodyErr
	}
	c.wdone <- wrote
}

func (c *Conn) writeRest() (wrote, bodyErr error) {
	w := &c.out
	for _, p := range [][]byte{w.head, w.body} {
		if err := c.write(p); err != nil {
			return err, nil
		}
	}
	if w.left == 0 {
		return nil, nil
	}
	buf := c.cfg.Buffers.take()
	defer c.cfg.Buffers.give(buf)
	for w.left > 0 {
		c.watch.Reading()
		n, err := readSome(w.reader, buf[:min(w.left, bufferLen)])
		if err != nil {
			return nil, err
		}
		w.left -= int64(n)
		if err := c.write(buf[:n]); err != nil {
			return err, nil
		}
	}
	return nil, nil
}

func (c *Conn) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.watch.Sending()
	n, err := c.nc.Write(p)
	c.out.sent = c.out.sent || n > 0
	return err
}

// maxEmptyReads is how often a reader may return nothing before it is given up.
const maxEmptyReads = 100

// readSome reads at least one byte or returns an error; one that comes with
// bytes is left for the next call to meet again.
func readSome(r io.Reader, p []byte) (int, error) {
	for range maxEmptyReads {
		n, err := r.Read(p)
		switch {
		case n > 0:
			return n, nil
		case err == io.EOF:
			return 0, ErrBodyShort
		case err != nil:
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// lastWriteGrace is how long a reply that is complete waits for the write of the
// request's last piece to return: the server has read all of it, and only the
// writer's goroutine has not run yet.
const lastWriteGrace = 5 * time.Millisecond

// endWriter waits for the writer, if there is one, and says whether the whole
// request was sent. A writer that is not about to end is stopped.
func (c *Conn) endWriter(answered bool) bool {
	if c.sending || c.writeErr != nil {
		return false
	}
	if c.wdone == nil {
		return true
	}
	err, ended := c.awaitWriter(answered)
	if !ended {
		_ = c.nc.SetWriteDeadline(sock.Past()) // an error means closed, which ends the writer too
		err = <-c.wdone
	}
	c.wdone = nil
	return ended && err == nil
}

// awaitWriter gives a writer that may be about to end a moment, if the reply is
// complete.
func (c *Conn) awaitWriter(answered bool) (err error, ended bool) {
	select {
	case err = <-c.wdone:
		return err, true
	default:
	}
	if !answered {
		return nil, false
	}
	t := time.NewTimer(c.grace)
	defer t.Stop()
	select {
	case err = <-c.wdone:
		return err, true
	case <-t.C:
		return nil, false
	}
}
