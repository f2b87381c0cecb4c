package sock

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// maxUnsent bounds the records that wait for room in the socket: a batch with
// what TLS adds, and the answers to key updates of a peer that reads nothing.
const maxUnsent = batch + 8<<10

// errUnsent: a peer asks for answers (key updates) and does not read them.
var errUnsent = errors.New("sock: peer does not read what it asks for")

// Records is storage for TLS records on their way out, shared by connections.
// The zero value is ready.
type Records struct{ pool sync.Pool }

func (r *Records) get() *[]byte {
	if b, ok := r.pool.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (r *Records) put(b *[]byte) {
	*b = (*b)[:0]
	r.pool.Put(b)
}

// wire is the socket as crypto/tls sees it. During the handshake it waits like
// any net.Conn. After it, writes never wait: what the kernel does not take stays
// in out until the next flush; reads do not wait inside the callback of ReadFD,
// where they end with errNothing instead.
//
// Nothing here relies on more of crypto/tls than it documents for a
// net.Conn: an error whose Temporary is true does not break the connection,
// and what was read of a record before it is kept.
type wire struct {
	net.Conn
	rc      syscall.RawConn
	records *Records

	// Owned by the reading goroutine.
	fd      uintptr // the socket while ReadFD runs, else 0
	drained bool    // a read got all there was; only an edge brings more
	in      framing

	up    bool // the handshake is over; set before the connection is shared
	reset bool // the connection ends with a reset

	mu   sync.Mutex // guards what follows; never held while waiting
	held bool       // WriteFD gathers records and will flush
	out  *[]byte    // records not yet sent are (*out)[sent:]; nil: none
	sent int
	fn   func(fd uintptr) // flushOnce
	err  error            // of flushOnce
}

// nothing is the error of a read that would have had to wait. It is a temporary
// net.Error, which crypto/tls does not take for the end.
type nothing struct{}

func (nothing) Error() string   { return "sock: nothing to read yet" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

var errNothing net.Error = nothing{}

// Read implements net.Conn for crypto/tls.
func (w *wire) Read(p []byte) (n int, err error) {
	switch {
	case w.fd == 0:
		n, err = w.Conn.Read(p)
	case w.drained:
		return 0, errNothing
	default:
		n, err = Read(w.fd, p)
		w.drained = n < len(p)
		if err == ErrAgain { //nolint:errorlint // our own, never wrapped
			return 0, errNothing
		}
	}
	w.in.add(p[:n])
	return n, err
}

// Write implements net.Conn for crypto/tls.
func (w *wire) Write(p []byte) (int, error) {
	if !w.up {
		return w.Conn.Write(p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out == nil {
		w.out, w.sent = w.records.get(), 0
	}
	if len(*w.out)-w.sent+len(p) > maxUnsent {
		return 0, errUnsent
	}
	*w.out = append(*w.out, p...)
	if !w.held { // an answer that TLS gives by itself; what is left goes with the next
		w.err = nil
		if err := w.rc.Control(w.fn); err != nil {
			return 0, err
		}
	}
	return len(p), w.err
}

// SetDeadline and SetWriteDeadline are what crypto/tls sets around its
// close_notify, whose write here does not wait.
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// hold makes writes gather records until hold(false).
func (w *wire) hold(on bool) {
	w.mu.Lock()
	w.held = on
	if on {
		w.err = nil
	}
	w.mu.Unlock()
}

// flush sends what waits; ErrAgain says that some of it still does.
func (w *wire) flush(fd uintptr) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flushLocked(fd)
}

func (w *wire) flushLocked(fd uintptr) error {
	if w.out == nil {
		return nil
	}
	for w.sent < len(*w.out) {
		n, err := Write(fd, (*w.out)[w.sent:])
		w.sent += n
		if err != nil {
			return err
		}
	}
	w.release()
	return nil
}

// flushOnce is flushLocked as a callback.
func (w *wire) flushOnce(fd uintptr) {
	if err := w.flushLocked(fd); !errors.Is(err, ErrAgain) {
		w.err = err
	}
}

func (w *wire) release() {
	w.records.put(w.out)
	w.out = nil
}

// drop gives the storage of a closed connection back.
func (w *wire) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out != nil {
		w.release()
	}
}

// recordHeader is type, version and length (RFC 8446 section 5.1).
const recordHeader = 5

// framing follows the record headers in a stream, to know where records end.
type framing struct {
	header [recordHeader]byte
	have   int // of header
	left   int // of the record's content
}

func (f *framing) add(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left -= n
			p = p[n:]
			continue
		}
		n := copy(f.header[f.have:], p)
		p = p[n:]
		if f.have += n; f.have == recordHeader {
			f.left = int(f.header[3])<<8 | int(f.header[4])
			f.have = 0
		}
	}
}

func (f *framing) partial() bool { return f.have > 0 || f.left > 0 }
