package fcgitest

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// ErrBroken is what a Conn returns behind its breaking point.
var ErrBroken = errors.New("fcgitest: connection broken on purpose")

// Conn wraps a net.Conn and breaks one thing. It has no descriptor of its own,
// so code under test takes the ordinary path with it. Set its fields before
// use.
type Conn struct {
	net.Conn
	// MaxRead is the most bytes one Read returns; 0: no limit.
	MaxRead int
	// MaxWrite is the most bytes one Write of the wrapped connection gets; a
	// longer Write is made in pieces. 0: no limit.
	MaxWrite int
	// BreakRead, if above 0, closes the connection when that many bytes have
	// been read: the next Read returns ErrBroken.
	BreakRead int64
	// BreakWrite, if above 0, closes the connection when that many bytes have
	// been written; the Write that crosses the mark is short and returns
	// ErrBroken.
	BreakWrite int64

	read, written atomic.Int64
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if c.MaxRead > 0 {
		p = p[:min(len(p), c.MaxRead)]
	}
	if c.BreakRead > 0 {
		left := c.BreakRead - c.read.Load()
		if left <= 0 {
			c.Conn.Close()
			return 0, ErrBroken
		}
		p = p[:min(int64(len(p)), left)]
	}
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	all := len(p)
	if c.BreakWrite > 0 {
		p = p[:min(int64(len(p)), c.BreakWrite-c.written.Load())]
	}
	n, err := c.writePieces(p)
	c.written.Add(int64(n))
	if err != nil {
		return n, err
	}
	if n < all {
		c.Conn.Close()
		return n, ErrBroken
	}
	return n, nil
}

func (c *Conn) writePieces(p []byte) (n int, err error) {
	for n < len(p) {
		piece := p[n:]
		if c.MaxWrite > 0 {
			piece = piece[:min(len(piece), c.MaxWrite)]
		}
		k, err := c.Conn.Write(piece)
		n += k
		if err != nil {
			return n, err
		}
		if k == 0 {
			return n, io.ErrShortWrite
		}
	}
	return n, nil
}

// Counts returns how many bytes were read and written.
func (c *Conn) Counts() (read, written int64) { return c.read.Load(), c.written.Load() }
