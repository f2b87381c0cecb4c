package http2

import (
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// stream is one request and its response. It belongs to its handler's goroutine
// but for what is said to be guarded; before the handler runs it belongs to the
// goroutine in Conn.Serve. It is used again when both are done with it.
type stream struct {
	c   *Conn
	cfg *Config
	id  uint32
	x   *exchange.Exchange

	status  int    // the request is refused with it; 0: it is not
	reason  string // likewise
	star    bool   // the target is "*"
	connect bool   // extended CONNECT

	sink sink
	body body

	readable, writable chan struct{} // hold one wake-up each

	// The rest is guarded by Conn.mu.

	running  bool  // the handler has the stream
	recvDone bool  // the client has ended its side
	sentDone bool  // we have ended ours
	gone     error // why the stream is of no use any more
	headless bool  // the response has no head yet and waits for room
	queued   bool  // in Conn.output.queue

	buf      []byte // what came of the body and was not read is buf[r:]
	r        int
	declared int64 // Content-Length; -1: none
	headSize int   // of the decoded head, while it counts in Conn.heads
	received int64
	recvWin  int64
	credit   int // read, and not given back yet
	sendWin  int64

	readDebt, writeDebt sock.Debt
	waited, progress    int64 // of the last wait for the client to read: how long, and bytes taken since
	since               int64 // sweeper time when the wait at hand began or was looked at last
	shares              bool  // the last wait is for the connection: what others may send counts
	tookAt              int64 // Conn.took when it was looked at last
	readBy, writeBy     int64 // sweeper time; 0: nobody waits
	readLate, writeLate bool

	reads, sends stall // how long the client has been waited for

	tunnelled bool // left HTTP
}

// keepBody bounds the body buffer that a stream keeps for its next request.
const keepBody = 32 << 10

func newStream() *stream {
	st := &stream{
		x:        exchange.New(),
		readable: make(chan struct{}, 1), writable: make(chan struct{}, 1),
	}
	st.sink.st, st.body.st = st, st
	return st
}

// begin prepares a stream for its request.
func (c *Conn) begin(id uint32) *stream {
	st := c.srv.streams.Get().(*stream)
	st.c, st.id, st.cfg = c, id, c.srv.cfg.Load()
	st.declared = -1
	st.x.Reset()
	st.x.Sink = &st.sink
	r := &st.x.Request
	r.Conn, r.Major = c.info, 2
	return st
}

// release accounts the end of an accepted request and keeps its storage. c.mu
// is held; nobody else has st any more.
func (c *Conn) release(st *stream) {
	c.close(st, closedByUs) // one that was lost with its connection
	c.giveBack(len(st.buf) - st.r)
	c.dequeue(st)
	c.heads -= st.headSize
	c.running--
	if c.running == 0 {
		c.settle()
		if c.allDone != nil {
			close(c.allDone)
			c.allDone = nil
		}
	}
	st.recycle()
}

func (st *stream) recycle() {
	pool := &st.c.srv.streams
	st.x.Reset() // before it is shared: nothing of this client may stay reachable
	st.x.Request.Conn = nil
	buf := st.buf[:0]
	if cap(buf) > keepBody {
		buf = nil
	}
	x, readable, writable := st.x, st.readable, st.writable
	drain(readable)
	drain(writable)
	*st = stream{x: x, readable: readable, writable: writable, buf: buf}
	st.sink.st, st.body.st = st, st
	pool.Put(st)
}

func drain(ch chan struct{}) {
	select {
	case <-ch:
	default:
	}
}

// serve runs the request on a goroutine of the crew.
func (st *stream) serve() {
	st.call()
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.complete(st)
	c.release(st)
	c.flush()
	c.settle()
}

// complete ends the stream when its handler has returned (RFC 9113 section 8.1):
// a response that is not complete must not look so, and what the client still
// sends of a body is not wanted.
func (c *Conn) complete(st *stream) {
	switch {
	case st.gone != nil:
	case !st.sentDone && st.tunnelled:
		c.reset(st, Cancel)
	case !st.sentDone:
		c.reset(st, InternalError)
	default:
		c.budgets.resets.earn(1)
		if !st.recvDone {
			c.reset(st, NoError)
		}
	}
}

// call runs the handler; a panic costs its own stream only.
func (st *stream) call() {
	defer func() {
		if v := recover(); v != nil {
			exchange.AnswerPanic(st.x, &st.sink, v, st.c.srv.events.Panic, func() { st.sink = sink{st: st} })
		}
	}()
	switch {
	case st.status != 0:
		st.refuse()
	case st.star:
		exchange.AnswerOptions(st.x, &st.sink)
	default:
		st.c.srv.handler.Serve(st.x)
	}
}

// refuse answers a request that reaches no handler.
func (st *stream) refuse() {
	exchange.AnswerText(st.x, &st.sink, st.status, st.reason)
	if f := st.c.srv.events.Refused; f != nil {
		f(st.x, st.status, st.reason)
	}
}

// lose makes a stream useless for the given reason and tells its handler.
func (c *Conn) lose(st *stream, cause error) {
	if st.gone != nil {
		return
	}
	st.gone = cause
	if st.running {
		st.x.Cancel(cause)
	}
	poke(st.readable)
	poke(st.writable)
}

// close takes a stream out of those that are open.
func (c *Conn) close(st *stream, how closedHow) {
	if c.streams[st.id] == st {
		delete(c.streams, st.id)
		c.closed.add(st.id, how)
	}
}

// closeIfDone closes a stream whose both sides have ended.
func (c *Conn) closeIfDone(st *stream) {
	if st.recvDone && st.sentDone {
		c.close(st, closedDone)
	}
}

// reset ends a stream from our side. Its frames that wait to be sent go first.
func (c *Conn) reset(st *stream, code ErrCode) {
	if c.streams[st.id] != st {
		return
	}
	if !c.dead {
		c.output.out = appendReset(c.output.out, st.id, code)
	}
	c.close(st, closedByUs)
	c.lose(st, exchange.ErrClientGone)
}

// fault is reset for something the client did wrong (RFC 9113 section 5.4.2).
func (c *Conn) fault(st *stream, code ErrCode) error {
	c.reset(st, code)
	if err := c.owe(); err != nil {
		return err
	}
	return c.wasted()
}

// closedHow is how a stream was closed.
type closedHow uint8

const (
	closedUnknown closedHow = iota // long ago, or never open
	closedDone                     // both sides ended
	closedByPeer                   // reset by the client
	closedByUs                     // reset by us: the client may go on for a moment
)

// closedRing remembers the streams closed last.
type closedRing struct {
	ids  [128]uint32
	hows [128]closedHow
	next int
}

func (r *closedRing) add(id uint32, how closedHow) {
	r.ids[r.next], r.hows[r.next] = id, how
	r.next = (r.next + 1) % len(r.ids)
}

func (r *closedRing) how(id uint32) closedHow {
	for i := range r.ids {
		if r.ids[i] == id {
			return r.hows[i]
		}
	}
	return closedUnknown
}
