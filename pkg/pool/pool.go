// Package pool hands out request slots for one backend server: the right to
// run one request there, together with a connection to run it on.
//
// The number of slots is the number of workers the server has (times the
// streams a multiplexed connection carries), so a request that holds a slot
// never waits inside the server, and one that has none waits here, in a
// bounded FIFO with a deadline, where it can be seen. puddle keeps the slots:
// its semaphore is the queue, its stack makes the most recently used slot, the
// one whose connection is surely warm, the next to go out. Connections are
// dialled on the caller's goroutine by Slot.Conn, so that a dial is accounted
// to the request that needs it and a refused one does not disturb the queue.
package pool

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"
)

// Errors of Acquire. A cancelled context comes back as its own error.
var (
	// ErrQueueFull: as many requests wait as the configuration allows.
	ErrQueueFull = errors.New("pool: queue full")
	// ErrQueueTimeout: no slot came free within the queue's deadline.
	ErrQueueTimeout = errors.New("pool: waited too long for a worker")
	// ErrTaken: TryAcquire found every slot taken.
	ErrTaken = errors.New("pool: no slot free")
	// ErrClosed: the pool is closed.
	ErrClosed = errors.New("pool: closed")
)

// Conn is a connection a pool can keep.
type Conn interface {
	comparable
	// Alive looks, without waiting, whether the peer has kept the connection
	// open and sent nothing unasked.
	Alive() bool
	// Close closes the connection; it may be called more than once.
	Close()
}

// Config describes a pool.
type Config[C Conn] struct {
	// Dial opens a connection; it is called on the goroutine of the request
	// that needs one, or of another that it shares the dial with.
	Dial func(ctx context.Context) (C, error)
	// MaxConns is the largest number of connections open at once. Required.
	// With Streams above 1, retired connections whose last requests still run
	// come on top: a long one must not keep others waiting for its connection.
	MaxConns int
	// Streams is how many requests one connection carries at once; 0 means 1.
	Streams int
	// Keep says whether connections are kept for the next request.
	Keep bool
	// Queue is how many callers may wait for a slot; 0 means none may.
	Queue int
	// QueueTimeout is how long one may wait; 0 means as long as its context.
	QueueTimeout time.Duration
	// IdleTimeout closes connections unused for so long; 0 means never.
	IdleTimeout time.Duration
	// MaxRequests closes a connection after so many requests; 0 means never.
	MaxRequests int
	// MaxLifetime closes a connection of that age; 0 means never.
	MaxLifetime time.Duration
	// Trust is for how long after its last use a kept connection is believed to
	// be alive without a look at it, which costs a system call. A request that
	// finds it closed after all must be one that can be repeated.
	Trust time.Duration
	// Now is the clock for Trust, in Unix nanoseconds: a coarse one that is
	// cheaper to read will do. Default: the system's.
	Now func() int64
}

// Pool hands out slots. All methods may be called from any goroutine.
type Pool[C Conn] struct {
	cfg    Config[C]
	slots  *puddle.Pool[*Slot[C]]
	shared *sharedSet[C] // nil unless Streams > 1

	demand   atomic.Int64 // callers holding or waiting for a slot
	capacity int64
	all      []*Slot[C] // every slot there is; fixed after New

	dials, full, late atomic.Int64
	sharedReuses      atomic.Int64
	open              atomic.Int64

	idleMu sync.Mutex // one idle sweep at a time
}

// New returns an open pool without connections.
func New[C Conn](cfg Config[C]) (*Pool[C], error) {
	if cfg.Dial == nil || cfg.MaxConns < 1 {
		return nil, errors.New("pool: Dial and MaxConns are required")
	}
	cfg.Streams = max(cfg.Streams, 1)
	if cfg.Now == nil {
		cfg.Now = func() int64 { return time.Now().UnixNano() }
	}
	p := &Pool[C]{cfg: cfg, capacity: int64(cfg.MaxConns) * int64(cfg.Streams)}
	if cfg.Streams > 1 {
		p.shared = &sharedSet[C]{p: p}
	}
	slots, err := puddle.NewPool(&puddle.Config[*Slot[C]]{
		Constructor: func(context.Context) (*Slot[C], error) {
			s := &Slot[C]{p: p}
			p.all = append(p.all, s) // New makes one after the other
			return s, nil
		},
		Destructor: func(s *Slot[C]) { s.drop() },
		MaxSize:    int32(p.capacity),
	})
	if err != nil {
		return nil, err
	}
	for range p.capacity { // so that a slot is there at once or not at all
		if err := slots.CreateResource(context.Background()); err != nil {
			return nil, err
		}
	}
	p.slots = slots
	return p, nil
}

// Acquire waits for a slot: first come, first served, at most QueueTimeout, and
// never behind more than Queue others. The caller must end with Slot.Release.
func (p *Pool[C]) Acquire(ctx context.Context) (*Slot[C], error) {
	demand := p.demand.Add(1)
	if demand <= p.capacity {
		if s, err := p.takeNow(ctx); err != ErrTaken {
			return s, err
		}
	}
	return p.acquireQueued(ctx, demand)
}

// TryAcquire is Acquire for a caller that has something to do before it waits:
// it returns ErrTaken where Acquire would.
func (p *Pool[C]) TryAcquire(ctx context.Context) (*Slot[C], error) {
	if p.demand.Add(1) <= p.capacity {
		if s, err := p.takeNow(ctx); err != ErrTaken {
			return s, err
		}
	}
	p.demand.Add(-1)
	return nil, ErrTaken
}

// takeNow takes a slot if one is free. With ErrTaken the caller is still counted
// in demand: that is but a count, and another that came later may have been
// faster, so the count alone does not say that there is a slot.
func (p *Pool[C]) takeNow(ctx context.Context) (*Slot[C], error) {
	if ctx.Err() != nil {
		p.demand.Add(-1)
		return nil, context.Cause(ctx)
	}
	res, err := p.slots.TryAcquire(ctx)
	switch {
	case err == nil:
		return begin(res), nil
	case errors.Is(err, puddle.ErrClosedPool):
		p.demand.Add(-1)
		return nil, ErrClosed
	}
	return nil, ErrTaken
}

func begin[C Conn](res *puddle.Resource[*Slot[C]]) *Slot[C] {
	s := res.Value()
	s.res = res
	return s
}

// acquireQueued is Acquire when every slot was taken a moment ago. It is apart
// because only waiters pay for a context with a deadline.
func (p *Pool[C]) acquireQueued(ctx context.Context, demand int64) (*Slot[C], error) {
	if demand > p.capacity+int64(p.cfg.Queue) {
		p.demand.Add(-1)
		p.full.Add(1)
		return nil, ErrQueueFull
	}
	if p.cfg.QueueTimeout <= 0 {
		return p.take(ctx)
	}
	wait, stop := context.WithTimeout(ctx, p.cfg.QueueTimeout)
	defer stop()
	s, err := p.take(wait)
	switch {
	case err == nil || err == ErrClosed:
		return s, err
	case ctx.Err() != nil: // even if the wait ended a moment earlier
		return nil, context.Cause(ctx)
	}
	p.late.Add(1)
	return nil, ErrQueueTimeout
}

func (p *Pool[C]) take(ctx context.Context) (*Slot[C], error) {
	res, err := p.slots.Acquire(ctx)
	if err != nil {
		p.demand.Add(-1)
		if errors.Is(err, puddle.ErrClosedPool) {
			return nil, ErrClosed
		}
		if cause := context.Cause(ctx); cause != nil {
			if errors.Is(cause, ErrQueueTimeout) {
				p.late.Add(1)
			}
			return nil, cause
		}
		return nil, err
	}
	return begin(res), nil
}

// CloseIdle closes the connections that have been idle for longer than
// IdleTimeout. The owner calls it now and then.
func (p *Pool[C]) CloseIdle() {
	if p.cfg.IdleTimeout > 0 {
		p.closeIdle(p.cfg.IdleTimeout)
	}
}

// Squeeze closes every idle connection, because somebody may be waiting for the
// workers they occupy.
func (p *Pool[C]) Squeeze() { p.closeIdle(-1) }

func (p *Pool[C]) closeIdle(older time.Duration) {
	p.idleMu.Lock()
	defer p.idleMu.Unlock()
	if p.shared != nil {
		p.shared.closeIdle(older)
		return
	}
	idle := p.slots.AcquireAllIdle()
	now := time.Now().UnixNano()
	for _, res := range idle {
		if now-res.Value().usedAt > int64(older) {
			res.Value().drop()
		}
	}
	// Back in reverse, so that the most recently used is on top again.
	for i := len(idle) - 1; i >= 0; i-- {
		idle[i].ReleaseUnused()
	}
}

// Close closes every idle connection now and the others when they are
// released, and waits for that. Waiting callers get ErrClosed.
func (p *Pool[C]) Close() {
	p.slots.Close()
	if p.shared != nil {
		p.shared.closeIdle(-1)
	}
}

// Stat is a snapshot of a pool.
type Stat struct {
	Capacity int // slots
	Busy     int // slots in use
	Waiting  int // callers in the queue
	Open     int // connections open

	Dials, Reuses       int64 // connections opened; requests on a kept one
	QueueFull, TimedOut int64 // callers turned away
}

// Stat returns a snapshot; its numbers are read one after the other.
func (p *Pool[C]) Stat() Stat {
	busy := int(p.slots.Stat().AcquiredResources())
	return Stat{
		Capacity: int(p.capacity), Busy: busy,
		Waiting: max(int(p.demand.Load())-busy, 0), Open: int(p.open.Load()),
		Dials: p.dials.Load(), Reuses: p.reuses(),
		QueueFull: p.full.Load(), TimedOut: p.late.Load(),
	}
}

func (p *Pool[C]) reuses() int64 {
	n := p.sharedReuses.Load()
	for _, s := range p.all {
		n += s.reuses.Load()
	}
	return n
}
