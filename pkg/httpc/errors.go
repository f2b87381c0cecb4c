package httpc

import (
	"errors"
	"fmt"
	"strconv"
)

// What callers branch on. I/O errors are wrapped beneath ErrStale and
// ErrTruncated; errors of a Handler or of Request.BodyReader are returned as
// they are.
var (
	// ErrStale: the connection ended before a single byte of the reply, or
	// something stood on it before anything was sent. Progress.Sent tells whether
	// the server can have seen the request.
	ErrStale = errors.New("httpc: connection ended before the reply")
	// ErrTruncated: the connection ended within the reply.
	ErrTruncated = errors.New("httpc: connection ended within the reply")
	// ErrReadTimeout: the server sent nothing for ReadTimeout.
	ErrReadTimeout = errors.New("httpc: server sent nothing in time")
	// ErrSendTimeout: the server took nothing of the request for SendTimeout.
	ErrSendTimeout = errors.New("httpc: server took nothing in time")
	// ErrClosed: the connection was closed on our side.
	ErrClosed = errors.New("httpc: connection closed")
	// ErrBodyShort: Request.BodyReader ended before BodyLen bytes.
	ErrBodyShort = errors.New("httpc: request body shorter than announced")
	// ErrHeadTooLarge: the heads of a reply exceed Reply.MaxHead. It comes in a
	// ProtocolError.
	ErrHeadTooLarge = errors.New("head too large")
)

// errUnasked is beneath ErrStale when a kept connection has something to say.
var errUnasked = errors.New("something came on an idle connection")

// ProtocolError says that the reply is not what HTTP/1.1 allows. The connection
// it came from has been closed.
type ProtocolError struct {
	What string // what is wrong, a constant text without the server's bytes
	Came string // the beginning of the line it is about, without a field's value; empty: of none
	Err  error  // ErrHeadTooLarge or http1.ErrChunk, else nil
}

// Error says what came.
func (e *ProtocolError) Error() string {
	if e.Came == "" {
		return "httpc: bad response: " + e.What
	}
	return "httpc: bad response: " + e.What + ": " + strconv.Quote(e.Came)
}

// Unwrap returns Err.
func (e *ProtocolError) Unwrap() error { return e.Err }

func bad(what string) error { return &ProtocolError{What: what} }

// cameMax bounds ProtocolError.Came.
const cameMax = 40

// about adds to err, if it is one, the beginning of the line that it is about.
func about(err error, line []byte) error {
	if p, ok := err.(*ProtocolError); ok {
		p.Came = string(line[:min(len(line), cameMax)])
	}
	return err
}

// broken says what the end of the connection means for the request.
func broken(received bool, cause error) error {
	if received {
		return fmt.Errorf("%w: %w", ErrTruncated, cause)
	}
	return fmt.Errorf("%w: %w", ErrStale, cause)
}
