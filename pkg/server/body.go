package server

import (
	"errors"
	"io"
	"os"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// body reads one request body off its connection (exchange.Body).
type body struct {
	c       *conn
	left    int64 // of a body with Content-Length
	chunks  http1.ChunkedReader
	chunked bool
	expect  bool // the client waits for 100 (Continue)
	done    bool
	err     error     // what broke the body; it stays
	debt    sock.Debt // to the minimum body rate
}

// begin sets the body up from the head just parsed.
func (b *body) begin(c *conn) {
	length := c.act.x.Request.ContentLength
	*b = body{c: c, done: length == 0}
	switch {
	case length > 0:
		b.left = length
	case length < 0:
		b.chunked = true
		b.chunks.Reset(c.cfg.Limits.MaxTrailerBytes)
	}
	b.expect = c.act.meta.Expect100 && !b.done
}

// have returns how many unread bytes are buffered.
func (b *body) have() int64 { return int64(b.c.act.w - b.c.act.r) }

// buffered reports whether the handler can have all of the body without a read
// from the connection.
func (b *body) buffered() bool {
	return b.done || (!b.chunked && b.left <= b.have())
}

// finished reports whether nothing of the body is left on the wire, so that the
// next request can follow.
func (b *body) finished() bool { return b.err == nil && b.buffered() }

// skip returns how many buffered bytes belong to the rest of the body.
func (b *body) skip() int {
	if b.done || b.chunked {
		return 0
	}
	return int(min(b.left, b.have()))
}

// Buffered implements exchange.Body.
func (b *body) Buffered() ([]byte, bool) {
	if b.done {
		return nil, true
	}
	if !b.buffered() || b.err != nil {
		return nil, false
	}
	a := b.c.act
	return a.buf[a.r : a.r+int(b.left) : a.r+int(b.left)], true
}

// Read implements exchange.Body.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.done:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	var n int
	if b.chunked {
		n, b.err = b.readChunked(p)
	} else {
		n, b.err = b.readPlain(p)
	}
	if n > 0 {
		b.c.act.x.Trace.BodyIn += int64(n)
		return n, nil // an error comes with the next call
	}
	if b.err == nil && b.done {
		return 0, io.EOF
	}
	return n, b.err
}

// readPlain reads a body with Content-Length: what is buffered, then straight
// from the connection into p.
func (b *body) readPlain(p []byte) (n int, err error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	a := b.c.act
	if a.r < a.w {
		n = copy(p, a.buf[a.r:a.w])
		a.r += n
	} else {
		n, err = b.fill(p)
	}
	b.left -= int64(n)
	b.done = b.left == 0
	return n, err
}

// readChunked decodes into p, reading more of the connection until there is
// something to return.
func (b *body) readChunked(p []byte) (int, error) {
	a := b.c.act
	for {
		ns, nd, done, err := b.chunks.Decode(a.buf[a.r:a.w], p)
		a.r += ns
		b.done = done
		switch {
		case err != nil:
			return nd, errors.Join(exchange.ErrBadBody, err)
		case nd > 0 || done:
			return nd, nil
		}
		n, err := b.fill(a.bodySpace())
		a.w += n
		if err != nil {
			return 0, err
		}
	}
}

// fill reads from the connection within the body timeout, which the minimum
// body rate shortens for a client that has been slower than that.
func (b *body) fill(p []byte) (int, error) {
	c := b.c
	if b.expect {
		b.expect = false
		if err := c.act.sink.continue100(); err != nil {
			return 0, err
		}
	}
	start := c.srv.sweeper.Now()
	by := b.debt.Deadline(start, c.cfg.BodyTimeout)
	for {
		c.readBy.Store(by)
		n, err := c.nc.Read(p)
		c.readBy.Store(0)
		switch {
		case n > 0:
			b.debt.Settle(c.srv.sweeper.Now()-start, int64(n), c.cfg.MinBodyRate)
			return n, nil
		case errors.Is(err, io.EOF):
			return 0, exchange.ErrClientGone
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, exchange.ErrClientGone // a reset, or the like: its text is of ports
		case !c.rearmRead():
			return 0, exchange.ErrCutOff
		}
		if by != 0 && c.srv.sweeper.Now() > by {
			return 0, exchange.ErrBodyTimeout
		}
		// Otherwise the deadline was meant for the idle wait before this
		// request and came late.
	}
}
