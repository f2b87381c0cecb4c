package pool

import (
	"context"
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
	usedAt int64     // Unix nanoseconds of the last release

	reuses atomic.Int64 // here, so that requests on other processors do not share it
}

// member is a connection and what its retirement depends on.
type member[C Conn] struct {
	conn C
	have bool
	born time.Time
	uses int
}

// worn reports whether the connection has reached its configured end.
func (m *member[C]) worn(cfg *Config[C]) bool {
	return (cfg.MaxRequests > 0 && m.uses >= cfg.MaxRequests) ||
		(cfg.MaxLifetime > 0 && time.Since(m.born) >= cfg.MaxLifetime)
}

// Conn returns a connection for the slot's next request: a kept one that is
// still alive and has been unused for at least rest, or a new one. reused tells
// which, because an error on a reused one may only mean that the peer closed it
// meanwhile; a request that must not run twice asks for some rest, in which a
// peer that means to close has done so. It may be called again after Fail.
func (s *Slot[C]) Conn(ctx context.Context, rest time.Duration) (conn C, reused bool, err error) {
	if s.p.shared != nil {
		return s.p.shared.join(ctx, s)
	}
	if s.kept.have {
		if !s.kept.worn(&s.p.cfg) && s.fit(rest) {
			s.kept.uses++
			s.reuses.Add(1)
			return s.kept.conn, true, nil
		}
		s.drop()
	}
	conn, err = s.p.dial(ctx)
	if err != nil {
		return conn, false, err
	}
	s.kept = member[C]{conn: conn, have: true, born: time.Now(), uses: 1}
	return conn, false, nil
}

// fit reports whether the kept connection may carry a request that asks for so
// much rest. One that asks for none can be repeated, so it trusts a connection
// that was in use a moment ago, by the cheap clock.
func (s *Slot[C]) fit(rest time.Duration) bool {
	if rest <= 0 {
		return s.p.cfg.Now()-s.usedAt < int64(s.p.cfg.Trust) || s.kept.conn.Alive()
	}
	return time.Now().UnixNano()-s.usedAt >= int64(rest) && s.kept.conn.Alive()
}

// Fail closes the slot's connection, which must not carry another request. The
// slot remains the caller's.
func (s *Slot[C]) Fail() {
	if s.sh != nil {
		s.p.shared.leave(s, true)
		return
	}
	s.drop()
}

// Release gives the slot to the next in the queue. keep says that the
// connection can carry another request; otherwise it is closed.
func (s *Slot[C]) Release(keep bool) { s.ReleaseAt(keep, time.Now()) }

// ReleaseAt is Release for a caller that has read the clock already.
func (s *Slot[C]) ReleaseAt(keep bool, now time.Time) {
	if s.sh != nil {
		s.p.shared.leave(s, !keep)
	} else if !keep || !s.p.cfg.Keep {
		s.drop()
	}
	s.usedAt = now.UnixNano()
	s.p.demand.Add(-1)
	s.res.ReleaseUnused() // puddle's own time of last use would cost another look at the clock
}

func (s *Slot[C]) drop() {
	if s.kept.have {
		s.kept.conn.Close()
		s.kept = member[C]{}
		s.p.open.Add(-1)
	}
}

func (p *Pool[C]) dial(ctx context.Context) (C, error) {
	c, err := p.cfg.Dial(ctx)
	if err == nil {
		p.dials.Add(1)
		p.open.Add(1)
	}
	return c, err
}
