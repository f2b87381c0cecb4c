package http2

import (
	"errors"
	"os"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// end closes the connection for err, telling the client if there is something
// to tell, and waits for the handlers.
func (c *Conn) end(err error) {
	told := c.farewell(err)
	if told {
		bad, ok := errors.AsType[*connError](err)
		c.linger(!ok || bad.code == NoError)
	}
	c.mu.Lock()
	c.die(c.cause())
	_ = c.wire.SetDeadline(sock.Past())
	for i, st := range c.ready {
		c.ready[i] = nil
		c.release(st)
	}
	var done chan struct{}
	if c.running > 0 {
		done = make(chan struct{})
		c.allDone = done
	}
	c.mu.Unlock()
	c.wire.Close()
	c.awaitWriter()
	if done != nil {
		<-done
	}
	if c.input != nil {
		c.srv.inputs.Put(c.input)
		c.input = nil
		c.srv.trim.Rested()
	}
}

// cause is what requests under way are told when the connection ends.
func (c *Conn) cause() error {
	if c.cutoff.Load() {
		return exchange.ErrCutOff
	}
	return exchange.ErrClientGone
}

// farewell sends the last GOAWAY, if the connection did not just break, and
// loses the streams. It reports whether the client should be let read what was
// sent: with bytes of it unread a plain close would reset the connection.
func (c *Conn) farewell(err error) (told bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, st := range c.streams {
		c.lose(st, c.cause())
	}
	bad, ok := errors.AsType[*connError](err)
	if c.dead || c.cutoff.Load() || !ok && !c.over() {
		return false
	}
	if ok {
		c.output.ctl = appendGoAway(c.output.ctl, c.takenID, bad.code, bad.reason)
	}
	if ok && bad.code != NoError {
		c.srv.report(c.info, bad)
	}
	_ = c.wire.SetDeadline(time.Now().Add(lingerTime))
	c.flush()
	return true
}

// Bounds of a lingering close: how much is thrown away so that the client gets
// to read our GOAWAY instead of a reset.
const (
	lingerBytes = 1 << 20
	lingerTime  = time.Second
)

// awaitOutput waits until everything is written; the deadline ends that.
func (c *Conn) awaitOutput() {
	c.mu.Lock()
	var done chan struct{}
	if !c.dead && !c.output.written() {
		done = make(chan struct{})
		c.output.drained = done
	}
	c.mu.Unlock()
	if done != nil {
		<-done
	}
}

// linger throws away what the client still sends, for lingerTime; if it is to be
// patient, for as long as the client takes what was written.
func (c *Conn) linger(patient bool) {
	c.awaitOutput()
	if !c.wire.closeWrite() {
		return
	}
	buf := *c.buffer()
	for total := 0; total < lingerBytes; {
		n, err := c.wire.Read(buf)
		total += n
		if err != nil && (!patient || !errors.Is(err, os.ErrDeadlineExceeded) || !c.lingerOn()) {
			return
		}
	}
}

// lingerOn reports whether there is still something to wait for, which it has
// prolonged the deadline for.
func (c *Conn) lingerOn() bool {
	c.mu.Lock()
	taken := c.taken(c.srv.sweeper.Now())
	c.mu.Unlock()
	_ = c.wire.SetReadDeadline(time.Now().Add(lingerTime))
	return !taken && !c.cutoff.Load() // looked at last: Cut sets its deadline behind it
}

func (c *Conn) buffer() *[]byte {
	if c.input == nil {
		c.input = c.srv.inputs.Get().(*[]byte)
	}
	return c.input
}
