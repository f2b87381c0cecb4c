package httpc

import (
	"bytes"
	"io"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

// Bounds of one reply besides Reply.MaxHead.
const (
	defaultMaxHead = 64 << 10
	// maxFields is more than any application sends and bounds the memory of a
	// head of many short lines.
	maxFields = 1024
	// maxInterim bounds the interim responses: an application has a few early
	// hints, and without a bound a server could send them for ever.
	maxInterim = 32
	// headKeep bounds the buffer that a Reply keeps from one reply to the next.
	headKeep = 8 << 10
)

// stage is where in its reply a Reply stands.
type stage uint8

const (
	inHead  stage = iota
	inBody        // of a declared length
	inChunk       // chunked
	toEnd         // a body that ends with the connection
	done
)

// Reply reads one reply as it comes in; it holds the reply's head, so that it
// outlives the connection's buffer. The zero value is ready for Begin.
type Reply struct {
	// MaxHead bounds the heads of one reply together, interim ones included; 0
	// means 64 KiB.
	MaxHead int

	into    *exchange.Response
	isHead  bool   // the request was HEAD
	upgrade []byte // what the request asked to switch to; empty: nothing

	stage    stage
	buf      []byte // the head so far
	line     int    // where in buf the line begins that is not complete yet
	total    int    // bytes of heads
	interims int
	left     int64
	chunks   http1.ChunkedReader
	keep     bool // the connection may carry another request
	switched bool
}

// Begin prepares r for the reply to a request. into gets each head; what is in
// it lives in r until the next Begin. upgrade is the protocol that the request
// asked to switch to, if any.
func (r *Reply) Begin(into *exchange.Response, isHead bool, upgrade []byte) {
	buf := r.buf[:0]
	if cap(buf) > headKeep {
		buf = nil
	}
	*r = Reply{MaxHead: r.MaxHead, into: into, isHead: isHead, upgrade: upgrade, buf: buf}
}

// Done reports whether the reply is complete.
func (r *Reply) Done() bool { return r.stage == done }

// Keep reports whether a reply that is Done leaves its connection to another
// request.
func (r *Reply) Keep() bool { return r.stage == done && r.keep }

// Switched reports whether the server switched protocols (101): what follows
// the head is of the other protocol.
func (r *Reply) Switched() bool { return r.switched }

// Parts takes the pieces of a reply. An error from one of them ends it.
type Parts interface {
	// Interim: the Response holds the head of an interim response. 100 and 101
	// are not passed on.
	Interim() error
	// Head: the Response holds the head of the final one.
	Head() error
	// Body gets a piece of the body, valid during the call.
	Body(p []byte) error
}

// Feed takes the next bytes of the reply, over which it may write, and returns
// how many belong to it: fewer than len(p) when the reply is Done before. Errors
// are *ProtocolError, or what a method of to returned; they end the reply.
func (r *Reply) Feed(p []byte, to Parts) (used int, err error) {
	for used < len(p) && r.stage != done {
		n, err := r.step(p[used:], to)
		used += n
		if err != nil {
			return used, err
		}
	}
	return used, nil
}

// End says what the end of the connection means: nil if it completes the reply.
func (r *Reply) End() error {
	switch {
	case r.stage == done:
		return nil
	case r.stage == toEnd:
		r.stage = done
		return nil
	}
	return broken(r.total > 0, io.EOF)
}

func (r *Reply) step(p []byte, to Parts) (used int, err error) {
	switch r.stage {
	case inHead:
		return r.takeHead(p, to)
	case inBody:
		n := int(min(int64(len(p)), r.left))
		if r.left -= int64(n); r.left == 0 {
			r.stage = done
		}
		return n, to.Body(p[:n])
	case inChunk:
		return r.takeChunks(p, to)
	}
	return len(p), to.Body(p)
}

// takeChunks decodes in place: content never runs ahead of its framing.
func (r *Reply) takeChunks(p []byte, to Parts) (used int, err error) {
	used, n, end, err := r.chunks.Decode(p, p)
	if err != nil {
		return used, &ProtocolError{What: "malformed chunk", Err: http1.ErrChunk}
	}
	if end {
		r.stage = done
	}
	if n == 0 {
		return used, nil
	}
	return used, to.Body(p[:n])
}

// takeHead moves p up to the empty line that ends the head into buf.
func (r *Reply) takeHead(p []byte, to Parts) (used int, err error) {
	for used < len(p) {
		n := bytes.IndexByte(p[used:], '\n') + 1
		whole := n > 0
		if !whole {
			n = len(p) - used
		}
		if r.total += n; r.total > r.limit() {
			return used, &ProtocolError{What: "its header is larger than allowed", Err: ErrHeadTooLarge}
		}
		r.buf = append(r.buf, p[used:used+n]...)
		used += n
		if !whole {
			break
		}
		line := r.buf[r.line:]
		if len(line) < 2 || line[len(line)-2] != '\r' {
			return used, bad("a line ends in a bare LF")
		}
		if len(line) == 2 {
			return used, r.headDone(to)
		}
		r.line = len(r.buf)
	}
	return used, nil
}

func (r *Reply) limit() int {
	if r.MaxHead > 0 {
		return r.MaxHead
	}
	return defaultMaxHead
}

// headDone reads the head in buf and passes it on.
func (r *Reply) headDone(to Parts) error {
	r.into.Reset()
	h := head{into: r.into}
	if err := h.parse(r.buf[:r.line]); err != nil {
		return err
	}
	switch {
	case h.status == 101:
		return r.switching(&h)
	case h.status/100 == 1:
		return r.interim(&h, to)
	}
	if err := r.frame(&h); err != nil {
		return err
	}
	return to.Head()
}

// interim passes an interim head on and begins the next one behind it.
func (r *Reply) interim(h *head, to Parts) error {
	if r.interims++; r.interims > maxInterim {
		return bad("too many interim responses")
	}
	var err error
	if h.status != 100 { // the gateway's to say, and said already
		r.into.ContentLength = -1
		err = to.Interim()
	}
	r.into.Reset()
	r.buf, r.line = r.buf[:0], 0
	return err
}

// switching checks a 101 (RFC 9110 section 15.2.2): it must be asked for, and
// to what was asked for.
func (r *Reply) switching(h *head) error {
	switch {
	case len(r.upgrade) == 0:
		return bad("101 to a request that asked for no other protocol")
	case !h.connUpgrade || !bytes.EqualFold(h.upgrade, r.upgrade):
		return bad("101 to another protocol than was asked for")
	}
	r.into.ContentLength = -1
	r.stage, r.switched = done, true
	return nil
}
