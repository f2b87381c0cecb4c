package http2

import (
	"errors"
	"net"
	"syscall"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// wire is the connection's socket, with TLS or without. One goroutine at a time
// reads and one writes.
type wire struct {
	net.Conn
	direct sock.Direct     // nil: no access that does not wait
	raw    syscall.RawConn // of direct
	plain  bool            // direct has no TLS
}

func (w *wire) init(nc net.Conn) {
	w.Conn = nc
	switch d := nc.(type) {
	case sock.Direct:
		w.direct = d
	default:
		if p := sock.NewPlain(nc); p != nil {
			w.direct = p
		}
	}
	if w.direct != nil {
		w.raw = w.direct.Raw()
		_, w.plain = w.direct.(*sock.Plain)
	}
}

// read reads once within the raw read callback. empty says that there is
// nothing more to read before the next edge.
func (w *wire) read(fd uintptr, p []byte) (n int, empty bool, err error) {
	n, err = w.direct.ReadFD(fd, p)
	if errors.Is(err, sock.ErrAgain) {
		return 0, true, nil
	}
	return n, w.plain && n < len(p), err
}

// tryWrite writes what the socket takes now. A connection that cannot do
// without waiting takes nothing. What is written next begins with the rest.
func (w *wire) tryWrite(p []byte) (int, error) {
	if w.direct == nil {
		return 0, nil
	}
	return w.direct.TryWrite(p)
}

// writeSome waits until the socket takes something, within the write deadline,
// and writes what it takes; the rules of tryWrite hold. A connection that cannot
// do without waiting takes all of p.
func (w *wire) writeSome(p []byte) (n int, err error) {
	if w.direct == nil {
		return w.Conn.Write(p)
	}
	one := [1][]byte{p}
	var inner error
	err = w.raw.Write(func(fd uintptr) bool {
		n, inner = w.direct.WriteFD(fd, one[:])
		return !errors.Is(inner, sock.ErrAgain)
	})
	if err == nil {
		err = inner
	}
	return n, err
}

// closed looks whether the client has closed its side.
func (w *wire) closed() bool {
	switch {
	case w.direct == nil:
		return false
	case w.plain:
		return sock.PeekConn(w.raw) == sock.Closed
	}
	return sock.PeekTLS(w.raw) == sock.Closed
}

// closeWrite sends a FIN, and reports whether it could.
func (w *wire) closeWrite() bool {
	if w.direct != nil {
		return w.direct.CloseWrite() == nil
	}
	half, ok := w.Conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}
