package http3

import (
	"errors"
	"io"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// body reads one request body off its stream (exchange.Body).
type body struct {
	c    *conn
	x    *exchange.Exchange
	in   *reader
	pace pace
	left int64  // of the declared length; -1: none was declared
	data uint64 // unread bytes of the DATA frame at hand
	junk uint64 // what may still come that is no content
	max  int    // bytes of the trailer section, encoded or not

	expect   func() error // tells a client that waits for 100 to send; nil: it does not wait
	trailers bool         // the trailer section came: nothing may follow
	done     bool
	err      error // what broke the body; it stays
}

// begin sets the body up behind the head just read. What is here already may
// tell the length of a body that declared none.
func (b *body) begin(st *stream, expect bool) {
	r := &st.x.Request
	*b = body{c: st.c, x: st.x, in: &st.in, left: r.ContentLength, junk: junkMax, max: st.cfg.Limits.MaxTrailerBytes}
	if r.ContentLength == 0 {
		b.done = b.in.eof && b.in.buffered() == 0
		if !b.done { // whether that is true will be seen
			r.ContentLength = -1
		}
	}
	b.pace = pace{timeout: st.cfg.BodyTimeout, rate: st.cfg.MinBodyRate}
	b.in.pace, b.in.set = &b.pace, st.qs.SetReadDeadline
	b.peek()
	if b.left < 0 && b.in.eof {
		switch {
		case b.in.buffered() == 0:
			b.done = true
			r.ContentLength = 0
		case b.whole():
			b.left = int64(b.data)
			r.ContentLength = b.left
		}
	}
	if expect && !b.done && b.in.buffered() == 0 && !b.in.eof {
		b.expect = st.sink.continue100
	}
}

// peek reads the head of a DATA frame that is buffered with all that follows,
// so that whole can tell of it.
func (b *body) peek() {
	rest := b.in.buf[b.in.r:b.in.w]
	if !b.in.eof || len(rest) == 0 || rest[0] != frameData {
		return
	}
	length, n, err := quicvarint.Parse(rest[1:])
	if err != nil || length == 0 || length != uint64(len(rest)-1-n) || b.left >= 0 && uint64(b.left) != length {
		return // next will judge it
	}
	b.in.r += 1 + n
	b.data = length
}

// whole reports whether the rest of the body is buffered, in one piece.
func (b *body) whole() bool {
	return b.in.eof && b.data > 0 && b.data == uint64(b.in.buffered())
}

// Buffered implements exchange.Body.
func (b *body) Buffered() ([]byte, bool) {
	switch {
	case b.done:
		return nil, true
	case b.err != nil || !b.whole():
		return nil, false
	}
	return b.in.buf[b.in.r:b.in.w:b.in.w], true
}

// Read implements exchange.Body.
func (b *body) Read(p []byte) (int, error) {
	for {
		switch {
		case b.err != nil:
			return 0, b.err
		case b.done:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		case b.data > 0:
			return b.content(p)
		}
		b.next()
	}
}

// content reads of the DATA frame at hand.
func (b *body) content(p []byte) (int, error) {
	if uint64(len(p)) > b.data {
		p = p[:b.data]
	}
	b.beforeRead()
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.in.some(p)
	b.data -= uint64(n)
	b.x.Trace.BodyIn += int64(n)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	if err != nil {
		b.broken(truncated(unexpected(err)))
	}
	if n > 0 {
		return n, nil // an error comes with the next call
	}
	return 0, b.err
}

// next reads up to the content of the next DATA frame, or the end.
func (b *body) next() {
	b.beforeRead()
	if b.err != nil {
		return
	}
	kind, length, err := b.in.requestFrame(&b.junk)
	switch {
	case errors.Is(err, io.EOF):
		b.end()
	case err != nil:
		b.broken(err)
	case b.trailers:
		b.broken(fatal(codeFrameUnexpected, "frame behind the trailers"))
	case kind == frameHeaders:
		b.trailer(length)
	case b.left >= 0 && length > uint64(b.left):
		b.err = badBody("body longer than its Content-Length")
	case length == 0:
		if err := spend(&b.junk, 0); err != nil {
			b.broken(err)
		}
	default:
		b.data = length
	}
}

func (b *body) end() {
	if b.left > 0 {
		b.err = badBody("body shorter than its Content-Length")
		return
	}
	b.done = true
}

// beforeRead asks a client that waits for it to send.
func (b *body) beforeRead() {
	if b.expect == nil || b.in.buffered() > 0 {
		return
	}
	send := b.expect
	b.expect = nil
	b.err = send()
}

// broken keeps the error that ended the body, in the terms of exchange. What
// breaks the connection's framing ends the connection.
func (b *body) broken(err error) {
	fault, isFault := errors.AsType[*connError](err)
	switch {
	case isFault:
		b.c.fail(fault)
		b.err = errors.Join(exchange.ErrBadBody, err)
	case isTimeout(err):
		b.err = exchange.ErrBodyTimeout
	default:
		b.err = b.c.lost()
	}
}

// verdict is the code with which what was not read of the body is refused.
func (b *body) verdict() quic.StreamErrorCode {
	if bad, ok := errors.AsType[*streamError](b.err); ok {
		return bad.code
	}
	return codeNoError
}

func badBody(reason string) error {
	return errors.Join(exchange.ErrBadBody, &streamError{codeMessageError, reason})
}
