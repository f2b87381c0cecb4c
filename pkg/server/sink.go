package server

import (
	"io"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// copyMax is the largest payload that is copied behind pending framing bytes to
// save a vector write.
const copyMax = 8 << 10

// sink is the HTTP/1.1 side of one response (exchange.Sink). Framing bytes wait
// in out until payload goes with them, so a small response is one write.
type sink struct {
	exchange.Outgoing
	c *conn

	out     []byte // framing (and small payloads) not yet sent
	vec     [3][]byte
	chunk   int // payload bytes left of the chunk announced in out
	chunked bool
	close   bool // the connection ends after this response
	begun   bool // bytes of the final response have been handed to the kernel
}

func (s *sink) reset(c *conn) {
	out := s.out[:0]
	if cap(out) > keepBuffer {
		out = nil
	}
	*s = sink{c: c, out: out}
}

// Interim implements exchange.Sink. HTTP/1.0 clients do not know 1xx.
func (s *sink) Interim(status int, h *exchange.Header) error {
	if s.c.http10() || s.Stage != exchange.StageNew || len(s.out) > interimMax {
		return nil
	}
	var err error
	if s.out, err = http1.AppendInterim(s.out, status, h); err != nil {
		return err
	}
	err = s.flushSome(nil, false) // a worker is held meanwhile; the rest goes in front of the head
	s.begun = false
	return err
}

// interimMax bounds what a client that does not read leaves pending of interim
// responses, which it can do without.
const interimMax = 16 << 10

// continue100 tells a waiting client to send its body, unless the final
// response has begun.
func (s *sink) continue100() error {
	if s.Stage != exchange.StageNew {
		return nil
	}
	s.out = append(s.out, http1.Continue...)
	err := s.flush()
	s.begun = false
	return err
}

// Start implements exchange.Sink.
func (s *sink) Start(r *exchange.Response) error {
	return s.Begin(r, s.c.act.x.Request.IsHead())
}

// Started implements exchange.Sink.
func (s *sink) Started() bool { return s.begun || s.Outgoing.Started() }

// ClientGone implements exchange.Sink. A connection that is being cut counts as
// gone, and its exchange is cancelled, so that its handler gives up what it waits
// for, also one that would go on without a client.
func (s *sink) ClientGone() bool {
	if s.c.cutoff.Load() {
		s.c.act.x.Cancel(exchange.ErrCutOff)
		return true
	}
	return s.c.peek() == sock.Closed
}

// TryWrite implements exchange.Sink.
func (s *sink) TryWrite(p []byte, last bool) (int, error) { return s.write(p, last, false) }

// Write implements exchange.Sink.
func (s *sink) Write(p []byte, last bool) error {
	_, err := s.write(p, last, true)
	return err
}

// Abort implements exchange.Sink: the connection is closed without the last
// chunk or short of the declared length.
func (s *sink) Abort() {
	if s.Stage == exchange.StageDone && len(s.out) == 0 {
		return
	}
	s.Stage = exchange.StageAborted
	s.close = true
	s.out = s.out[:0]
}

// write is the one way of body bytes: frame, send, account.
func (s *sink) write(p []byte, last, wait bool) (int, error) {
	if err := s.prepare(len(p), last); err != nil {
		return 0, err
	}
	if s.NoBody {
		s.Took(len(p))
		return len(p), s.finish(last, wait)
	}
	taken := 0
	for taken < len(p) {
		part, whole := s.frame(p[taken:])
		n, err := s.send(part, last && whole, wait)
		taken += n
		s.Took(n)
		if s.chunked {
			s.endChunk(n)
		}
		if err != nil || n < len(part) {
			return taken, err
		}
	}
	if len(p) == 0 && !last { // a head without a body so far
		return 0, s.flushSome(nil, wait)
	}
	return taken, s.finish(last, wait)
}

// prepare makes the head when this is the first write and holds the declared
// length against what is written.
func (s *sink) prepare(n int, last bool) error {
	if err := s.Writable(); err != nil {
		return err
	}
	if s.Stage == exchange.StageHeld {
		if err := s.head(n, last); err != nil {
			return err
		}
	}
	return s.Fits(n, last)
}

// head builds the response head. A body that is complete in its first write
// needs no chunks, whatever the handler knew of its length.
func (s *sink) head(n int, last bool) error {
	c, r := s.c, s.Response
	s.Measure(n, last)
	s.chunked = r.ContentLength < 0 && !s.NoBody && !c.http10()
	if r.ContentLength < 0 && !s.NoBody && !s.chunked {
		s.close = true // HTTP/1.0: the end of the connection is the end of the body
	}
	if !c.mayKeep() {
		s.close = true
	}
	out, err := http1.AppendHead(s.out, r, http1.HeadOptions{
		HTTP10: c.http10(), KeepAlive: !s.close, Chunked: s.chunked,
		ContentLength: r.ContentLength,
		Date:          c.srv.date.Load().text, Server: c.act.serverHeader,
	})
	if err != nil {
		return err
	}
	s.out = out
	s.Stage = exchange.StageBody
	return nil
}

// frame announces a chunk for p unless one is under way, and returns the part
// of p that belongs to it and whether that is all of p.
func (s *sink) frame(p []byte) (part []byte, whole bool) {
	if !s.chunked {
		return p, true
	}
	if s.chunk == 0 {
		s.out = http1.AppendChunkHead(s.out, len(p))
		s.chunk = len(p)
	}
	if len(p) > s.chunk {
		return p[:s.chunk], false
	}
	return p, len(p) == s.chunk
}

// endChunk accounts n payload bytes; a finished chunk's CRLF waits in out,
// unless the last chunk was sent with it.
func (s *sink) endChunk(n int) {
	s.chunk -= n
	if s.chunk == 0 && n > 0 && s.Stage != exchange.StageDone {
		s.out = append(s.out, http1.ChunkEnd...)
	}
}

// send writes out, payload and, behind the last payload, the end of the body;
// it returns how much of the payload was taken. What the kernel does not take
// of the framing stays in out.
func (s *sink) send(payload []byte, last, wait bool) (int, error) {
	tail := ""
	if last && s.chunked {
		tail = http1.ChunkEnd + http1.LastChunk
	}
	s.begun = true
	if len(payload) <= copyMax {
		return s.sendCopied(payload, tail, last, wait)
	}
	s.vec = [3][]byte{s.out, payload, nil}
	n, err := s.c.writev(s.vec[:2], wait)
	s.vec = [3][]byte{}
	pending := len(s.out)
	if n < pending {
		s.out = append(s.out[:0], s.out[n:]...)
		return 0, err
	}
	s.out = s.out[:0]
	n -= pending
	if n == len(payload) && last {
		s.out = append(s.out, tail...)
		s.Stage = exchange.StageDone
		return n, s.flushSome(err, wait)
	}
	return n, err
}

// sendCopied is send for small payloads: everything in one buffer, one write.
func (s *sink) sendCopied(payload []byte, tail string, last, wait bool) (int, error) {
	pending := len(s.out)
	s.out = append(s.out, payload...)
	s.out = append(s.out, tail...)
	n, err := s.c.write(s.out, wait)
	if n < pending { // the framing in front is not out: nothing of the payload is
		s.out = append(s.out[:0], s.out[n:pending]...)
		return 0, err
	}
	if n < pending+len(payload) {
		s.out = s.out[:0]
		return n - pending, err
	}
	s.out = append(s.out[:0], s.out[n:]...)
	if last {
		s.Stage = exchange.StageDone
	}
	return len(payload), err
}

// finish completes the response after its last payload.
func (s *sink) finish(last, wait bool) error {
	if !last || s.Stage == exchange.StageDone {
		return nil
	}
	if s.chunked {
		s.out = append(s.out, http1.LastChunk...)
	}
	s.Stage = exchange.StageDone
	return s.flushSome(nil, wait)
}

// flushSome sends what is pending; without wait the rest stays for the
// connection to flush when the handler has returned, so no worker waits for it.
func (s *sink) flushSome(err error, wait bool) error {
	if err != nil || len(s.out) == 0 {
		return err
	}
	s.begun = true
	n, err := s.c.write(s.out, wait)
	s.out = append(s.out[:0], s.out[n:]...)
	return err
}

// flush sends everything pending, waiting for the client.
func (s *sink) flush() error { return s.flushSome(nil, true) }

var (
	_ exchange.Sink = (*sink)(nil)
	_ io.Reader     = (*body)(nil)
)
