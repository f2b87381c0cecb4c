package http2

import (
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// drainPing is the data of the PING whose answer ends the grace for new
// requests.
const drainPing = "drain..."

// Drain tells the client that no new request is taken; Serve returns when those
// under way have ended. Requests that were on their way are served: the client
// gets a round trip, or drainRound, to learn of it.
func (c *Conn) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining || c.ended {
		return
	}
	c.draining = true
	if c.started {
		c.announceEnd()
		c.flush()
	}
}

func (c *Conn) announceEnd() {
	b := appendGoAway(c.output.ctl, lastStreamID, NoError, "")
	c.output.ctl = appendPing(b, 0, []byte(drainPing))
	c.drainBy = c.srv.sweeper.After(drainRound)
}

// leave sends the last GOAWAY: requests with higher numbers are not served.
func (c *Conn) leave() {
	if c.leaving {
		return
	}
	c.leaving, c.drainBy = true, 0
	c.output.ctl = appendGoAway(c.output.ctl, c.takenID, NoError, "")
	c.flush()
	c.settle()
}

// over reports whether a connection that leaves has nothing more to do.
func (c *Conn) over() bool {
	return c.leaving && c.running == 0 && c.output.written()
}

// settle ends a connection that is over, and tells who waits for that that
// everything is written. A connection without requests becomes idle with that.
func (c *Conn) settle() {
	if c.idleSince == 0 && c.quiet() {
		c.idleSince = c.srv.sweeper.Now()
	}
	if o := &c.output; o.drained != nil && (c.dead || o.written()) {
		close(o.drained)
		o.drained = nil
	}
	if c.leaving && !c.ended && c.over() {
		c.wake()
	}
}

// Cut ends requests under way (their exchanges are cancelled with
// exchange.ErrCutOff) and makes Serve return when their handlers have.
func (c *Conn) Cut() {
	c.cutoff.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.die(exchange.ErrCutOff)
	_ = c.wire.SetDeadline(sock.Past())
}

// sweep holds the connection's deadlines against now. It runs on the sweeper's
// goroutine.
func (c *Conn) sweep(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.dead {
		return
	}
	if late(c.output.wait.by, now) {
		c.lookAtSocket(now)
	}
	if late(c.output.wait.by, now) {
		_ = c.wire.SetWriteDeadline(sock.Past())
	}
	switch {
	case late(c.headBy, now):
		c.condemn(fatal(EnhanceYourCalm, "frames came too slowly"))
	case late(c.ackBy, now):
		c.condemn(fatal(SettingsTimeout, "settings not acknowledged"))
	case late(c.drainBy, now):
		c.leave()
	}
	for _, st := range c.streams {
		st.sweep(now)
	}
	c.sweepIdle(now)
}

func late(by, now int64) bool { return by != 0 && now > by }

func (c *Conn) sweepIdle(now int64) {
	idle := c.idleFor(now)
	cfg := c.srv.cfg.Load()
	most := cfg.KeepaliveTimeout
	if c.served == 0 {
		most = max(most, cfg.HeaderTimeout)
	}
	switch {
	case idle == 0:
	case idle > most && c.taken(now):
		c.condemn(fatal(NoError, "idle"))
	case idle > restAfter && !c.resting:
		c.wake()
	}
}

// sweep holds the deadlines of what the handler waits for against now.
func (st *stream) sweep(now int64) {
	if late(st.readBy, now) {
		st.readLate = true
		poke(st.readable)
	}
	if late(st.writeBy, now) && !st.goesOn(now) {
		st.writeLate = true
		poke(st.writable)
	}
}

// goesOn reports whether a stream that has waited for long, but for its
// connection, may go on waiting: the client takes what others send.
func (st *stream) goesOn(now int64) bool {
	c := st.c
	if !st.shares {
		return false
	}
	if c.took == st.tookAt {
		c.lookAtSocket(now)
	}
	took := c.took - st.tookAt
	if took == 0 {
		return false
	}
	st.writeDebt.Settle(st.waited+now-st.since, took, st.cfg.MinSendRate)
	st.waited, st.since, st.tookAt = 0, now, c.took
	st.writeBy = st.writeDebt.Deadline(now, st.cfg.SendTimeout)
	return true
}
