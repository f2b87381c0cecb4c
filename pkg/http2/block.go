package http2

import (
	"errors"
	"time"

	"golang.org/x/net/http2/hpack"
)

// tableSize is the dynamic table that a client may use (RFC 7541 section 4.2):
// the protocol's default, and the only thing of HPACK that an idle connection
// keeps.
const tableSize = 4096

// headerBlock is a header block that did not come in one frame.
type headerBlock struct {
	stream uint32 // 0: none is open
	flags  uint8  // of its HEADERS
	parent uint32
	frames int
	buf    []byte
}

// keepBlock bounds what is kept of a block's buffer.
const keepBlock = 16 << 10

// maxBlock bounds an encoded header block. A head within the limits is smaller,
// whatever its encoding; one twice as large is still decoded, to be refused
// with 431, so that the connection survives it.
func (cfg *Config) maxBlock() int {
	return 2*(cfg.Limits.MaxHeaderBytes+cfg.Limits.MaxRequestLine) + maxFrame
}

// maxBlockFrames bounds the frames of a block: twice what their size needs, and
// some.
func (cfg *Config) maxBlockFrames() int { return 16 + 2*cfg.maxBlock()/maxFrame }

// onHeaders takes a request head, or trailers (RFC 9113 section 6.2).
func (c *Conn) onHeaders(f *frame) error {
	if f.stream%2 == 0 {
		return fatal(ProtocolError, "HEADERS on a stream that is not a client's")
	}
	block, parent, err := f.headerBlock()
	if err != nil {
		return err
	}
	if f.has(flagEndHeaders) {
		return c.onBlock(f.stream, f.flags, parent, block)
	}
	b := &c.block
	b.stream, b.flags, b.parent, b.frames = f.stream, f.flags, parent, 1
	b.buf = append(b.buf[:0], block...)
	return nil
}

// onContinuation takes more of a header block (RFC 9113 section 6.10), of which
// neither bytes nor frames are without bounds (CVE-2024-27316).
func (c *Conn) onContinuation(f *frame) error {
	b := &c.block
	if b.stream == 0 {
		return fatal(ProtocolError, "CONTINUATION without HEADERS")
	}
	b.frames++
	cfg := c.srv.cfg.Load()
	if len(b.buf)+len(f.payload) > cfg.maxBlock() || b.frames > cfg.maxBlockFrames() {
		return fatal(EnhanceYourCalm, "header block too large")
	}
	b.buf = append(b.buf, f.payload...)
	if !f.has(flagEndHeaders) {
		return nil
	}
	id, block := b.stream, b.buf
	b.stream = 0
	err := c.onBlock(id, b.flags, b.parent, block)
	if cap(b.buf) > keepBlock {
		b.buf = nil
	}
	return err
}

// onBlock takes a whole header block. It is decoded whatever becomes of it, for
// the sake of the dynamic table.
func (c *Conn) onBlock(id uint32, flags uint8, parent uint32, block []byte) error {
	c.mu.Lock()
	st := c.streams[id]
	known, how := id <= c.lastID, closedUnknown
	full := len(c.streams) >= c.maxStreams || c.running >= 2*c.maxStreams
	switch {
	case known:
		how = c.closed.how(id)
	case c.leaving: // it was told so
		c.lastID, known, how = id, true, closedByUs
		c.closed.add(id, how)
	default:
		c.lastID = id
	}
	c.mu.Unlock()
	switch {
	case st != nil:
		return c.onTrailers(st, id, flags, block)
	case known && how == closedByUs:
		return c.unwanted(block)
	case known && how != closedUnknown:
		return fatal(StreamClosed, "HEADERS on a closed stream")
	case known:
		return fatal(ProtocolError, "stream number used up")
	case full:
		return c.refuse(id, RefusedStream, block)
	case parent == id:
		return c.refuse(id, ProtocolError, block)
	}
	return c.onRequest(id, flags&flagEndStream != 0, block)
}

// skip decodes a block that nobody is interested in.
func (c *Conn) skip(block []byte) error {
	c.head.reset(nil)
	c.dec.SetEmitEnabled(false)
	return c.decode(block)
}

// unwanted decodes a block of a stream that we reset, or that began behind the
// last GOAWAY: the client may not know yet, but it must learn some time.
func (c *Conn) unwanted(block []byte) error {
	if err := c.skip(block); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.noise()
}

// refuse resets a stream that was not opened for the client's sake.
func (c *Conn) refuse(id uint32, code ErrCode, block []byte) error {
	if err := c.skip(block); err != nil {
		return err
	}
	return c.reject(id, code)
}

func (c *Conn) reject(id uint32, code ErrCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.output.out = appendReset(c.output.out, id, code)
	c.closed.add(id, closedByUs)
	if err := c.owe(); err != nil {
		return err
	}
	return c.wasted()
}

func (c *Conn) decode(block []byte) error {
	c.dec.SetMaxStringLength(2 * c.srv.cfg.Load().maxBlock())
	_, err := c.dec.Write(block)
	if err == nil {
		err = c.dec.Close()
	}
	switch {
	case errors.Is(err, hpack.ErrStringLength):
		return fatal(EnhanceYourCalm, "header field too large")
	case err != nil:
		return fatal(CompressionError, "header block cannot be decoded")
	}
	return nil
}

// onTrailers checks trailers, which are dropped (RFC 9113 section 8.1).
func (c *Conn) onTrailers(st *stream, id uint32, flags uint8, block []byte) error {
	c.head.reset(nil)
	c.head.trailers = true
	c.dec.SetEmitEnabled(true)
	if err := c.decode(block); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.streams[id] != st && c.closed.how(id) == closedDone: // meanwhile
		return fatal(StreamClosed, "HEADERS on a closed stream")
	case c.streams[id] != st: // reset meanwhile
		return nil
	case st.recvDone:
		return c.fault(st, StreamClosed)
	case c.head.status != 0:
		return c.fault(st, EnhanceYourCalm)
	case flags&flagEndStream == 0, c.head.malformed, st.declared >= 0 && st.received != st.declared:
		return c.fault(st, ProtocolError)
	}
	st.recvDone = true
	c.closeIfDone(st)
	poke(st.readable)
	return nil
}

// onRequest opens a stream with a request, unless it is malformed (RFC 9113
// section 8.1.1).
func (c *Conn) onRequest(id uint32, last bool, block []byte) error {
	st := c.begin(id)
	c.head.reset(st)
	c.dec.SetEmitEnabled(true)
	err := c.decode(block)
	ok := err == nil && c.head.settle(last)
	st.headSize = c.head.size
	c.head.reset(nil) // nothing of the request may stay reachable
	code := NoError
	switch {
	case err != nil:
		st.recycle()
		return err
	case !ok:
		code = ProtocolError
	case c.tooMuchHead(st):
		code = RefusedStream
	}
	if code != NoError {
		st.recycle()
		return c.reject(id, code)
	}
	st.x.Trace.Start = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open(st, last)
	return nil
}

// headsMax is how many heads of the largest size a connection may have open at
// once. A few bytes can stand for a large head that is in the table, and it is
// the decoded one that requests keep.
const headsMax = 16

// tooMuchHead reports whether st's head and those of the requests under way are
// too large together.
func (c *Conn) tooMuchHead(st *stream) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heads > 0 && c.heads+st.headSize > headsMax*st.cfg.Limits.MaxHeaderBytes
}

// open takes a request into the books.
func (c *Conn) open(st *stream, last bool) {
	st.recvDone = last
	st.sendWin, st.recvWin = c.peerWindow, int64(c.streamWindow)+c.early
	c.streams[st.id] = st
	c.takenID = st.id
	c.ready = append(c.ready, st)
	c.running++
	c.heads += st.headSize
	c.idleSince, c.resting = 0, false
	c.tail = uptake{}
	c.budgets.noise.earn(noisePerRequest)
	c.served++
	if most := st.cfg.KeepaliveRequests; most > 0 && c.served >= most && !c.draining {
		c.draining = true
		c.announceEnd()
	}
}
