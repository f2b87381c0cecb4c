package upstream

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/pool"
)

// Do sends in and hands the reply to out. It returns nil only when the reply is
// complete. Attempts are repeated only while nothing of a reply has come and it
// is certain, or harmless if not, that the application has not run: the dial
// was refused, a kept connection turned out to be closed (idempotent methods),
// or the server said that it is overloaded. Status tells what an error means
// for a client that has got nothing yet. c is not used by another request
// meanwhile, and not again if Do panics.
func (b *Backend) Do(x *exchange.Exchange, in *Input, out Reply, c *Call) error {
	c.begin(b, x, in, out)
	err := out.Done(c.run())
	c.end()
	return err
}

// run makes attempts until one decides.
func (c *call) run() error {
	c.x.Trace.Backend = c.b.cfg.Name
	var tried *server
	for {
		s := c.b.pick(tried)
		err := c.attempt(s)
		if err == nil || !c.again(s, err) {
			return err
		}
		if len(c.b.servers) > 1 {
			tried = s
		}
	}
}

// attempt is one try at one server: wait for a worker, get a connection, run.
func (c *call) attempt(s *server) error {
	if len(c.b.servers) > 1 { // alone it is not compared with others
		s.busy.Add(1)
		defer s.busy.Add(-1)
	}
	t := &c.x.Trace
	t.Tries++
	t.Server = s.name
	c.sent, c.last = c.in.At, c.in.At
	if t.Tries > 1 {
		c.sent = time.Now()
	}
	slot, err := c.acquire(s)
	if err != nil {
		return err
	}
	keep := false
	defer func() { slot.ReleaseAt(keep, c.last) }() // also when a handler of the reply panics
	l, err := c.connect(s, slot)
	if err != nil {
		return err
	}
	err = c.exchange(s, l)
	keep = err == nil && !c.excess && l.reusable() && !s.squeezed()
	return err
}

// acquire gets a slot, and waits for it if it must.
func (c *call) acquire(s *server) (*pool.Slot[*link], error) {
	for {
		p := s.slots.Load()
		slot, err := p.TryAcquire(c.x.Context())
		if errors.Is(err, pool.ErrTaken) {
			slot, err = c.wait(p)
		}
		if !c.replaced(s, p, err) {
			return slot, err
		}
	}
}

// wait is acquire when no slot is free. Meanwhile the client and the time are
// watched, which no connection does yet.
func (c *call) wait(p *pool.Pool[*link]) (*pool.Slot[*link], error) {
	start := time.Now()
	c.watch.by = c.b.sweeper.After(c.b.cfg.QueueTimeout)
	c.b.sweeper.Add(&c.watch)
	slot, err := p.Acquire(c.x.Context())
	c.b.sweeper.Remove(&c.watch)
	c.watch.by = 0
	c.sent = time.Now()
	c.x.Trace.Queue += c.sent.Sub(start)
	if cause := c.x.Cause(); err == nil && cause != nil {
		slot.Release(true) // came together with the end of the wait
		return nil, cause
	}
	return slot, err
}

// replaced reports whether err only says that the pool was exchanged for
// another meanwhile.
func (c *call) replaced(s *server, p *pool.Pool[*link], err error) bool {
	return errors.Is(err, pool.ErrClosed) && s.slots.Load() != p
}

// restBeforeUnsafe is how long a kept connection must have been quiet before a
// request that must not run twice is sent on it: a worker that has reached its
// last request closes within microseconds of its answer, unless the system has
// something better to do. Once a server was seen to do so, such requests get a
// new connection each, which only a worker with requests left accepts.
const restBeforeUnsafe = 10 * time.Millisecond

// neverRested makes a second attempt use a new connection.
const neverRested = time.Duration(1<<63 - 1)

// connect gets the slot's connection. A refused dial is repeated for a while,
// holding the slot: a restarting php-fpm looks like this, and those who wait
// behind wait in order.
func (c *call) connect(s *server, slot *pool.Slot[*link]) (*link, error) {
	var rest time.Duration
	switch {
	case c.x.Trace.Tries > 1:
		rest = neverRested
	case !c.safe && s.closesKept.Load():
		rest = neverRested
	case !c.safe:
		rest = restBeforeUnsafe
	}
	l, reused, err := slot.Conn(c.x.Context(), rest)
	for pause := firstPause; err != nil && c.dialAgain(s, err); pause = min(2*pause, lastPause) {
		if c.sleep(pause) != nil {
			break
		}
		l, reused, err = slot.Conn(c.x.Context(), rest)
	}
	c.x.Trace.Reused = reused
	if !reused {
		now := time.Now()
		c.x.Trace.Connect += now.Sub(c.sent)
		c.sent = now
	}
	return l, err
}

// The pauses between refused dials grow from the first to the last.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// dialAgain reports whether a failed dial should be repeated at this server:
// not when another server may do, and not when the server has been away for
// longer than the retry timeout, whoever noticed first.
func (c *call) dialAgain(s *server, err error) bool {
	var dial *DialError
	if !errors.As(err, &dial) || errors.Is(err, ErrConnectTimeout) {
		return false
	}
	if len(c.b.servers) > 1 && c.x.Trace.Tries < min(c.b.cfg.Tries, len(c.b.servers)) {
		return false
	}
	away := s.away()
	if errors.Is(err, fs.ErrPermission) {
		return away < bindGrace
	}
	return away < c.b.cfg.RetryTimeout
}

// bindGrace is how long a socket without permission is tried again: a starting
// php-fpm creates it before it sets the mode.
const bindGrace = 500 * time.Millisecond

// sleep waits for d, unless the exchange ends first. The client is watched.
func (c *call) sleep(d time.Duration) error {
	c.b.sweeper.Add(&c.watch)
	defer c.b.sweeper.Remove(&c.watch)
	t := time.NewTimer(d)
	defer t.Stop()
	ctx := c.x.Context()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exchange runs the request on l.
func (c *call) exchange(s *server, l *link) error {
	if err := c.prepare(s.keeps()); err != nil {
		return err
	}
	if !c.x.Trace.Reused && l.mux == nil {
		c.freshAt.Store(c.b.sweeper.Now())
		c.fresh.Store(s)
		defer c.fresh.Store(nil)
	}
	end, err := l.do(&c.req, c)
	t := &c.x.Trace
	if c.paused || !c.got {
		c.last = time.Now()
	}
	t.Upstream = c.last.Sub(c.sent)
	t.AppStatus = int32(end.AppStatus)
	if err != nil {
		return err
	}
	return c.complete()
}
