package compress

import (
	"github.com/fcgigw/fcgigw/pkg/accept"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// pieceMax is how much is encoded before what came of it is sent: it bounds what
// is left over when the client takes nothing, together with the block that the
// encoder has inside (128 KiB at most).
const pieceMax = 32 << 10

// Filter encodes the body of one response on its way to the listener's sink. The
// zero value is ready; when End was called it is for another response. Its
// methods are for the same goroutine as the sink's.
type Filter struct {
	c     *Compressor
	x     *exchange.Exchange
	next  exchange.Sink
	state state
	found accept.Codings
	e     *encoder // has bytes in it, or in its output
	sent  int      // bytes of the output that next has taken
	owed  int      // bytes that were taken in but not reported, so that the caller comes again
	left  int64    // bytes missing to a declared length; -1: none was declared
}

type state uint8

const (
	idle      state = iota
	undecided       // Start was called, next.Start was not
	passing         // the body goes as it is
	encoding
	ended    // all is encoded; the rest of it is to be sent
	complete // and was sent
	over     // broken off
)

// Start begins x's response, instead of next.Start. It returns false when the
// response is not to be encoded: next has been started, err is its error, and
// the rest is next's alone. Otherwise the body's way is through f, until End.
func (f *Filter) Start(c *Compressor, x *exchange.Exchange, next exchange.Sink) (active bool, err error) {
	r := &x.Response
	switch r.Status {
	case 304:
		revalidated(x)
		c.varied(x)
	case 206: // of what would have been encoded as a whole (RFC 9110 section 15.3.7)
		c.varied(x)
	}
	if !c.worth(r) || c.small(r.ContentLength) && !mustEncode(c, x) {
		return false, next.Start(r)
	}
	found := c.negotiate(x)
	switch {
	case found.Len() == 0:
		accept.Vary(x)
		return false, next.Start(r)
	case x.Request.IsHead(): // the fields of a GET (RFC 9110 section 9.3.2)
		relabel(x, c.codings[found.At(0)].name)
		return false, next.Start(r)
	}
	*f = Filter{c: c, x: x, next: next, state: undecided, found: found, left: r.ContentLength}
	return true, nil
}

// small reports whether a body of n bytes, -1 if that is not known, is not worth
// it. An empty one never is.
func (c *Compressor) small(n int64) bool { return n >= 0 && n < max(c.min, 1) }

func mustEncode(c *Compressor, x *exchange.Exchange) bool {
	return x.Response.ContentLength > 0 && c.negotiate(x).MustEncode
}

// negotiate returns what the client takes. HTTP/1.0 has no Accept-Encoding, and
// the proxies that still speak it do not know Vary.
func (c *Compressor) negotiate(x *exchange.Exchange) accept.Codings {
	if x.Request.Major == 1 && x.Request.Minor == 0 {
		return accept.Codings{}
	}
	return accept.Encodings(&x.Request.Header, c.names)
}

// decide says, with the first n bytes of the body, what becomes of it.
func (f *Filter) decide(n int, last bool) error {
	r := &f.x.Response
	if r.ContentLength < 0 && last && (n == 0 || f.c.small(int64(n)) && !f.found.MustEncode) {
		return f.pass()
	}
	of := f.c.codings[f.found.At(0)]
	f.e = f.c.get(of, isEventStream(r.Header.Get("Content-Type")))
	if f.e == nil {
		accept.Vary(f.x)
		return f.pass()
	}
	relabel(f.x, of.name)
	f.state = encoding
	return f.next.Start(r)
}

func (f *Filter) pass() error {
	f.state = passing
	return f.next.Start(&f.x.Response)
}

// TryWrite is that of exchange.Sink: bytes count as taken when they are encoded
// and next has all that came of them. Of what it has not, the last byte stays
// unreported, so that the caller comes again.
func (f *Filter) TryWrite(p []byte, last bool) (int, error) { return f.write(p, last, false) }

// Write is that of exchange.Sink.
func (f *Filter) Write(p []byte, last bool) error {
	_, err := f.write(p, last, true)
	return err
}

func (f *Filter) write(p []byte, last, wait bool) (int, error) {
	if f.state == undecided {
		if err := f.decide(len(p), last); err != nil {
			return 0, err
		}
	}
	switch f.state {
	case passing:
		return f.forward(p, last, wait)
	case encoding, ended:
		return f.encode(p, last, wait)
	case complete:
		return 0, f.beyond(p)
	}
	return 0, exchange.ErrEnded
}

// beyond is the error of a write to a body that is complete: only the news that
// it is, for one that was complete by its declared length, is none.
func (f *Filter) beyond(p []byte) error {
	switch {
	case len(p) == 0:
		return nil
	case f.left == 0:
		return exchange.ErrLongBody
	}
	return exchange.ErrEnded
}

func (f *Filter) forward(p []byte, last, wait bool) (int, error) {
	if wait {
		return len(p), f.next.Write(p, last)
	}
	return f.next.TryWrite(p, last)
}

// encode takes in p piece by piece, and not the next one before all that came of
// the last was sent.
func (f *Filter) encode(p []byte, last, wait bool) (int, error) {
	if gone, err := f.drain(wait); err != nil || !gone {
		return 0, err
	}
	taken := min(f.owed, len(p))
	f.owed -= taken
	switch {
	case f.state == complete:
		return taken, f.beyond(p[taken:])
	case len(p) == 0 && !last: // for the head that is held back
		return f.forward(nil, false, wait)
	}
	if err := f.count(len(p)-taken, last); err != nil {
		return taken, err
	}
	// With a declared length the client would know that it has everything, however
	// long the application goes on. So it is told.
	last = last || int64(len(p)-taken) == f.left
	for f.state == encoding && (taken < len(p) || last) {
		piece := p[taken:min(taken+pieceMax, len(p))]
		taken += len(piece)
		if err := f.feed(piece, taken == len(p), last); err != nil {
			return taken, err
		}
		gone, err := f.drain(wait)
		if err != nil {
			return taken, err
		}
		if !gone {
			return f.report(taken, len(p)), nil
		}
	}
	return taken, nil
}

// report returns how many bytes of a write are reported as taken when next has
// not taken all that came of them: not all. The end of an empty write is left to
// End.
func (f *Filter) report(taken, of int) int {
	if taken == of && of > 0 {
		f.owed = 1
		return taken - 1
	}
	return taken
}

// feed encodes a piece of a write. With its last one everything must come out:
// the source may pause now.
func (f *Filter) feed(piece []byte, whole, last bool) error {
	how := flushNone
	switch {
	case whole && last:
		how = flushEnd
		f.state = ended
	case whole:
		how = flushAll
	}
	if f.left > 0 {
		f.left -= int64(len(piece))
	}
	err := f.e.encode(piece, how)
	if err != nil {
		f.release(true)
		f.state = over
	}
	return err
}

// count holds n more bytes against the declared length, which next is not told.
func (f *Filter) count(n int, last bool) error {
	switch {
	case f.left < 0 || f.state != encoding:
		return nil
	case int64(n) > f.left:
		return exchange.ErrLongBody
	case last && int64(n) < f.left:
		return exchange.ErrShortBody
	}
	return nil
}

// drain sends what is encoded; false means that next did not take all of it.
func (f *Filter) drain(wait bool) (gone bool, err error) {
	last := f.state == ended
	out := f.e.out[f.sent:]
	if len(out) == 0 {
		return true, nil
	}
	if wait {
		err = f.next.Write(out, last)
		f.sent += len(out)
	} else {
		var n int
		n, err = f.next.TryWrite(out, last)
		f.sent += n
	}
	if err != nil || f.sent < len(f.e.out) {
		return false, err
	}
	f.e.out, f.sent = f.e.out[:0], 0
	if last {
		f.state = complete
		f.release(false)
	}
	return true, nil
}

// Abort is that of exchange.Sink: what is encoded stays without its end.
func (f *Filter) Abort() {
	f.release(false)
	f.state = over
	f.next.Abort()
}

// End gives back what f has. A response that is whole but for bytes that next has
// not taken is finished, waiting for the client. It must be called when nobody
// writes any more, and may be at any state.
func (f *Filter) End() error {
	var err error
	if f.state == ended {
		_, err = f.drain(true)
	}
	f.release(false)
	*f = Filter{}
	return err
}

func (f *Filter) release(failed bool) {
	if f.e != nil {
		f.c.put(f.e, failed)
		f.e = nil
	}
}
