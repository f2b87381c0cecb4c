package http2

import (
	"errors"
	"os"
	"time"
)

// read reads and looks at frames until the connection ends, and returns why.
func (c *Conn) read() error {
	c.input = c.srv.inputs.Get().(*[]byte)
	for len(c.first) > 0 {
		n := copy(c.space(), c.first)
		c.first = c.first[n:]
		c.arrived(n)
		if err := c.consume(); err != nil {
			return err
		}
	}
	c.first = nil
	for {
		err := c.readMore()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = c.awoken()
		}
		if err != nil {
			return err
		}
	}
}

func (c *Conn) readMore() error {
	if c.wire.raw == nil {
		n, err := c.wire.Read(c.space())
		c.arrived(n)
		if n > 0 {
			if err := c.consume(); err != nil {
				return err
			}
		}
		return err
	}
	c.rerr = nil
	err := c.wire.raw.Read(c.step)
	if c.rerr != nil {
		return c.rerr
	}
	return err
}

// readStep is the raw read callback: it looks at what came and waits for more
// without a read that would find nothing.
func (c *Conn) readStep(fd uintptr) (leave bool) {
	c.wire.direct.Edge()
	for {
		n, empty, err := c.wire.read(fd, c.space())
		if err != nil {
			c.rerr = err
			return true
		}
		if n > 0 {
			c.arrived(n)
			if c.rerr = c.consume(); c.rerr != nil {
				return true
			}
		}
		if empty {
			return false
		}
	}
}

// space returns where the next bytes go; there is some, because a frame fits.
func (c *Conn) space() []byte {
	if c.input == nil {
		return c.tiny[:]
	}
	return (*c.input)[c.w:]
}

// arrived accounts n bytes that were read into space.
func (c *Conn) arrived(n int) {
	if c.input == nil && n > 0 {
		c.input = c.srv.inputs.Get().(*[]byte)
		copy(*c.input, c.tiny[:n])
	}
	c.w += n
}

// consume looks at the whole frames that are here, runs the requests that
// began, and sends what the frames have us owe.
func (c *Conn) consume() error {
	buf := *c.input
	if !c.greeted {
		if ok, err := c.greet(buf[:c.w]); !ok {
			return err
		}
	}
	frames := 0
	for c.r < c.w {
		f, size, err := parseFrame(buf[c.r:c.w])
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		c.r += size
		frames++
		if err := c.frame(&f); err != nil {
			return err
		}
	}
	c.w = copy(buf, buf[c.r:c.w])
	c.r = 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchPart(frames > 0)
	c.start()
	c.flush()
	return c.verdict
}

// greet takes the preface off the front of b, as far as it is here.
func (c *Conn) greet(b []byte) (ok bool, err error) {
	n := min(len(b), len(preface))
	if string(b[:n]) != preface[:n] {
		return false, fatal(ProtocolError, "bad connection preface")
	}
	if n < len(preface) {
		return false, nil
	}
	c.r = n
	c.greeted = true
	return true, nil
}

// watchPart sets the deadline of what has come in part: a header block as a
// whole, otherwise the frame at hand, unless it is one of a body, which the
// body's own deadline is for.
func (c *Conn) watchPart(progress bool) {
	open := c.block.stream
	part := open != 0 || !c.settled || c.w > 0 && (c.w < 4 || frameType((*c.input)[3]) != frameData)
	switch {
	case !part:
		c.headBy = 0
	case c.headBy == 0, progress && c.settled && (open == 0 || open != c.partFrom):
		c.headBy = c.srv.sweeper.After(c.srv.cfg.Load().HeaderTimeout)
	}
	c.partFrom = open
}

// start runs the requests that have begun, with as much of their bodies as came
// together with their heads.
func (c *Conn) start() {
	for i, st := range c.ready {
		c.ready[i] = nil
		if st.gone != nil { // reset before it could do any work
			c.release(st)
			continue
		}
		st.running = true
		st.settleLength()
		c.srv.crew.run(st)
	}
	c.ready = c.ready[:0]
}

// awoken runs when a read was woken by a deadline: it finds out what for.
func (c *Conn) awoken() error {
	_ = c.wire.SetReadDeadline(time.Time{}) // first: who sets it again has changed what is looked at below
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.verdict != nil:
		return c.verdict
	case c.dead, c.cutoff.Load(), c.over():
		return errEnd
	}
	if c.w == 0 && c.input != nil && c.idleFor(c.srv.sweeper.Now()) > restAfter {
		c.srv.inputs.Put(c.input)
		c.input = nil
		c.resting = true
		c.srv.trim.Rested()
		c.output.rest()
		c.block.buf, c.head.cookie, c.ready = nil, nil, nil
	}
	return nil
}
