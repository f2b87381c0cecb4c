package cgi

import (
	"bytes"
	"errors"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// defaultMaxBytes is the limit of a HeadParser with MaxBytes zero.
const defaultMaxBytes = 64 << 10

// headKeep bounds the buffer that a HeadParser keeps from one reply to the next.
const headKeep = 8 << 10

// HeadParser reads the head of a script's output as it comes in. The zero value
// is ready. It belongs to one reply at a time.
type HeadParser struct {
	// MaxBytes bounds the heads of one reply together, interim ones included;
	// 0 means 64 KiB.
	MaxBytes int

	buf     []byte // the head so far, without the lines of earlier blocks
	line    int    // where in buf the line begins that is not complete yet
	total   int    // bytes of the reply's heads
	done    bool   // the block in buf is complete
	interim bool
	err     error
	control []exchange.Field
}

// Reset prepares h for the next reply. What it gave to the Response before is
// no longer valid.
func (h *HeadParser) Reset() {
	clear(h.control)
	buf := h.buf[:0]
	if cap(buf) > headKeep {
		buf = nil
	}
	*h = HeadParser{MaxBytes: h.MaxBytes, buf: buf, control: h.control[:0]}
}

// Feed takes the next bytes of the output. When the head is complete it has
// filled r, and returns true and what of p follows the head. When the head was
// that of an interim response (Interim reports so) the caller sends it and goes
// on to feed the rest, which begins anew with r; until then the interim head is
// valid. Names and values in r live in h until Reset.
//
// Fed bytes are copied. Errors are ErrNoHeader, *HeadError and
// *HeadTooLargeError; after an error h stays broken until Reset.
func (h *HeadParser) Feed(p []byte, r *exchange.Response) (rest []byte, done bool, err error) {
	if h.err != nil {
		return nil, false, h.err
	}
	if h.done {
		if !h.interim {
			return p, true, nil
		}
		h.next()
	}
	rest, h.done = h.collect(p)
	if h.err == nil && h.done {
		r.Reset()
		h.err = h.parse(r)
	}
	if h.err != nil {
		h.done = false
		return nil, false, h.err
	}
	return rest, h.done, nil
}

// Interim reports whether the head that Feed completed is that of a 1xx
// response, after which another head follows.
func (h *HeadParser) Interim() bool { return h.done && h.interim }

// Control returns the fields that are addressed to the gateway and were kept
// out of the response: X-Sendfile and X-Accel-*, in their order. Valid until
// Reset.
func (h *HeadParser) Control() []exchange.Field { return h.control }

// Len returns how many bytes of heads were taken so far: 0 means that nothing
// but the end can have come.
func (h *HeadParser) Len() int { return h.total }

// next begins the block that follows an interim one.
func (h *HeadParser) next() {
	h.buf, h.line, h.done, h.interim = h.buf[:0], 0, false, false
	h.control = h.control[:0]
}

func (h *HeadParser) limit() int {
	if h.MaxBytes > 0 {
		return h.MaxBytes
	}
	return defaultMaxBytes
}

// collect moves p up to the blank line that ends the head into buf, without
// that line.
func (h *HeadParser) collect(p []byte) (rest []byte, end bool) {
	for len(p) > 0 {
		n := bytes.IndexByte(p, '\n') + 1
		whole := n > 0
		if !whole {
			n = len(p)
		}
		if h.total += n; h.total > h.limit() {
			size := len(h.buf) - h.line + n
			h.buf = append(h.buf, p[:min(n, quoteLimit)]...)
			h.err = h.tooLarge(size)
			return nil, false
		}
		h.buf = append(h.buf, p[:n]...)
		p = p[n:]
		if !whole {
			break
		}
		if blank(h.buf[h.line:]) {
			h.buf = h.buf[:h.line]
			return p, true
		}
		h.line = len(h.buf)
	}
	return nil, false
}

// blank reports whether line is a line end only.
func blank(line []byte) bool {
	return len(line) == 1 || (len(line) == 2 && line[0] == '\r')
}

// parse reads the complete lines in buf.
func (h *HeadParser) parse(r *exchange.Response) error {
	if len(h.buf) == 0 {
		return ErrNoHeader
	}
	b := block{h: h, r: r}
	for rest := h.buf; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if err := b.field(line); err != nil {
			return &HeadError{What: err.Error(), Line: quote(line)}
		}
	}
	b.finish()
	return nil
}

// tooLarge blames the largest line. The last one, of which buf may have the
// beginning only, has size bytes.
func (h *HeadParser) tooLarge(size int) error {
	e := &HeadTooLargeError{Limit: h.limit()}
	blame := func(line []byte, size int) {
		if name, _, found := bytes.Cut(line, []byte{':'}); found && size > e.Size {
			e.Header, e.Size = quote(name), size
		}
	}
	for line := range bytes.Lines(h.buf[:h.line]) {
		blame(line, len(line))
	}
	blame(h.buf[h.line:], size)
	return e
}

// Errors of one line, wrapped in a HeadError.
var (
	errNoColon     = errors.New("no colon")
	errFold        = errors.New("continuation line")
	errName        = errors.New("bad header name")
	errValue       = errors.New("control byte in value")
	errStatus      = errors.New("bad status")
	errStatusTwice = errors.New("more than one Status")
	errLength      = errors.New("bad Content-Length")
	errLengthTwice = errors.New("conflicting Content-Length")
)
