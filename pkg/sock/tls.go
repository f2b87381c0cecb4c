package sock

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// maxRecord is the most that one TLS record carries (RFC 8446 section 5.1).
const maxRecord = 16 << 10

// batch is how many bytes are encrypted before they are sent: two records, so
// that a large response costs a system call per two of them and a client that
// does not read holds no more than that.
const batch = 2 * maxRecord

// errOwed: a caller did not go on where the last write stopped.
var errOwed = errors.New("sock: write does not begin with the rest of the one before")

// TLS is the server's side of a TLS connection over a socket. Unlike a tls.Conn
// it can be read from and written to without waiting, and what it holds while
// it is idle are crypto/tls's own structs only. Deadlines are those of the
// socket; one that passed during a write breaks nothing.
type TLS struct {
	c   *tls.Conn
	w   wire
	try attempt

	owing bool // the last byte of a write is in wire.out but was not counted
	owed  byte // that byte
}

// NewTLS makes the server's side of a TLS connection of nc, which must have raw
// access; Handshake comes first. records is where storage comes from.
func NewTLS(nc net.Conn, cfg *tls.Config, records *Records) (*TLS, error) {
	rc := Raw(nc)
	if rc == nil {
		return nil, errors.New("sock: TLS needs a socket")
	}
	t := &TLS{w: wire{Conn: nc, rc: rc, records: records}}
	t.w.fn = t.w.flushOnce
	t.c = tls.Server(&t.w, cfg)
	t.try.init(t)
	return t, nil
}

// Handshake runs the handshake, waiting for the peer within the socket's
// deadlines. It must have returned nil before anything else is called but
// Close and the deadlines.
func (t *TLS) Handshake() error {
	err := t.c.HandshakeContext(context.Background())
	t.w.up = err == nil
	return err
}

// ConnectionState returns what the handshake agreed on.
func (t *TLS) ConnectionState() tls.ConnectionState { return t.c.ConnectionState() }

// Raw implements Direct.
func (t *TLS) Raw() syscall.RawConn { return t.w.rc }

// Edge implements Direct.
func (t *TLS) Edge() { t.w.drained = false }

// Read implements net.Conn; it waits.
func (t *TLS) Read(p []byte) (int, error) {
	n, err := t.c.Read(p)
	if n > 0 {
		err = nil // it comes again
	}
	return n, err
}

// ReadFD implements Direct.
func (t *TLS) ReadFD(fd uintptr, p []byte) (int, error) {
	t.w.fd = fd
	n, err := t.c.Read(p)
	t.w.fd = 0
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, errNothing):
		return 0, ErrAgain
	}
	return 0, err
}

// Partial reports whether a part of a record has been received. Nothing of it
// has come out of Read.
func (t *TLS) Partial() bool { return t.w.in.partial() }

// WriteFD implements Direct.
func (t *TLS) WriteFD(fd uintptr, parts [][]byte) (n int, err error) {
	if err := t.w.flush(fd); err != nil {
		return 0, err
	}
	total := 0
	for _, p := range parts {
		total += len(p)
	}
	src := source{parts: parts}
	if t.owing && total > 0 {
		if src.next(1)[0] != t.owed {
			return 0, errOwed
		}
		t.owing = false
		n = 1
	}
	for n < total {
		k, err := t.encrypt(&src, total-n)
		if err != nil {
			return n, err
		}
		err = t.w.flush(fd)
		n += k
		switch {
		case err == nil:
		case !errors.Is(err, ErrAgain):
			return n, err
		case n < total:
			return n, nil
		default:
			return t.owe(n, src.last)
		}
	}
	return n, nil
}

// owe takes back the last of n bytes whose records are not all out, so that the
// caller knows that it has to come again.
func (t *TLS) owe(n int, last byte) (int, error) {
	t.owing, t.owed = true, last
	if n == 1 {
		return 0, ErrAgain
	}
	return n - 1, nil
}

// encrypt makes records of up to a batch of the left bytes of src and returns
// how many it took.
func (t *TLS) encrypt(src *source, left int) (n int, err error) {
	t.w.hold(true)
	defer t.w.hold(false)
	for n < min(left, batch) {
		k, err := t.c.Write(src.next(min(maxRecord, batch-n)))
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// TryWrite implements TryWriter.
func (t *TLS) TryWrite(p []byte) (int, error) { return t.try.write(t.w.rc, p) }

// Write implements net.Conn: all of p, waiting within the write deadline.
func (t *TLS) Write(p []byte) (total int, err error) {
	var inner error
	err = t.w.rc.Write(func(fd uintptr) bool {
		one := [1][]byte{p[total:]}
		n, err := t.WriteFD(fd, one[:])
		total += n
		if err != nil && !errors.Is(err, ErrAgain) {
			inner = err
			return true
		}
		return total == len(p)
	})
	if inner != nil {
		err = inner
	}
	return total, err
}

// CloseWrite implements Direct: close_notify, then the socket's end of the
// stream.
func (t *TLS) CloseWrite() error {
	if err := t.c.CloseWrite(); err != nil {
		return err
	}
	return closeWrite(t.w.Conn)
}

// Close implements net.Conn. A peer that agreed on TLS is told that the stream
// ends here, unless SetLinger(0) asked for a reset.
func (t *TLS) Close() error {
	if t.w.up && !t.w.reset {
		_ = t.c.CloseWrite() // the socket is closed in any case
	}
	err := t.w.Conn.Close()
	t.w.drop()
	return err
}

// SetLinger is that of net.TCPConn.
func (t *TLS) SetLinger(sec int) error {
	t.w.reset = sec == 0
	if tcp, ok := t.w.Conn.(interface{ SetLinger(sec int) error }); ok {
		return tcp.SetLinger(sec)
	}
	return nil
}

// LocalAddr implements net.Conn.
func (t *TLS) LocalAddr() net.Addr { return t.w.Conn.LocalAddr() }

// RemoteAddr implements net.Conn.
func (t *TLS) RemoteAddr() net.Addr { return t.w.Conn.RemoteAddr() }

// SetDeadline implements net.Conn.
func (t *TLS) SetDeadline(at time.Time) error { return t.w.Conn.SetDeadline(at) }

// SetReadDeadline implements net.Conn.
func (t *TLS) SetReadDeadline(at time.Time) error { return t.w.Conn.SetReadDeadline(at) }

// SetWriteDeadline implements net.Conn.
func (t *TLS) SetWriteDeadline(at time.Time) error { return t.w.Conn.SetWriteDeadline(at) }

// source gives out the bytes of several parts, which it does not change.
type source struct {
	parts [][]byte
	used  int  // of parts[0]
	last  byte // of what was given out
}

// next returns up to n bytes that lie together; there must be some left.
func (s *source) next(n int) []byte {
	for s.used == len(s.parts[0]) {
		s.parts, s.used = s.parts[1:], 0
	}
	p := s.parts[0][s.used:]
	if len(p) > n {
		p = p[:n]
	}
	s.used += len(p)
	s.last = p[len(p)-1]
	return p
}
