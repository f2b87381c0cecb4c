package server

import (
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

const (
	// firstBuffer holds the head of an ordinary request, and its body if small.
	firstBuffer = 8 << 10
	// keepBuffer bounds what goes back into the pool of buffers.
	keepBuffer = 32 << 10
	// bodyRoom is the least space worth a read of a chunked body.
	bodyRoom = 4 << 10
)

// active is what a connection holds while it serves and gives back when idle.
type active struct {
	buf  []byte // received bytes are buf[r:w]
	r, w int

	x    *exchange.Exchange
	meta http1.Meta
	sink sink
	body body
	wr   writer

	serverHeader []byte
	headerText   string // what serverHeader was made of
}

func newActive() *active {
	a := &active{buf: make([]byte, firstBuffer), x: exchange.New()}
	a.wr.fn = a.wr.step
	return a
}

func (a *active) attach(c *conn) {
	a.r, a.w = 0, 0
	a.wr.c = c
	a.meta.Restart()
	a.x.Request.Conn = &c.info
}

func (a *active) detach() {
	a.x.Reset() // before it is shared: nothing of this client may stay reachable
	a.x.Request.Conn = nil
	a.sink.reset(nil)
	a.body = body{}
	a.wr = writer{fn: a.wr.fn}
	if len(a.buf) > keepBuffer {
		a.buf = make([]byte, firstBuffer)
	}
}

// begin prepares for the request that starts at buf[r].
func (a *active) begin(c *conn) {
	a.x.Reset()
	a.x.Sink = &a.sink // a handler that panicked may have left another
	a.x.Request.Body = &a.body
	a.sink.reset(c)
	a.body = body{c: c, done: true}
	if a.headerText != c.cfg.ServerHeader {
		a.headerText = c.cfg.ServerHeader
		a.serverHeader = []byte(a.headerText)
	}
}

// room returns space for a read of a request head, growing the buffer. The
// parser's limits end the growth.
func (a *active) room() []byte {
	if a.w == len(a.buf) {
		if a.r > 0 {
			a.w = copy(a.buf, a.buf[a.r:a.w])
			a.r = 0
		} else {
			a.buf = append(a.buf, make([]byte, len(a.buf))...)
		}
	}
	return a.buf[a.w:]
}

// bodySpace returns space for a read of a request body without touching what
// the request's head occupies: when that leaves too little, a new buffer takes
// the unread bytes and the old one lives on beneath the head's slices.
func (a *active) bodySpace() []byte {
	if len(a.buf)-a.w < bodyRoom {
		next := make([]byte, max(firstBuffer, 2*(a.w-a.r)+bodyRoom))
		a.w = copy(next, a.buf[a.r:a.w])
		a.r = 0
		a.buf = next
	}
	return a.buf[a.w:]
}

// compact forgets the request that was answered and moves what follows it to
// the front.
func (a *active) compact() {
	if n := a.body.skip(); n > 0 {
		a.r += n
		a.body.left -= int64(n)
		a.body.done = a.body.left == 0
	}
	if a.r == a.w {
		a.r, a.w = 0, 0
	}
}
