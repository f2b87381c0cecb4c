package load

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/bench/poller"
)

// client is one client and its connection, if it has one.
type client struct {
	slot    int32
	gen     int32 // counts connections, so that late events are told apart
	fd      int   // -1 without a connection
	waiting bool  // a request is sent or about to be
	sent    time.Time
	answer  Answer
	answers int
}

// connect starts to open a connection to the server; it is usable when it
// becomes writable.
func (c *client) connect(p *poller.Poller, to netip.AddrPort) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.fd = fd
	c.gen++
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	if err != nil && err != unix.EINPROGRESS {
		return fmt.Errorf("load: connect: %w", err)
	}
	return p.Add(fd, poller.Writable, c.slot, c.gen)
}

// connected sends the request on a connection that became writable.
func (c *client) connected(p *poller.Poller, request []byte) error {
	if err := c.opened(p); err != nil {
		return err
	}
	return c.send(request)
}

// opened takes note that the connection became writable, or of why not.
func (c *client) opened(p *poller.Poller) error {
	code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("load: connect: %w", unix.Errno(code))
	}
	return p.Change(c.fd, poller.Readable, c.slot, c.gen)
}

// send writes the request at once: it is far smaller than a socket buffer.
func (c *client) send(request []byte) error {
	n, err := unix.Write(c.fd, request)
	if err == nil && n < len(request) {
		err = unix.ENOBUFS
	}
	if err != nil {
		return fmt.Errorf("load: send: %w", err)
	}
	return nil
}

// receive reads once and feeds the answer. closed says that the server has
// closed the connection.
func (c *client) receive(buf []byte) (closed bool, err error) {
	n, err := unix.Read(c.fd, buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return false, nil
	case err != nil:
		return true, fmt.Errorf("load: receive: %w", err)
	case n == 0 && !c.waiting:
		return true, nil
	case n == 0:
		return true, c.answer.EOF()
	case !c.waiting:
		return false, fmt.Errorf("%w: %d bytes without a request", ErrAnswer, n)
	}
	used, err := c.answer.Feed(buf[:n])
	if err == nil && used < n {
		err = fmt.Errorf("%w: %d bytes behind it", ErrAnswer, n-used)
	}
	return false, err
}

// check says whether a complete answer is the right one.
func (c *client) check(body int64) error {
	if c.answer.Status != 200 {
		return fmt.Errorf("%w: status %d", ErrAnswer, c.answer.Status)
	}
	if body != AnySize && c.answer.Body != body {
		return fmt.Errorf("%w: body of %d bytes, want %d", ErrAnswer, c.answer.Body, body)
	}
	return nil
}

func (c *client) close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}
