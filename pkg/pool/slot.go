package pool

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"
)

// Slot is the right to run one request. It belongs to one caller from Acquire
// to Release.
type Slot[C Conn] struct {
	p   *Pool[C]
	res *puddle.Resource[*Slot[C]]

	kept   member[C] // the connection of a slot of its own (Streams == 1)
	sh     *share[C] // the shared connection in use (Streams > 1)
	usedAt int64     // the clock at the last release
	reused bool      // this request has had a kept connection

	own   uint64        // what the holder last stored in state
	state atomic.Uint64 // held, have, and how often the slot was released; written by the holder

	_ [cacheLine]byte // requests on other processors have other slots
}

// The parts of Slot.state.
const (
	held   = 1 << iota // a caller has the slot
	have               // the slot has a connection of its own
	served             // counts releases
)

func (s *Slot[C]) set(state uint64) {
	s.own = state
	s.state.Store(state)
}

func (s *Slot[C]) begin() {
	s.reused = false
	s.set(s.own | held)
}

// member is a connection and what its retirement depends on.
type member[C Conn] struct {
	conn C
	have bool
	uses int
	last int   // the use that is its last; 0: none
	ends int64 // the clock at its end; 0: none
	turn int64 // the clock at the end of its turn; 0: it has not begun
}

// turnOver reports whether the connection has had its turn. The first request
// begins it.
func (m *member[C]) turnOver(cfg *Config[C]) bool {
	switch {
	case cfg.Turn <= 0:
		return false
	case m.turn == 0:
		m.turn = cfg.Now() + int64(cfg.Turn)
		return false
	}
	return cfg.Now() >= m.turn
}

// newMember returns a connection's first use, with limits of its own.
func newMember[C Conn](conn C, cfg *Config[C]) member[C] {
	m := member[C]{conn: conn, have: true, uses: 1}
	if cfg.MaxRequests > 0 {
		m.last = cfg.MaxRequests - rand.IntN(cfg.MaxRequests/10+1)
	}
	if cfg.MaxLifetime > 0 {
		m.ends = cfg.Now() + int64(cfg.MaxLifetime) - rand.Int64N(int64(cfg.MaxLifetime)/10+1)
	}
	return m
}

// worn reports whether the connection has reached one of its limits, and which.
func (m *member[C]) worn(cfg *Config[C]) (why Reason, over bool) {
	switch {
	case m.last > 0 && m.uses >= m.last:
		return ClosedRequests, true
	case m.ends > 0 && cfg.Now() >= m.ends:
		return ClosedLifetime, true
	}
	return 0, false
}

// Conn returns a connection for the slot's next request: a kept one that is
// still alive and has been unused for at least rest, or a new one. reused tells
// which, because an error on a reused one may only mean that the peer closed it
// meanwhile; a request that must not run twice asks for some rest, in which a
// peer that means to close has done so. It may be called again after Fail.
func (s *Slot[C]) Conn(ctx context.Context, rest time.Duration) (conn C, reused bool, err error) {
	if s.p.shared != nil {
		conn, reused, err = s.p.shared.join(ctx, s)
		s.reused = s.reused || reused
		return conn, reused, err
	}
	if s.kept.have {
		why, over := s.unfit(rest)
		if !over {
			s.kept.uses++
			s.reused = true
			return s.kept.conn, true, nil
		}
		s.drop(why)
	}
	conn, err = s.p.dial(ctx)
	if err != nil {
		return conn, false, err
	}
	s.kept = newMember(conn, &s.p.cfg)
	s.kept.turnOver(&s.p.cfg) // begins
	s.set(s.own | have)
	return conn, false, nil
}

// unfit reports whether the kept connection may not carry a request that asks
// for so much rest, and why. One that asks for none can be repeated, so it
// trusts a connection that was in use a moment ago, by the cheap clock.
func (s *Slot[C]) unfit(rest time.Duration) (why Reason, over bool) {
	if why, over = s.kept.worn(&s.p.cfg); over {
		return why, true
	}
	switch {
	case s.kept.turnOver(&s.p.cfg):
		return ClosedTurn, true
	case rest <= 0 && s.p.cfg.Now()-s.usedAt < int64(s.p.cfg.Trust):
		return 0, false
	case rest > 0 && s.p.cfg.At(time.Now())-s.usedAt < int64(rest):
		return ClosedUnrested, true
	case !s.kept.conn.Alive():
		return ClosedByPeer, true
	}
	return 0, false
}

// Fail closes the slot's connection, which must not carry another request. The
// slot remains the caller's.
func (s *Slot[C]) Fail() {
	if s.sh != nil {
		s.p.shared.leave(s, false, s.p.cfg.At(time.Now()))
		return
	}
	s.drop(ClosedFailed)
}

// Release gives the slot to the next in the queue. keep says that the
// connection can carry another request; otherwise it is closed.
func (s *Slot[C]) Release(keep bool) { s.ReleaseAt(keep, time.Now()) }

// ReleaseAt is Release for a caller that has read the clock already.
func (s *Slot[C]) ReleaseAt(keep bool, now time.Time) {
	s.part(keep, s.p.cfg.At(now))
	if !s.reused {
		s.p.fresh.Add(1)
	}
	s.set(s.own&^held + served)
	s.p.giveBack(s)
}

// part ends the use of the connection at now.
func (s *Slot[C]) part(keep bool, now int64) {
	s.usedAt = now
	if s.sh != nil {
		s.p.shared.leave(s, keep, now)
	} else if why, over := s.p.parting(keep, now); over {
		s.drop(why)
	}
}

// parting reports whether a connection that is released at now ends with that,
// and why.
func (p *Pool[C]) parting(keep bool, now int64) (why Reason, over bool) {
	switch {
	case !p.cfg.Keep:
		return ClosedNotKept, true
	case now < p.tight.Load():
		return ClosedSqueezed, true
	}
	return ClosedFailed, !keep
}

// drop closes the slot's connection, if it has one.
func (s *Slot[C]) drop(why Reason) {
	if s.kept.have {
		s.kept.conn.Close()
		s.kept = member[C]{}
		s.p.closed[why].Add(1)
		s.set(s.own &^ have)
	}
}
