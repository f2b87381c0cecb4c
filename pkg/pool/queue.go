package pool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/puddle/v2"
)

// Acquire waits for a slot: first come, first served, at most QueueTimeout, and
// never behind more than Queue others. The caller must end with Slot.Release.
// It returns ErrQueueFull at once, ErrQueueTimeout, ErrClosed, or the cause of
// the end of ctx.
func (p *Pool[C]) Acquire(ctx context.Context) (*Slot[C], error) {
	s, err := p.TryAcquire(ctx)
	if err != ErrTaken {
		return s, err
	}
	return p.acquireQueued(ctx)
}

// TryAcquire is Acquire for a caller that has something to do before it waits:
// it returns ErrTaken where Acquire would.
func (p *Pool[C]) TryAcquire(ctx context.Context) (*Slot[C], error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if p.wanted.Load() == 0 {
		if s := p.hot.Swap(nil); s != nil {
			s.begin()
			return s, nil
		}
	}
	res, err := p.slots.TryAcquire(ctx)
	switch {
	case err == nil:
		return taken(res), nil
	case errors.Is(err, puddle.ErrClosedPool):
		return nil, ErrClosed
	}
	return nil, ErrTaken
}

// taken returns the slot of a resource that puddle has handed out.
func taken[C Conn](res *puddle.Resource[*Slot[C]]) *Slot[C] {
	s := res.Value()
	s.res = res
	s.begin()
	return s
}

// want makes every slot pass through puddle until unwant.
func (p *Pool[C]) want() {
	p.wanted.Add(1)
	p.emptyHot()
}

func (p *Pool[C]) unwant() { p.wanted.Add(-1) }

func (p *Pool[C]) emptyHot() {
	if s := p.hot.Swap(nil); s != nil {
		s.res.ReleaseUnused()
	}
}

// giveBack makes the slot the next to go out, or that of the first who waits.
func (p *Pool[C]) giveBack(s *Slot[C]) {
	if p.wanted.Load() != 0 {
		s.res.ReleaseUnused() // puddle's own time of last use would cost a look at the clock
		return
	}
	older := p.hot.Swap(s)
	if p.wanted.Load() != 0 { // somebody came meanwhile, and may have found hot empty
		p.emptyHot()
	}
	if older != nil {
		older.res.ReleaseUnused()
	}
}

// acquireQueued is Acquire when every slot was taken a moment ago. Only those
// who come here pay for a context with a deadline, two looks at the clock and
// the counting.
func (p *Pool[C]) acquireQueued(ctx context.Context) (*Slot[C], error) {
	if !p.enterQueue() {
		p.full.Add(1)
		return nil, ErrQueueFull
	}
	start := time.Now()
	p.want()
	s, err := p.wait(ctx)
	p.unwant()
	p.waiting.Add(-1) // behind the slot's begin: for a moment counted twice, never not at all
	p.countWait(time.Since(start), err)
	return s, err
}

// enterQueue counts the caller as waiting, unless the queue is full. Slots that
// nobody holds are on their way to those who waited longest; they are counted
// only when the queue seems full.
func (p *Pool[C]) enterQueue() bool {
	for {
		n, most := p.waiting.Load(), int64(p.cfg.Queue)
		if n >= most && n >= most+p.unheld() {
			return false
		}
		if p.waiting.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// unheld returns how many slots no caller holds.
func (p *Pool[C]) unheld() (n int64) {
	for _, s := range p.all {
		if s.state.Load()&held == 0 {
			n++
		}
	}
	return n
}

// wait stands in puddle's queue.
func (p *Pool[C]) wait(ctx context.Context) (*Slot[C], error) {
	bounded := ctx
	if p.cfg.QueueTimeout > 0 {
		var stop context.CancelFunc
		bounded, stop = context.WithTimeoutCause(ctx, p.cfg.QueueTimeout, ErrQueueTimeout)
		defer stop()
	}
	res, err := p.slots.Acquire(bounded)
	switch {
	case err == nil:
		return taken(res), nil
	case errors.Is(err, puddle.ErrClosedPool):
		return nil, ErrClosed
	case ctx.Err() != nil: // even if the deadline passed at the same moment
		return nil, context.Cause(ctx)
	case bounded.Err() != nil:
		return nil, context.Cause(bounded)
	}
	return nil, err
}
