package fcgi

import "github.com/fcgigw/fcgigw/pkg/sock"

// muxWatch is a Mux as the sweeper sees it.
type muxWatch Mux

// Sweep implements sock.Swept.
func (t *muxWatch) Sweep(now int64) {
	m := (*Mux)(t)
	if since := m.w.since.Load(); since > 0 && m.cfg.SendTimeout > 0 && now-since > int64(m.cfg.SendTimeout) {
		m.fail(ErrSendTimeout)
		return
	}
	if m.sweepStreams(now) {
		m.w.poke()
	}
	m.lookAt()
}

// sweepStreams asks every request whether it goes on; true if one was ended.
func (m *Mux) sweepStreams(now int64) (ended bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.streams {
		if s := m.streams[i].Load(); s != nil && s.sweep(now, int64(m.cfg.ReadTimeout)) {
			ended = true
		}
	}
	return ended
}

func (s *stream) sweep(now, readIn int64) (ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.h == nil || s.busy || s.over || s.err != nil {
		return false
	}
	err := s.h.Tick()
	if err == nil && readIn > 0 && !s.sending && now-s.since > readIn {
		err = ErrReadTimeout
	}
	if err == nil {
		return false
	}
	s.cancelLocked(err)
	return true
}

// lookAt wakes the read loop if it has not read for a tick although there is
// something: see sock.Watch for how that comes about.
func (m *Mux) lookAt() {
	reads := m.look.reads.Load()
	quiet := reads == m.look.last
	m.look.last = reads
	if !quiet || m.rc == nil || m.look.nudged.Load() || sock.PeekConn(m.rc) == sock.Quiet {
		return
	}
	m.look.nudged.Store(true)
	_ = m.nc.SetReadDeadline(sock.Past()) // fails on a closed connection only
}
