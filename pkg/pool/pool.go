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
//
// While nobody waits, the slot that came back last lies beside puddle (hot), so
// that a request costs two exchanges of a pointer instead of four locks.
package pool

import (
	"context"
	"errors"
	"fmt"
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
	// MinIdle is how many idle connections IdleTimeout leaves open, the most
	// recently used ones. It does not hold against Squeeze.
	MinIdle int
	// MaxRequests closes a connection after so many requests, MaxLifetime at
	// that age; 0 means never. Each connection draws its own limit between 90
	// and 100 percent when it is dialled, so that those dialled together do not
	// end together.
	MaxRequests int
	MaxLifetime time.Duration
	// Turn is for how long a connection serves request after request, counted
	// from the first one; the next one behind that gets a new connection. The
	// server's worker then serves whoever else waits for it before it serves us
	// again: a pool that is always busy never has an idle connection to give up.
	// 0 means no end. Streams above 1 have no turns.
	Turn time.Duration
	// Trust is for how long after its last use a kept connection is believed to
	// be alive without a look at it, which costs a system call. A request that
	// finds it closed after all must be one that can be repeated.
	Trust time.Duration
	// Now is the clock for Trust, Turn and MaxLifetime, in nanoseconds: a coarse one
	// that is cheaper to read will do. It should be one that nobody sets. Default:
	// the system's monotonic one.
	Now func() int64
	// At is that clock at a moment that time.Now returned, exactly. Default: what
	// Now returns when the pool is made, and the time passed since.
	At func(t time.Time) int64
}

// Pool hands out slots. All methods may be called from any goroutine.
type Pool[C Conn] struct {
	cfg    Config[C]
	slots  *puddle.Pool[*Slot[C]]
	shared *sharedSet[C] // nil unless Streams > 1
	all    []*Slot[C]    // every slot there is; fixed after New

	tight atomic.Int64 // the clock until which no connection is kept

	// wanted counts those who need the slots to be in puddle: waiters, passes
	// over the idle ones, Close. While it is above 0 nothing stays in hot: who
	// raises it empties hot afterwards, and who fills hot looks at wanted again.
	wanted atomic.Int64

	_   [cacheLine]byte         // what every request writes is apart from what it reads
	hot atomic.Pointer[Slot[C]] // the most recently used slot, acquired as far as puddle knows
	_   [cacheLine]byte
	counts

	idleMu sync.Mutex // one pass over the idle slots at a time
}

// cacheLine is the distance at which processors do not disturb each other; they
// fetch lines in pairs.
const cacheLine = 128

// maxSlots bounds the memory of a pool; each slot takes half a kilobyte.
const maxSlots = 1 << 20

// setClock fills in the clock as far as it is missing.
func (cfg *Config[C]) setClock() {
	if cfg.At == nil {
		born := time.Now()
		at := born.UnixNano()
		if cfg.Now != nil {
			at = cfg.Now()
		}
		cfg.At = func(t time.Time) int64 { return at + int64(t.Sub(born)) }
	}
	if cfg.Now == nil {
		at := cfg.At
		cfg.Now = func() int64 { return at(time.Now()) }
	}
}

// New returns an open pool without connections.
func New[C Conn](cfg Config[C]) (*Pool[C], error) {
	if cfg.Dial == nil || cfg.MaxConns < 1 {
		return nil, errors.New("pool: Dial and MaxConns are required")
	}
	cfg.Streams = max(cfg.Streams, 1)
	if cfg.MaxConns > maxSlots/cfg.Streams {
		return nil, fmt.Errorf("pool: %d connections with %d requests each are too many", cfg.MaxConns, cfg.Streams)
	}
	cfg.setClock()
	p := &Pool[C]{cfg: cfg}
	if cfg.Streams > 1 {
		p.shared = &sharedSet[C]{p: p}
	}
	var err error
	p.slots, err = puddle.NewPool(&puddle.Config[*Slot[C]]{
		Constructor: func(context.Context) (*Slot[C], error) {
			s := &Slot[C]{p: p}
			p.all = append(p.all, s) // New makes one after the other
			return s, nil
		},
		Destructor: func(s *Slot[C]) { s.drop(ClosedWithPool) },
		MaxSize:    int32(cfg.MaxConns * cfg.Streams),
	})
	if err != nil {
		return nil, err
	}
	for range cfg.MaxConns * cfg.Streams { // so that a slot is there at once or not at all
		if err := p.slots.CreateResource(context.Background()); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// dial opens a connection and counts it.
func (p *Pool[C]) dial(ctx context.Context) (C, error) {
	p.dialled.Add(1)
	c, err := p.cfg.Dial(ctx)
	if err != nil {
		p.refused.Add(1)
	} else {
		p.opened.Add(1)
	}
	return c, err
}

// Close closes every idle connection now and the others when they are
// released, and waits for that. Waiting callers get ErrClosed.
func (p *Pool[C]) Close() {
	p.want() // for ever: no slot stays in hot any more
	p.slots.Close()
	if p.shared != nil {
		p.shared.closeAll(ClosedWithPool)
	}
}
