package server

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// sendfileMax is the most one sendfile(2) is asked for, so that progress shows
// between two calls.
const sendfileMax = 1 << 20

// SendFile sends n bytes of f from off as the next part of the body, from the
// page cache to the socket where the kernel can, and waits for the client
// within the send timeout. It returns io.ErrUnexpectedEOF when the file ends
// early, and errors.ErrUnsupported, having sent nothing, for responses of
// unknown length and connections with TLS or without raw access. f's own offset does not
// move.
func (s *sink) SendFile(f *os.File, off, n int64, last bool) error {
	if s.NoBody || s.c.rc == nil || s.c.tls != nil || s.Response == nil || s.Response.ContentLength < 0 {
		return errors.ErrUnsupported
	}
	if err := s.prepare(int(n), last); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	sent, err := s.c.sendfile(f, off, n)
	s.Took(int(sent))
	if err == nil && last {
		s.Stage = exchange.StageDone
	}
	return err
}

// sendfile sends until n bytes are out, waiting for room in the socket.
func (c *conn) sendfile(f *os.File, off, n int64) (sent int64, err error) {
	src, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var inner error
	err = src.Control(func(from uintptr) {
		w := &c.act.wr
		c.writeBy.Store(w.debt.Deadline(c.srv.sweeper.Now(), c.cfg.SendTimeout))
		defer c.writeBy.Store(0)
		step := func(to uintptr) bool {
			if w.since != 0 {
				w.resume(to)
			}
			var again bool
			if again, inner = c.sendfileStep(to, from, &off, n, &sent); again {
				w.pause(to)
			}
			return !again
		}
		err := c.rc.Write(step)
		for errors.Is(err, os.ErrDeadlineExceeded) && c.writeMore() {
			err = c.rc.Write(step)
		}
		w.since = 0
		if inner == nil && err != nil {
			inner = sendError(err)
		}
	})
	return sent, errors.Join(inner, err)
}

// sendfileStep sends what the socket takes; again asks to wait for room.
func (c *conn) sendfileStep(to, from uintptr, off *int64, n int64, sent *int64) (again bool, err error) {
	for *sent < n {
		k, err := unix.Sendfile(int(to), int(from), off, int(min(n-*sent, sendfileMax)))
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return true, nil
		case err != nil:
			return false, sendError(err)
		case k == 0:
			return false, io.ErrUnexpectedEOF
		default:
			*sent += int64(k)
			c.writeBy.Store(c.act.wr.debt.Deadline(c.srv.sweeper.Now(), c.cfg.SendTimeout)) // progress
		}
	}
	return false, nil
}
