package exchange

// Response is the final response a handler gives.
type Response struct {
	Status int
	// Header holds the fields to send. Framing (Content-Length,
	// Transfer-Encoding, Connection, Keep-Alive) is the sink's business and must
	// not be in it; Date and Server are added when missing.
	Header Header
	// ContentLength is the body's size, or -1 when the end is known only when
	// it comes.
	ContentLength int64
}

// Reset makes r an empty 200 of unknown length and keeps its storage.
func (r *Response) Reset() {
	r.Status = 200
	r.ContentLength = -1
	r.Header.Reset()
}

// NoBodyStatus reports whether a response with this status never has a body
// (RFC 9110 section 6.4.1).
func NoBodyStatus(status int) bool {
	return status/100 == 1 || status == 204 || status == 304
}

// Sink is the listener's side of one response. Calls come from one goroutine
// at a time, in the order Interim*, Start, writes, the last of which says so;
// or Abort at any point. For HEAD and statuses without a body the sink drops
// body bytes itself, so handlers need not care.
type Sink interface {
	// Interim sends a 1xx response at once, where the client's protocol allows
	// one; elsewhere it does nothing.
	Interim(status int, h *Header) error
	// Start fixes the final response. The sink may hold its head back until the
	// first write. r must stay unchanged until the response ends.
	Start(r *Response) error
	// TryWrite sends what the client takes now of p and returns how much; it
	// never waits and keeps nothing of p. An empty p sends a head that is held
	// back. last says that the body ends with p:
	// when all of p was taken the response is complete. A count below len(p)
	// with a nil error means that the client is not reading fast enough: call
	// Write with the rest, with the same last.
	TryWrite(p []byte, last bool) (int, error)
	// Write is TryWrite that waits for the client, within the send timeout.
	Write(p []byte, last bool) error
	// Abort ends the response so that the client can see it is not complete
	// (connection closed without the last chunk, stream reset).
	Abort()
	// Started reports whether anything of the final response may have been
	// sent, so that it can no longer be replaced by another.
	Started() bool
	// ClientGone looks whether the client has closed its side, without waiting.
	// Unlike the others it may be called from any goroutine at any time.
	ClientGone() bool
	// Sent returns the number of body bytes handed to the client so far.
	Sent() int64
}

// Handler answers exchanges.
type Handler interface {
	// Serve answers x completely (or aborts it) before it returns. It may be
	// called on many goroutines at once, each with its own Exchange.
	Serve(x *Exchange)
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(x *Exchange)

// Serve calls f.
func (f HandlerFunc) Serve(x *Exchange) { f(x) }
