package exchange

import "errors"

// Errors of a handler that does not keep to the order or the length of its
// response. The sink that returns one has sent nothing of what it was given.
var (
	// ErrShortBody: the response was ended before its declared length.
	ErrShortBody = errors.New("response body shorter than its Content-Length")
	// ErrLongBody: more was written than the declared length.
	ErrLongBody = errors.New("response body longer than its Content-Length")
	// ErrStarted: Start was called twice.
	ErrStarted = errors.New("response started twice")
	// ErrNotStarted: a write came before Start.
	ErrNotStarted = errors.New("write before the start of the response")
	// ErrEnded: a write came behind the last one or behind Abort.
	ErrEnded = errors.New("write after the end of the response")
)

// Stage is how far a response has come.
type Stage uint8

// The stages, in their order.
const (
	StageNew     Stage = iota
	StageHeld          // Start was called, the head is not made yet
	StageBody          // the head is made, and may be on its way
	StageDone          // complete, as far as the handler is concerned
	StageAborted       // ended before it was complete
)

// Outgoing is what every Sink has to know of its response: embedded in one, it
// holds calls against their order and bytes against the declared length. Its
// owner moves Stage on behind StageHeld. The zero value is that of a new
// response.
type Outgoing struct {
	Response *Response // given to Begin; nil before
	Stage    Stage
	NoBody   bool // HEAD, 204, 304: payload is dropped
	sent     int64
}

// Begin does what is common to every Sink's Start: r answers a request that is
// a HEAD or is not.
func (o *Outgoing) Begin(r *Response, head bool) error {
	if o.Stage != StageNew {
		return ErrStarted
	}
	o.Response = r
	o.Stage = StageHeld
	o.NoBody = head || NoBodyStatus(r.Status)
	return nil
}

// Writable returns an error unless the response has begun and is not over.
func (o *Outgoing) Writable() error {
	switch o.Stage {
	case StageNew:
		return ErrNotStarted
	case StageDone, StageAborted:
		return ErrEnded
	}
	return nil
}

// Measure takes the length of a body that is complete in its first write of n
// bytes, for the head, if the handler has not declared one.
func (o *Outgoing) Measure(n int, last bool) {
	if o.Response.ContentLength < 0 && last && !o.NoBody {
		o.Response.ContentLength = int64(n)
	}
}

// Fits holds a write of n bytes, the last or not, against the declared length.
func (o *Outgoing) Fits(n int, last bool) error {
	want := o.Response.ContentLength
	if want < 0 || o.NoBody {
		return nil
	}
	switch got := o.sent + int64(n); {
	case got > want:
		return ErrLongBody
	case last && got < want:
		return ErrShortBody
	}
	return nil
}

// Took counts n bytes of the body that were handed to the client.
func (o *Outgoing) Took(n int) { o.sent += int64(n) }

// Started implements Sink for those that have handed over a head when it is made.
func (o *Outgoing) Started() bool { return o.Stage >= StageBody }

// Sent implements Sink.
func (o *Outgoing) Sent() int64 { return o.sent }
