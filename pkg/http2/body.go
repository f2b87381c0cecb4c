package http2

import (
	"io"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// body is the client's side of a stream: exchange.Body, and the reading half of
// a tunnel.
type body struct {
	st     *stream
	expect bool // the client waits for 100 (Continue)
}

// admit judges a DATA frame of n bytes, size of which are content, on an open
// stream (RFC 9113 sections 5.1, 6.9.1 and 8.1.1).
func (st *stream) admit(n, size int, last bool) ErrCode {
	if st.recvDone {
		return StreamClosed
	}
	if st.recvWin -= int64(n); st.recvWin < 0 {
		return FlowControlError
	}
	st.received += int64(size)
	if st.declared >= 0 && (st.received > st.declared || last && st.received < st.declared) {
		return ProtocolError
	}
	return NoError
}

// put keeps p for the handler; the window has bounded it.
func (st *stream) put(p []byte) {
	if st.r > 0 && len(st.buf)+len(p) > cap(st.buf) {
		st.buf = st.buf[:copy(st.buf, st.buf[st.r:])]
		st.r = 0
	}
	st.buf = append(st.buf, p...)
}

// settleLength tells the handler how long a body is that is here as a whole.
func (st *stream) settleLength() {
	r := &st.x.Request
	if st.recvDone && r.ContentLength < 0 {
		r.ContentLength = st.received
	}
}

// giveBack lets the client send n bytes more on the connection. The window
// grows in large steps; smaller ones when bodies that nobody reads hold much of it,
// so that there always is as much again on its way as the client may send.
func (c *Conn) giveBack(n int) {
	c.credit += n
	if most := int64(c.credit); (c.credit >= c.connWindow/2 || most > 0 && most >= c.recvWin) && !c.dead {
		c.output.ctl = appendWindowUpdate(c.output.ctl, 0, c.credit)
		c.recvWin += int64(c.credit)
		c.credit = 0
	}
}

// giveBack lets the client send n bytes more on the stream.
func (st *stream) giveBack(n int) {
	c := st.c
	if st.credit += n; st.credit >= (c.streamWindow+1)/2 && !st.recvDone && st.gone == nil {
		c.output.ctl = appendWindowUpdate(c.output.ctl, st.id, st.credit)
		st.recvWin += int64(st.credit)
		st.credit = 0
	}
}

// Buffered implements exchange.Body.
func (b *body) Buffered() ([]byte, bool) {
	st := b.st
	st.c.mu.Lock()
	defer st.c.mu.Unlock()
	if !st.recvDone || st.gone != nil {
		return nil, false
	}
	return st.buf[st.r:len(st.buf):len(st.buf)], true
}

// Read implements exchange.Body.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.read(p, true)
	b.st.x.Trace.BodyIn += int64(n)
	return n, err
}

// read waits for content, timed or not.
func (b *body) read(p []byte, timed bool) (int, error) {
	st := b.st
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case st.gone != nil:
			return 0, st.gone
		case st.r < len(st.buf):
			return b.take(p), nil
		case st.recvDone:
			return 0, io.EOF
		case st.readLate:
			return 0, exchange.ErrBodyTimeout
		case len(p) == 0:
			return 0, nil
		}
		if b.expect {
			b.expect = false
			st.sink.continue100()
		}
		now := c.srv.sweeper.Now()
		if timed {
			st.readBy = st.readDebt.Deadline(now, st.cfg.BodyTimeout)
			st.reads.wait(now, st.received)
		}
		c.flush()
		c.mu.Unlock()
		<-st.readable
		c.mu.Lock()
		st.readBy, st.reads.waits = 0, false
		st.readDebt.Settle(c.srv.sweeper.Now()-now, int64(len(st.buf)-st.r), st.cfg.MinBodyRate)
	}
}

// take copies what is here into p and gives the client credit for it.
func (b *body) take(p []byte) int {
	st := b.st
	n := copy(p, st.buf[st.r:])
	st.r += n
	if st.r == len(st.buf) && !st.recvDone {
		st.buf, st.r = st.buf[:0], 0
	}
	st.c.giveBack(n)
	st.giveBack(n)
	if len(st.c.output.ctl) > 0 {
		st.c.flush()
	}
	return n
}
