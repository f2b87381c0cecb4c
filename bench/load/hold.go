package load

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Held is a number of open client connections that do nothing.
type Held struct{ conns []*net.TCPConn }

// Hold opens n connections one after the other, makes one request on each,
// whose answer must have the status 200, and leaves them open until Close. The
// request must not ask for the connection to be closed.
func Hold(ctx context.Context, addr string, request []byte, n int) (*Held, error) {
	h := &Held{conns: make([]*net.TCPConn, 0, n)}
	buf := make([]byte, readSize)
	var a Answer
	for range n {
		if err := h.open(ctx, addr, request, &a, buf); err != nil {
			return nil, errors.Join(fmt.Errorf("load: connection %d of %d: %w", len(h.conns)+1, n, err), h.Close())
		}
	}
	return h, nil
}

func (h *Held) open(ctx context.Context, addr string, request []byte, a *Answer, buf []byte) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	h.conns = append(h.conns, conn.(*net.TCPConn))
	a.Reset()
	if err := exchange(conn, request, a, buf); err != nil {
		return err
	}
	if a.Status != 200 {
		return fmt.Errorf("%w: status %d", ErrAnswer, a.Status)
	}
	return nil
}

// Open counts the connections that the server has not closed.
func (h *Held) Open() int {
	n := 0
	for _, c := range h.conns {
		if isOpen(c) {
			n++
		}
	}
	return n
}

// isOpen looks without waiting and without taking anything.
func isOpen(c *net.TCPConn) bool {
	rc, err := c.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = rc.Control(func(fd uintptr) {
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		open = err == unix.EAGAIN
	})
	return err == nil && open
}

// Close closes all connections.
func (h *Held) Close() error {
	var errs []error
	for _, c := range h.conns {
		errs = append(errs, c.Close())
	}
	h.conns = nil
	return errors.Join(errs...)
}
