package pool

import (
	"errors"
	"sync/atomic"
	"time"
)

// Reason is why a connection was closed.
type Reason uint8

// The reasons.
const (
	ClosedIdle     Reason = iota // unused for IdleTimeout
	ClosedLifetime               // MaxLifetime
	ClosedRequests               // MaxRequests
	ClosedTurn                   // Turn
	ClosedSqueezed               // given up because somebody may wait for its worker (Squeeze)
	ClosedFailed                 // its request did not end well
	ClosedByPeer                 // found closed by the server while it was idle
	ClosedUnrested               // used too recently for a request that must not run twice
	ClosedNotKept                // the pool keeps none
	ClosedWithPool               // Close
	Reasons        int    = iota // how many there are
)

// String returns the reason in one or two words.
func (r Reason) String() string {
	switch r {
	case ClosedIdle:
		return "idle"
	case ClosedLifetime:
		return "lifetime"
	case ClosedRequests:
		return "requests"
	case ClosedTurn:
		return "turn over"
	case ClosedSqueezed:
		return "squeezed"
	case ClosedFailed:
		return "failed"
	case ClosedByPeer:
		return "by peer"
	case ClosedUnrested:
		return "unrested"
	case ClosedNotKept:
		return "not kept"
	case ClosedWithPool:
		return "pool closed"
	}
	return "unknown"
}

// Waits counts waits for a slot by their length. Waits[0] are the requests that
// had a slot at once; Waits[i] are those that waited, for a slot or in vain, at
// most WaitBound(i) and longer than WaitBound(i-1).
type Waits [11]int64

// WaitBound returns the longest wait that counts in Waits[i]; 0 for the first,
// and -1 for the last, which has no bound.
func WaitBound(i int) time.Duration {
	const ms, s = time.Millisecond, time.Second
	bounds := [len(Waits{}) - 1]time.Duration{0, ms, 5 * ms, 10 * ms, 50 * ms, 100 * ms, 500 * ms, s, 5 * s, 10 * s}
	if i >= len(bounds) {
		return -1
	}
	return bounds[i]
}

// waitIndex returns where a wait of d counts. Every wait is longer than none.
func waitIndex(d time.Duration) int {
	i := 1
	for i < len(Waits{})-1 && d > WaitBound(i) {
		i++
	}
	return i
}

// Stat is a snapshot of a pool. Counts begin with the pool.
type Stat struct {
	Capacity int // slots: MaxConns times Streams
	MaxConns int // most connections
	Streams  int // requests at once on one of them

	Busy     int // slots held
	Waiting  int // callers in the queue
	Open     int // connections open
	Idle     int // connections open that no request uses
	Dialling int // dials under way

	Dials, DialFailures int64 // dials that ended, well or not
	Reuses              int64 // requests that ended and had a kept connection

	QueueFull, TimedOut, Left int64 // callers turned away, by the queue's length or deadline; callers whose context ended in the queue

	Waits  Waits
	Closed [Reasons]int64 // connections closed, by Reason
}

// ReuseRatio returns which part of the connections that requests had was kept
// ones, from 0 to 1.
func (s *Stat) ReuseRatio() float64 {
	if s.Reuses == 0 {
		return 0
	}
	return float64(s.Reuses) / float64(s.Reuses+s.Dials)
}

// counts is what a pool counts beside its slots' own states. A request with a
// kept connection changes none of it.
type counts struct {
	waiting atomic.Int64 // callers in the queue

	dialled, opened, refused atomic.Int64 // dials begun; ended well; ended with an error
	fresh                    atomic.Int64 // slots released that had no kept connection
	closed                   [Reasons]atomic.Int64

	full, late, left atomic.Int64
	granted          atomic.Int64 // waits that ended with a slot
	waits            [len(Waits{})]atomic.Int64
}

// countWait counts a wait that ended with err.
func (c *counts) countWait(took time.Duration, err error) {
	c.waits[waitIndex(took)].Add(1)
	switch {
	case err == nil:
		c.granted.Add(1)
	case errors.Is(err, ErrQueueTimeout):
		c.late.Add(1)
	case !errors.Is(err, ErrClosed):
		c.left.Add(1)
	}
}

// Dialling returns how many dials are under way, and how many have ended. It is
// cheap.
func (p *Pool[C]) Dialling() (now int, ended int64) {
	ended = p.opened.Load() + p.refused.Load()
	return max(int(p.dialled.Load()-ended), 0), ended
}

// Stat returns a snapshot; its numbers are read one after the other. It costs
// a look at every slot.
func (p *Pool[C]) Stat() Stat {
	st := Stat{
		Capacity: len(p.all), MaxConns: p.cfg.MaxConns, Streams: p.cfg.Streams,
		Waiting:      int(p.waiting.Load()),
		DialFailures: p.refused.Load(),
		QueueFull:    p.full.Load(), TimedOut: p.late.Load(), Left: p.left.Load(),
	}
	var gone int64
	for i := range p.closed {
		st.Closed[i] = p.closed[i].Load()
		gone += st.Closed[i]
	}
	st.Dialling, _ = p.Dialling()
	st.Dials = p.opened.Load()
	st.Open = int(st.Dials - gone)
	p.statSlots(&st)
	return st
}

// statSlots fills in what the slots know.
func (p *Pool[C]) statSlots(st *Stat) {
	granted, fresh := p.granted.Load(), p.fresh.Load()
	var ended int64
	for _, s := range p.all {
		state := s.state.Load()
		ended += int64(state / served)
		switch state & (held | have) {
		case have:
			st.Idle++
		case held, held | have:
			st.Busy++
		}
	}
	if p.shared != nil {
		st.Idle = p.shared.idle()
	}
	st.Reuses = max(ended-fresh, 0)
	st.Waits[0] = max(ended+int64(st.Busy)-granted, 0)
	for i := 1; i < len(p.waits); i++ {
		st.Waits[i] = p.waits[i].Load()
	}
}
