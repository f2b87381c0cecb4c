package fcgitest

import (
	"errors"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// responseBuffer is how many bytes a Response gathers before it writes.
const responseBuffer = 32 << 10

// ErrEnded is returned by methods of a Response behind End.
var ErrEnded = errors.New("fcgitest: response ended")

// Response writes one reply. It gathers records, so that a small reply and its
// END_REQUEST leave in one write, as php-fpm's do. It belongs to the handler's
// goroutine.
type Response struct {
	c    *conn
	p    *pending
	buf  []byte
	over bool
}

// Write appends p to the reply's STDOUT.
func (w *Response) Write(p []byte) (int, error) { return len(p), w.add(fcgi.TypeStdout, p) }

// WriteString is Write of a string.
func (w *Response) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Stderr appends p to the reply's STDERR.
func (w *Response) Stderr(p []byte) error { return w.add(fcgi.TypeStderr, p) }

// Raw appends bytes as they are, for replies that are not what they should be.
func (w *Response) Raw(b []byte) error {
	if w.over {
		return ErrEnded
	}
	w.buf = append(w.buf, b...)
	return w.room()
}

func (w *Response) add(t fcgi.Type, p []byte) error {
	if w.over {
		return ErrEnded
	}
	w.buf = fcgi.AppendStream(w.buf, t, w.p.ID, p)
	return w.room()
}

func (w *Response) room() error {
	if len(w.buf) < responseBuffer {
		return nil
	}
	return w.Flush()
}

// Flush writes what was gathered.
func (w *Response) Flush() error {
	if w.over {
		return ErrEnded
	}
	err := w.c.write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// End writes what was gathered and END_REQUEST. Like php-fpm it does not end
// the streams by empty records; Raw can. It must be called at most once.
func (w *Response) End(appStatus uint32, protocolStatus uint8) error {
	if w.over {
		return ErrEnded
	}
	w.over = true
	return w.c.end(w.p, fcgi.AppendEnd(w.buf, w.p.ID, fcgi.End{AppStatus: appStatus, ProtocolStatus: protocolStatus}))
}

// Close closes the connection in the middle of the reply, behind what was
// flushed.
func (w *Response) Close() { w.c.nc.Close() }
