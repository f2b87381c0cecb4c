package fcgi

import "errors"

// acquire takes the smallest free id for a request.
func (m *Mux) acquire(h Handler) (*stream, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil || m.w.dead.Load() {
		return nil, ErrClosed
	}
	if m.active >= m.cfg.Streams {
		return nil, ErrNoStream
	}
	i := m.free.take()
	if i < 0 {
		return nil, ErrNoStream
	}
	s := m.streams[i].Load()
	if s == nil {
		s = newStream(m, uint16(i+1))
		m.streams[i].Store(s)
	}
	m.active++
	s.begin(h, m.now(), m.look.reads.Load())
	return s, nil
}

// release ends s's request on our side and works out its result.
func (m *Mux) release(s *stream, req *Request, err error) (End, error) {
	s.endBody(req)
	whole := s.src.done()
	s.src = source{}
	f := s.retire(whole)
	req.Progress = Progress{Sent: f.received || s.begun && m.w.mayHaveSent(s.at), Received: f.received}
	if f.free {
		m.freeID(s)
	} else {
		m.w.abort(s.id)
		m.spendID(f, errors.Is(err, ErrReadTimeout))
	}
	if err != nil || !f.over {
		return End{}, err
	}
	return f.end, f.end.err(s.id)
}

// freeID makes s's id available again.
func (m *Mux) freeID(s *stream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active--
	m.free.give(int(s.id) - 1)
}

// spendID ends the use of the id of a request for good. silent says that it was
// given up because nothing came.
func (m *Mux) spendID(f fate, silent bool) {
	if m.spend(f, silent) == 0 {
		m.fail(errBurned)
	}
}

// spend is spendID without its consequence; it returns how many ids are left.
func (m *Mux) spend(f fate, silent bool) (left int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active--
	m.spent++
	if !f.over {
		m.zombies++
	}
	if reads := m.look.reads.Load(); silent && reads == f.reads {
		m.doubt = reads + 1 // nor did anybody else hear anything since
	}
	return len(m.streams) - m.spent
}

// zombieEnded counts the end of an abandoned request.
func (m *Mux) zombieEnded() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.zombies--
}

// lookup returns the stream of an id that has been used, or nil.
func (m *Mux) lookup(id uint16) *stream {
	if id == 0 || int(id) > len(m.streams) {
		return nil
	}
	return m.streams[id-1].Load()
}
