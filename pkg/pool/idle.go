package pool

import (
	"context"
	"time"
)

// CloseIdle closes the connections that have been idle for longer than
// IdleTimeout, but for the MinIdle most recently used. The owner calls it now
// and then.
func (p *Pool[C]) CloseIdle() {
	if p.cfg.IdleTimeout <= 0 {
		return
	}
	now, stay := p.cfg.At(time.Now()), 0
	if p.shared != nil {
		p.shared.closeIdle(now)
		return
	}
	p.eachIdle(func(s *Slot[C]) {
		if why, over := p.outlived(&s.kept, now-s.usedAt, stay); over {
			s.drop(why)
		} else if s.kept.have {
			stay++
		}
	})
}

// outlived reports whether a connection that has been idle for so long should
// be closed, and why, when stay more recently used ones remain. One that stays
// beyond its time is looked at: its server may be another by now.
func (p *Pool[C]) outlived(m *member[C], idle int64, stay int) (why Reason, over bool) {
	if !m.have {
		return 0, false
	}
	if why, over = m.worn(&p.cfg); over {
		return why, true
	}
	switch {
	case idle <= int64(p.cfg.IdleTimeout):
		return 0, false
	case stay >= p.cfg.MinIdle:
		return ClosedIdle, true
	}
	return ClosedByPeer, !m.conn.Alive()
}

// KeepNone makes connections that are released within the next d end with that,
// because somebody may be waiting for the workers they occupy.
func (p *Pool[C]) KeepNone(d time.Duration) { p.tight.Store(p.cfg.At(time.Now()) + int64(d)) }

// Squeeze closes every idle connection, whatever MinIdle says, for the same
// reason.
func (p *Pool[C]) Squeeze() {
	if p.shared != nil {
		p.shared.closeAll(ClosedSqueezed)
		return
	}
	p.eachIdle(func(s *Slot[C]) { s.drop(ClosedSqueezed) })
}

// eachIdle calls f for every slot that nobody holds, the most recently used
// first; f may use the slot.
func (p *Pool[C]) eachIdle(f func(s *Slot[C])) {
	p.idleMu.Lock()
	defer p.idleMu.Unlock()
	p.want()
	defer p.unwant()
	idle := p.slots.AcquireAllIdle()
	for _, res := range idle {
		f(res.Value())
	}
	// Back in reverse, so that the most recently used is on top again.
	for i := len(idle) - 1; i >= 0; i-- {
		idle[i].ReleaseUnused()
	}
}

// Warm dials until n connections are open, or MaxConns, or every slot is in
// use. It takes one slot at a time, so requests hardly notice. It returns the
// error of the first dial that fails. A pool that keeps none stays cold.
func (p *Pool[C]) Warm(ctx context.Context, n int) error {
	if !p.cfg.Keep {
		return nil
	}
	for range n {
		if p.Stat().Open >= min(n, p.cfg.MaxConns) {
			return nil
		}
		s := p.takeCold()
		if s == nil {
			return nil
		}
		if err := s.warm(ctx); err != nil {
			return err
		}
	}
	return nil
}

// warm opens a connection and gives the slot back, without counting a request.
func (s *Slot[C]) warm(ctx context.Context) error {
	err := s.dialMore(ctx)
	s.kept.turn = 0
	s.part(err == nil, s.p.cfg.At(time.Now()))
	s.set(s.own &^ held)
	s.p.giveBack(s)
	return err
}

// dialMore opens a connection for a slot that has none, even if there is room
// on a shared one.
func (s *Slot[C]) dialMore(ctx context.Context) error {
	if s.p.shared != nil {
		return s.p.shared.dialMore(ctx, s)
	}
	_, _, err := s.Conn(ctx, 0)
	return err
}

// takeCold returns the least recently used slot without a connection, or nil.
func (p *Pool[C]) takeCold() (cold *Slot[C]) {
	p.idleMu.Lock()
	defer p.idleMu.Unlock()
	p.want()
	defer p.unwant()
	idle := p.slots.AcquireAllIdle()
	for i := len(idle) - 1; i >= 0; i-- {
		if cold == nil && !idle[i].Value().kept.have {
			cold = taken(idle[i])
			continue
		}
		idle[i].ReleaseUnused()
	}
	return cold
}
