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

	since  int64     // sweeper time when the wait for room began; 0: none
	unsent int       // bytes the client had not taken then
	debt   sock.Debt // to the minimum send rate
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
		c.writeBy.Store(w.debt.Deadline(c.srv.sweeper.Now(), c.cfg.SendTimeout))
		defer c.writeBy.Store(0)
	}
	err := c.rc.Write(w.fn)
	for errors.Is(err, os.ErrDeadlineExceeded) && c.writeMore() {
		err = c.rc.Write(w.fn)
	}
	w.parts, w.since = nil, 0
	if w.err != nil {
		err = w.err
	}
	return w.n, sendError(err)
}

// writeMore reports whether a write that was woken by a deadline goes on: it was
// meant for an earlier one, or the client has taken something since, though not
// enough for the kernel to say that there is room.
func (c *conn) writeMore() bool {
	_ = c.raw.SetWriteDeadline(time.Time{})
	if c.cutoff.Load() || c.severed.Load() { // looked at last: both set a deadline behind them
		return false
	}
	by := c.writeBy.Load()
	return by == 0 || c.srv.sweeper.Now() <= by || c.act.wr.progress(sock.UnsentConn(c.rc))
}

// pause notes that a wait for room in the socket begins.
func (w *writer) pause(fd uintptr) {
	w.since, w.unsent = w.c.srv.sweeper.Now(), sock.Unsent(fd)
}

// progress accounts the wait at hand: the client has not taken unsent bytes yet.
// It reports whether the wait may go on, having set its deadline.
func (w *writer) progress(unsent int) bool {
	c := w.c
	now, took := c.srv.sweeper.Now(), max(0, w.unsent-unsent)
	if w.since == 0 {
		return false
	}
	w.debt.Settle(now-w.since, int64(took), c.cfg.MinSendRate)
	w.since, w.unsent = now, unsent
	if took == 0 {
		return false
	}
	by := w.debt.Deadline(now, c.cfg.SendTimeout)
	c.writeBy.Store(by)
	return by == 0 || by > now
}

// resume ends a wait for room.
func (w *writer) resume(fd uintptr) {
	w.progress(sock.Unsent(fd))
	w.since = 0
}

// step is the raw write callback: it writes once and again while the kernel
// takes something, and waits for room only if asked to.
func (w *writer) step(fd uintptr) bool {
	c := w.c
	if w.since != 0 {
		w.resume(fd)
	}
	for {
		n, err := w.once(fd)
		w.n += n
		switch {
		case errors.Is(err, sock.ErrAgain):
			if w.wait {
				w.pause(fd)
			}
			return !w.wait
		case err != nil:
			w.err = err
			return true
		case w.advance(n), !w.wait: // a short write means that the socket is full
			return true
		}
		c.writeBy.Store(w.debt.Deadline(c.srv.sweeper.Now(), c.cfg.SendTimeout)) // progress
	}
}

func (w *writer) once(fd uintptr) (int, error) {
	if w.c.tls != nil {
		return w.c.tls.WriteFD(fd, w.parts)
	}
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
