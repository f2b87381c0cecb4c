package sock

import (
	"net"
	"syscall"
)

// Direct is a connection that can be used from the callbacks of its socket's
// RawConn, where it never waits: *Plain and *TLS. One goroutine at a time reads
// and one writes.
type Direct interface {
	net.Conn
	TryWriter
	// Raw returns the socket, for the callbacks that the calls below are made in.
	Raw() syscall.RawConn
	// ReadFD is Read of this package for what the connection carries, from inside
	// the callback of Raw().Read. Call it until it returns ErrAgain before waiting
	// for the next edge, and Edge whenever the callback is entered.
	ReadFD(fd uintptr, p []byte) (int, error)
	// Edge says that the socket may have something again.
	Edge()
	// WriteFD is Writev of this package for what the connection carries; it writes
	// all the kernel takes. See TryWriter for what must follow.
	WriteFD(fd uintptr, parts [][]byte) (int, error)
	// CloseWrite tells the peer that nothing more follows.
	CloseWrite() error
}

// Plain is a TCP or unix connection without anything on top.
type Plain struct {
	net.Conn
	rc  syscall.RawConn
	try attempt
}

// NewPlain makes a Plain of nc, nil if it has no raw access.
func NewPlain(nc net.Conn) *Plain {
	rc := Raw(nc)
	if rc == nil {
		return nil
	}
	c := &Plain{Conn: nc, rc: rc}
	c.try.init(c)
	return c
}

// Raw implements Direct.
func (c *Plain) Raw() syscall.RawConn { return c.rc }

// ReadFD implements Direct.
func (c *Plain) ReadFD(fd uintptr, p []byte) (int, error) { return Read(fd, p) }

// Edge implements Direct.
func (c *Plain) Edge() {}

// WriteFD implements Direct.
func (c *Plain) WriteFD(fd uintptr, parts [][]byte) (int, error) {
	if len(parts) == 1 {
		return Write(fd, parts[0])
	}
	return Writev(fd, parts)
}

// TryWrite implements TryWriter.
func (c *Plain) TryWrite(p []byte) (int, error) { return c.try.write(c.rc, p) }

// CloseWrite implements Direct.
func (c *Plain) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(nc net.Conn) error {
	half, ok := nc.(interface{ CloseWrite() error })
	if !ok {
		return syscall.EOPNOTSUPP
	}
	return half.CloseWrite()
}

// attempt is one TryWrite under way, kept so that it allocates nothing.
type attempt struct {
	one [1][]byte
	n   int
	err error
	fn  func(fd uintptr)
}

func (a *attempt) init(d Direct) {
	a.fn = func(fd uintptr) { a.n, a.err = d.WriteFD(fd, a.one[:]) }
}

// write goes by Control, which unlike Write never waits for another goroutine
// that waits for room in the socket.
func (a *attempt) write(rc syscall.RawConn, p []byte) (int, error) {
	a.one[0], a.n, a.err = p, 0, nil
	err := rc.Control(a.fn)
	a.one[0] = nil
	if a.err == ErrAgain { //nolint:errorlint // our own, never wrapped
		a.err = nil
	}
	if err == nil {
		err = a.err
	}
	return a.n, err
}

var (
	_ Direct = (*Plain)(nil)
	_ Direct = (*TLS)(nil)
)
