package upstream

import (
	"errors"
	"io/fs"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/pool"
)

// Do sends in and hands the reply to out. It returns nil only when the reply is
// complete. Attempts that fail are repeated as Config.Retry says, while nothing
// of a reply has gone to out. Status tells what an error means for a client that
// has got nothing yet. c is not used by another request meanwhile, and not again
// if Do panics.
func (b *Backend) Do(x *exchange.Exchange, in *Input, out Reply, c *Call) error {
	if b.foreign() && b.switching(x, in) {
		return b.doSwitching(x, in, out, c)
	}
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
			return c.reason(err)
		}
		if len(c.b.servers) > 1 {
			tried = s
		}
	}
}

// reason returns what ended the request: what cancelled it comes before what
// followed from that.
func (c *call) reason(err error) error {
	if cause := c.x.Cause(); err != nil && cause != nil {
		return cause
	}
	return err
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
	c.hold, c.greeted = false, false
	c.drop.reset()
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
	keep = l.fit(c.whole && !c.excess)
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
	slot, err := p.Acquire(&c.watch)
	c.watch.rest()
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

// connect gets the slot's connection. A refused dial is repeated for a while,
// holding the slot: a restarting php-fpm looks like this, and those who wait
// behind wait in order. The client is watched as far as there is something to
// wait for.
func (c *call) connect(s *server, slot *pool.Slot[*link]) (*link, error) {
	defer c.watch.rest()
	rest := c.rest(s)
	l, reused, err := slot.Conn(&c.watch, rest)
	for pause := firstPause; err != nil && c.dialAgain(s, err); pause = min(2*pause, lastPause) {
		if err = c.sleep(pause); err != nil {
			break
		}
		l, reused, err = slot.Conn(&c.watch, rest)
	}
	c.x.Trace.Reused = reused
	if reused {
		return l, err
	}
	now := time.Now()
	c.x.Trace.Connect += now.Sub(c.sent)
	c.sent = now
	return l, c.reason(err)
}

// The pauses between refused dials grow from the first to the last.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// dialAgain reports whether a failed dial should be repeated at this server:
// not when another server may do, and not when the server has been away for
// longer than the retry timeout, whoever noticed first. A server that refuses
// now and then is never away for long, so the request's own time counts too.
func (c *call) dialAgain(s *server, err error) bool {
	var dial *DialError
	if c.b.cfg.Retry&RetryRefused == 0 || !errors.As(err, &dial) || errors.Is(err, ErrConnectTimeout) {
		return false
	}
	if len(c.b.servers) > 1 && c.x.Trace.Tries < min(c.b.cfg.Tries, len(c.b.servers)) {
		return false
	}
	limit := c.b.cfg.RetryTimeout
	if errors.Is(err, fs.ErrPermission) {
		limit = min(limit, bindGrace)
	}
	return s.away() < limit && c.failing() < limit
}

// bindGrace is how long a socket without permission is tried again: a starting
// php-fpm creates it before it sets the mode.
const bindGrace = 500 * time.Millisecond

// exchange runs the request on l.
func (c *call) exchange(s *server, l *link) error {
	c.hold = l.one != nil && c.careful() && s.tells()
	if err := c.prepare(s.keeps() && c.mayKeep(s)); err != nil {
		return err
	}
	if !c.x.Trace.Reused && l.one != nil {
		c.unheardBy(s)
		defer c.fresh.Store(nil)
	}
	c.shared = l.mux != nil
	end, err := l.do(c)
	t := &c.x.Trace
	if c.paused || !c.got {
		c.last = time.Now()
	}
	t.Upstream = c.last.Sub(c.sent)
	t.AppStatus = int32(end.AppStatus)
	return c.outcome(err)
}

// outcome returns what became of an attempt that l.do ended with err.
func (c *call) outcome(err error) error {
	if c.drop.why != nil {
		c.whole = err == nil
		return c.drop.why
	}
	if err == nil {
		err = c.complete()
	}
	c.whole = err == nil
	if c.whole && c.excess { // the client has got what it was told of
		c.x.Trace.Err = errExcess(c.b.cfg.Protocol)
	}
	return err
}

// mayKeep reports whether a private connection may be kept behind the request.
// An application may answer without having read the body. php-fpm then throws
// the rest away; libfcgi takes it for the records of the next request, and a
// client could have chosen them. What answers FCGI_GET_VALUES is not libfcgi.
//
// A filter may answer before it has read its data, 304 for example, and what it
// leaves is in the way of the next request with php-fpm too.
func (c *call) mayKeep(s *server) bool {
	if c.b.foreign() { // the wire looks after that
		return true
	}
	switch c.in.Role {
	case RoleFilter:
		return false
	case RoleAuthorizer: // is sent no body
		return true
	}
	return len(c.in.Body) == 0 && c.in.BodyLen == 0 || s.answers.Load()
}
