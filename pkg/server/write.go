package server

import (
	"errors"
	"os"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// writer is what a raw write callback needs; it lives in the connection's
// active part so that no closure is made per write, nor per use of the part.
type writer struct {
	c     *conn
	parts [][]byte
	one   [1][]byte
	n     int
	err   error
	wait  bool
	fn    func(fd uintptr) bool
}

// write sends p: all of it, waiting for the client, or what the kernel takes.
func (c *conn) write(p []byte, wait bool) (int, error) {
	w := &c.act.wr
	w.one[0] = p
	return c.writeParts(w.one[:], wait)
}

// writev is write for several parts in order.
func (c *conn) writev(parts [][]byte, wait bool) (int, error) {
	return c.writeParts(parts, wait)
}

func (c *conn) writeParts(parts [][]byte, wait bool) (int, error) {
	if c.rc == nil {
		return c.writeOrdinary(parts)
	}
	w := &c.act.wr
	w.parts, w.n, w.err, w.wait = parts, 0, nil, wait
	if !wait && c.fd != 0 { // within the read callback the socket is ours already
		w.step(c.fd)
		w.parts = nil
		return w.n, sendError(w.err)
	}
	if wait {
		c.writeBy.Store(c.srv.sweeper.After(c.cfg.SendTimeout))
		defer c.writeBy.Store(0)
	}
	err := c.rc.Write(w.fn)
	for errors.Is(err, os.ErrDeadlineExceeded) && c.writeEarly() {
		err = c.rc.Write(w.fn)
	}
	w.parts = nil
	if w.err != nil {
		err = w.err
	}
	return w.n, sendError(err)
}

// writeEarly reports whether a write was woken by a deadline that was meant for
// an earlier one, and clears it.
func (c *conn) writeEarly() bool {
	by := c.writeBy.Load()
	if c.cutoff.Load() || (by != 0 && c.srv.sweeper.Now() > by) {
		return false
	}
	_ = c.nc.SetWriteDeadline(time.Time{})
	return true
}

// step is the raw write callback: it writes once and again while the kernel
// takes something, and waits for room only if asked to.
func (w *writer) step(fd uintptr) bool {
	c := w.c
	for {
		n, err := w.once(fd)
		w.n += n
		switch {
		case errors.Is(err, sock.ErrAgain):
			return !w.wait
		case err != nil:
			w.err = err
			return true
		case w.advance(n), !w.wait: // a short write means that the socket is full
			return true
		}
		c.writeBy.Store(c.srv.sweeper.After(c.cfg.SendTimeout)) // progress
	}
}

func (w *writer) once(fd uintptr) (int, error) {
	if len(w.parts) == 1 {
		return sock.Write(fd, w.parts[0])
	}
	return sock.Writev(fd, w.parts)
}

// advance drops n written bytes from the parts and reports whether all are out.
func (w *writer) advance(n int) bool {
	for len(w.parts) > 0 && n >= len(w.parts[0]) {
		n -= len(w.parts[0])
		w.parts = w.parts[1:]
	}
	if len(w.parts) == 0 {
		return true
	}
	w.parts[0] = w.parts[0][n:]
	return false
}

// writeOrdinary is writeParts for connections without raw access; it always
// waits, because there is no way to ask them for less.
func (c *conn) writeOrdinary(parts [][]byte) (int, error) {
	total := 0
	for _, p := range parts {
		c.writeBy.Store(c.srv.sweeper.After(c.cfg.SendTimeout))
		n, err := c.nc.Write(p)
		total += n
		if err != nil {
			c.writeBy.Store(0)
			return total, sendError(err)
		}
	}
	c.writeBy.Store(0)
	return total, nil
}

func sendError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return exchange.ErrSendTimeout
	}
	return exchange.ErrClientGone
}
