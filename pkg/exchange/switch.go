package exchange

import "io"

// Switcher is implemented by sinks that can turn a request into a stream of
// bytes in both directions. It may be asked only if Request.Upgrade is set.
type Switcher interface {
	// Switch sends the final response, instead of Start: 101 with an Upgrade
	// field on HTTP/1.1 (RFC 9110 section 7.8), 200 for an extended CONNECT
	// (RFC 8441); r.Status is ignored, framing fields are the sink's business.
	// The stream behind it is the client's. It is valid until Serve returns,
	// which ends it.
	Switch(r *Response) (Stream, error)
}

// Stream is the client's side of a connection that left HTTP. One goroutine may
// read while another one writes. Reads end with io.EOF when the client has
// closed its side, with ErrClientGone when the connection broke and with
// ErrCutOff when the gateway ends; Write waits for the client within the send
// timeout.
type Stream interface {
	io.ReadWriter
	// CloseWrite tells the client that nothing more follows.
	CloseWrite() error
	// Close ends the stream in both directions at once: a Read or Write under way
	// on another goroutine returns ErrClientGone. Unlike the others it may be
	// called from any goroutine, and again.
	Close() error
}
