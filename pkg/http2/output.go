package http2

import (
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// output is what waits to be written to the socket. All of it is guarded by
// Conn.mu, but for w's bytes while writing is set.
type output struct {
	ctl []byte // frames of the connection: go first
	out []byte // frames of streams, in order
	w   []byte // handed to the socket; w[off:] is not out yet
	off int

	writing bool          // somebody writes w
	writer  chan struct{} // closed when the last writeRest has ended; nil: there was none
	soon    bool          // somebody is about to flush
	wait    uptake        // of the write that waits

	drained chan struct{} // closed when all is written or nothing will be; nil: nobody waits

	queue []*stream // wait for room or for the connection's window, in turn
}

// controlMax bounds the answers that a client makes us owe it: whoever sends
// more PING and SETTINGS than it reads answers to is attacking.
const controlMax = 16 << 10

// room returns how many bytes of streams the output may still take.
func (c *Conn) room() int {
	o := &c.output
	return c.writeBuffer - len(o.ctl) - len(o.out) - (len(o.w) - o.off)
}

// load moves what is next into w, and reports whether there is anything.
func (o *output) load() bool {
	if o.off < len(o.w) {
		return true
	}
	o.w, o.off = o.w[:0], 0
	if len(o.ctl) == 0 {
		o.w, o.out = o.out, o.w
		return len(o.w) > 0
	}
	o.w, o.ctl = o.ctl, o.w
	if len(o.out) <= copyMax {
		o.w = append(o.w, o.out...)
		o.out = o.out[:0]
	}
	return true
}

// copyMax is how much of the streams' frames is copied behind frames of the
// connection to save a write.
const copyMax = 8 << 10

// flush writes to the socket what it takes, and leaves the rest to a goroutine.
// c.mu is held, and released in between.
func (c *Conn) flush() {
	o := &c.output
	for !o.writing && !c.dead && o.load() {
		o.writing = true
		p := o.w[o.off:]
		c.mu.Unlock()
		n, err := c.wire.tryWrite(p)
		c.mu.Lock()
		o.writing = false
		c.wrote(n, err)
		if n < len(p) && !c.dead {
			o.writing = true
			o.writer = make(chan struct{})
			go c.writeRest(o.writer) // ends when everything is out or the connection dies
			return
		}
	}
}

// flushSoon is flush for the end of a response: other requests that are about to
// end get to put theirs into the same write.
func (c *Conn) flushSoon() {
	o := &c.output
	if o.writing || o.soon {
		return
	}
	if c.running > 1 {
		o.soon = true
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
		o.soon = false
	}
	c.flush()
}

// written reports whether nothing waits to be written.
func (o *output) written() bool {
	return !o.writing && len(o.ctl) == 0 && len(o.out) == 0 && o.off == len(o.w)
}

// wrote accounts n bytes of w, and the end of the connection if err says so.
func (c *Conn) wrote(n int, err error) {
	o := &c.output
	o.off += n
	if err != nil {
		c.die(writeError(err))
		return
	}
	c.wakeQueue()
	c.settle()
}

func writeError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return exchange.ErrSendTimeout
	}
	return exchange.ErrClientGone
}

// writeRest writes, waiting for the client, until nothing is left.
func (c *Conn) writeRest(done chan struct{}) {
	defer close(done)
	o := &c.output
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.dead && o.load() {
		p := o.w[o.off:]
		cfg := c.srv.cfg.Load()
		o.wait.begin(c.srv.sweeper.Now(), sock.UnsentConn(c.wire.raw), cfg)
		c.mu.Unlock()
		n, err := c.wire.writeSome(p)
		c.mu.Lock()
		if err != nil && c.woken(err) {
			err = nil
		}
		o.wait.look(c.srv.sweeper.Now(), sock.UnsentConn(c.wire.raw)-n, cfg)
		o.wait.end()
		c.wrote(n, err)
	}
	o.writing = false
	c.settle()
}

// awaitWriter waits for the end of writeRest.
func (c *Conn) awaitWriter() {
	c.mu.Lock()
	done := c.output.writer
	c.mu.Unlock()
	if done != nil {
		<-done
	}
}

// woken reports whether a write was ended by a deadline that was meant for an
// earlier one, and clears it.
func (c *Conn) woken(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || c.cutoff.Load() || c.ended ||
		late(c.output.wait.by, c.srv.sweeper.Now()) {
		return false
	}
	_ = c.wire.SetWriteDeadline(time.Time{})
	return true
}

// enqueue has st wait for its turn.
func (c *Conn) enqueue(st *stream) {
	if !st.queued {
		st.queued = true
		c.output.queue = append(c.output.queue, st)
	}
}

// dequeue takes st out of the queue, if it is there, and lets the next go on.
func (c *Conn) dequeue(st *stream) {
	if !st.queued {
		return
	}
	st.queued = false
	q := c.output.queue
	for i := range q {
		if q[i] == st {
			copy(q[i:], q[i+1:])
			q[len(q)-1] = nil
			c.output.queue = q[:len(q)-1]
			break
		}
	}
	c.wakeQueue()
}

// rotate sends st, which had its turn, to the end of the queue.
func (c *Conn) rotate(st *stream) {
	q := c.output.queue
	if len(q) > 1 && q[0] == st {
		copy(q, q[1:])
		q[len(q)-1] = st
		c.wakeQueue()
	}
}

// wakeQueue wakes whoever can go on: the first in the queue, and all who only
// want to send a head, which needs no window.
func (c *Conn) wakeQueue() {
	if len(c.output.queue) == 0 || c.room() <= 0 {
		return
	}
	for i, st := range c.output.queue {
		if i == 0 && c.sendWin > 0 || st.headless {
			poke(st.writable)
		}
	}
}

// mayTake reports whether it is st's turn.
func (c *Conn) mayTake(st *stream) bool {
	q := c.output.queue
	return len(q) == 0 || q[0] == st
}

// rest drops buffers that an idle connection does not need.
func (o *output) rest() {
	if o.written() {
		o.ctl, o.out, o.w, o.off = nil, nil, nil, 0
	}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // it is awake or about to be
	}
}
