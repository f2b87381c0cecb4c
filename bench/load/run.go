package load

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/fcgigw/fcgigw/bench/poller"
	"github.com/fcgigw/fcgigw/bench/stats"
)

const (
	readSize = 256 << 10
	// afterError keeps a client whose requests fail at once from spinning.
	afterError = 10 * time.Millisecond
	// longestWait bounds how late the end of the load is noticed.
	longestWait = 20 * time.Millisecond
)

// loop is a load in progress.
type loop struct {
	cfg     Config
	to      netip.AddrPort
	poll    *poller.Poller
	clients []client
	next    *queue // pausing after an answer
	failed  *queue // pausing after an error
	buf     []byte
	now     time.Time

	measuring bool
	result    Result
}

// Run puts the load of cfg on the server for Warmup and Duration and returns
// what it counted during Duration. Failing requests are counted, not returned;
// the error says that the load as such could not be run, or that ctx ended.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	l, err := newLoop(cfg)
	if err != nil {
		return nil, err
	}
	defer l.close()
	l.spread()
	if err := l.until(ctx, l.now.Add(cfg.Warmup)); err != nil {
		return nil, err
	}
	l.mark()
	begin := time.Now()
	l.measuring = true
	if err := l.until(ctx, begin.Add(cfg.Duration)); err != nil {
		return nil, err
	}
	l.result.Elapsed = time.Since(begin)
	l.mark()
	l.conclude()
	return &l.result, nil
}

func newLoop(cfg Config) (*loop, error) {
	to, err := netip.ParseAddrPort(cfg.Addr)
	if err != nil || !to.Addr().Is4() {
		return nil, fmt.Errorf("load: address %q is not IPv4 with a port", cfg.Addr)
	}
	if cfg.Clients < 1 {
		return nil, fmt.Errorf("load: %d clients", cfg.Clients)
	}
	p, err := poller.New()
	if err != nil {
		return nil, err
	}
	l := &loop{
		cfg:     cfg,
		to:      to,
		poll:    p,
		clients: make([]client, cfg.Clients),
		next:    newQueue(cfg.Clients),
		failed:  newQueue(cfg.Clients),
		buf:     make([]byte, readSize),
		now:     time.Now(),
	}
	l.result.Latency = new(stats.Histogram)
	for i := range l.clients {
		l.clients[i] = client{slot: int32(i), fd: -1}
	}
	return l, nil
}

func (l *loop) close() {
	for i := range l.clients {
		l.clients[i].close()
	}
	l.poll.Close()
}

func (l *loop) mark() {
	if l.cfg.Mark != nil {
		l.cfg.Mark()
	}
}

// spread lets the clients start one after the other within one pause.
func (l *loop) spread() {
	for i := range l.clients {
		at := l.cfg.Pause * time.Duration(i) / time.Duration(len(l.clients))
		l.next.push(&l.clients[i], l.now.Add(at))
	}
}

// until runs the clients until the given time.
func (l *loop) until(ctx context.Context, end time.Time) error {
	l.now = time.Now()
	for l.now.Before(end) {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.startDue(l.next)
		l.startDue(l.failed)
		wait := l.next.wait(l.now, l.failed.wait(l.now, longestWait))
		events, err := l.poll.Wait(min(wait, end.Sub(l.now)))
		if err != nil {
			return err
		}
		l.now = time.Now()
		for _, ev := range events {
			l.event(ev)
		}
	}
	return nil
}

func (l *loop) startDue(q *queue) {
	for c := q.due(l.now); c != nil; c = q.due(l.now) {
		l.request(c)
	}
}

// request lets a client begin its next request.
func (l *loop) request(c *client) {
	c.waiting = true
	c.sent = l.now
	c.answer.Reset()
	err := error(nil)
	if c.fd >= 0 {
		err = c.send(l.cfg.Request)
	} else {
		err = c.connect(l.poll, l.to)
	}
	if err != nil {
		l.fail(c, err)
	}
}

func (l *loop) event(ev poller.Event) {
	c := &l.clients[ev.Slot]
	if c.fd < 0 || c.gen != ev.Gen {
		return
	}
	if ev.Write {
		l.writable(c)
		if !ev.Read || c.fd < 0 {
			return
		}
	}
	l.readable(c)
}

func (l *loop) writable(c *client) {
	if err := c.connected(l.poll, l.cfg.Request); err != nil {
		l.fail(c, err)
	}
}

func (l *loop) readable(c *client) {
	closed, err := c.receive(l.buf)
	switch {
	case err != nil:
		l.fail(c, err)
	case c.waiting && c.answer.Complete():
		l.answered(c, closed)
	case closed:
		c.close()
		l.result.Closed += l.one()
	}
}

// answered counts a complete answer and lets the client go on.
func (l *loop) answered(c *client, closed bool) {
	if err := c.check(l.cfg.Body); err != nil {
		l.fail(c, err)
		return
	}
	c.waiting = false
	if l.measuring {
		l.result.Latency.Add(l.now.Sub(c.sent))
		c.answers++
	}
	if closed || c.answer.Close || l.cfg.NewConn {
		c.close()
	}
	if l.cfg.Pause > 0 {
		l.next.push(c, l.now.Add(l.cfg.Pause))
		return
	}
	l.request(c)
}

// fail counts an error; the client starts afresh a little later.
func (l *loop) fail(c *client, err error) {
	if c.waiting {
		l.failed.push(c, l.now.Add(afterError))
	}
	c.waiting = false
	c.close()
	l.result.Errors += l.one()
	if l.measuring && l.result.First == nil {
		l.result.First = err
	}
}

// one is what an event now counts for.
func (l *loop) one() int {
	if l.measuring {
		return 1
	}
	return 0
}

// conclude sums up the clients.
func (l *loop) conclude() {
	r := &l.result
	end := time.Now()
	for i := range l.clients {
		c := &l.clients[i]
		r.PerClient = append(r.PerClient, c.answers)
		r.Answers += c.answers
		if c.waiting {
			r.Stalled = max(r.Stalled, end.Sub(c.sent))
		}
	}
}
