package fcgi

import (
	"errors"
	"fmt"
)

// What callers branch on. I/O errors are wrapped beneath ErrStale and
// ErrTruncated; errors of a Handler, of Request.StdinReader or of
// Request.DataFrom are returned as they are.
var (
	// ErrStale: the connection ended (EOF, EPIPE, reset) before a single byte
	// of the reply. Typical of a kept connection whose backend has gone.
	ErrStale = errors.New("fcgi: connection ended before the reply")
	// ErrTruncated: the connection ended after reply bytes and before
	// END_REQUEST. What was delivered is not a complete reply.
	ErrTruncated = errors.New("fcgi: connection ended within the reply")
	// ErrReadTimeout: the backend sent nothing for ReadTimeout.
	ErrReadTimeout = errors.New("fcgi: backend sent nothing in time")
	// ErrSendTimeout: the backend took nothing of the request for SendTimeout.
	ErrSendTimeout = errors.New("fcgi: backend took nothing in time")
	// ErrClosed: the connection was closed on our side.
	ErrClosed = errors.New("fcgi: connection closed")
	// ErrBusy: Do was called on a Conn that is serving another request.
	ErrBusy = errors.New("fcgi: connection busy")
	// ErrNoStream: Do was called on a Mux without a free request id.
	ErrNoStream = errors.New("fcgi: no free stream")
	// ErrOverrun: a caller of Mux.Do did not take its reply fast enough.
	ErrOverrun = errors.New("fcgi: reply buffer full")
	// ErrStdinShort: Request.StdinReader ended before StdinLen bytes.
	ErrStdinShort = errors.New("fcgi: request body shorter than announced")
	// ErrDataShort: Request.DataFrom ended before DataLen bytes.
	ErrDataShort = errors.New("fcgi: filter data shorter than announced")
	// ErrOverloaded: the backend ended the request with FCGI_OVERLOADED.
	ErrOverloaded = errors.New("fcgi: backend overloaded")
	// ErrCantMultiplex: the backend ended the request with FCGI_CANT_MPX_CONN.
	ErrCantMultiplex = errors.New("fcgi: backend cannot multiplex")
	// ErrUnknownRole: the backend ended the request with FCGI_UNKNOWN_ROLE.
	ErrUnknownRole = errors.New("fcgi: backend does not know the role")
	// ErrPair: a name-value pair is cut or longer than the bytes it is in.
	ErrPair = errors.New("fcgi: malformed name-value pair")
	// ErrShort: a fixed-length body or header is incomplete.
	ErrShort = errors.New("fcgi: short body")
)

// ProtocolError says that the backend sent what the protocol does not allow at
// that point. The connection it came from has been closed.
type ProtocolError struct {
	What string // what is wrong, for people
	ID   uint16 // request id of the record at fault
	Type Type   // type of the record at fault
}

// Error describes what came.
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("fcgi: protocol error: %s in %v record, id %d", e.What, e.Type, e.ID)
}
