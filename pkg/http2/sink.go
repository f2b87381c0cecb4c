package http2

import "github.com/fcgigw/fcgigw/pkg/exchange"

// sink is the response side of a stream (exchange.Sink, exchange.Switcher).
type sink struct {
	exchange.Outgoing
	st *stream
}

// Interim implements exchange.Sink. A client that does not read can do without.
func (s *sink) Interim(status int, h *exchange.Header) error {
	c := s.st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	err := s.interim(status, h)
	c.flush()
	return err
}

// interim is Interim with c.mu held, without the flush.
func (s *sink) interim(status int, h *exchange.Header) error {
	st := s.st
	if st.c.room() <= 0 {
		return nil
	}
	return s.putInterim(status, h)
}

// continue100 tells the client to send its body. That finds room in any case: a
// client that waits for it sends nothing before, and it comes once in a request.
func (s *sink) continue100() { _ = s.putInterim(100, nil) } // without fields nothing can be wrong

func (s *sink) putInterim(status int, h *exchange.Header) error {
	st := s.st
	if s.Stage != exchange.StageNew || st.gone != nil || status == 101 {
		return nil
	}
	return st.c.appendHead(st.id, 0, func(b []byte) ([]byte, error) {
		b = appendStatus(b, status)
		if h == nil {
			return b, nil
		}
		b, _, err := appendFields(b, h)
		return b, err
	})
}

// Start implements exchange.Sink.
func (s *sink) Start(r *exchange.Response) error {
	if s.Stage == exchange.StageHeld {
		s.Stage = exchange.StageNew // its head waits for room: another may take its place
	}
	if err := s.Begin(r, s.st.x.Request.IsHead()); err != nil {
		return err
	}
	if s.st.connect && r.Status/100 == 2 {
		// To the client it would be a tunnel (RFC 8441 section 5).
		r.Status = 501
		r.Header.Reset()
		r.ContentLength = 0
		s.NoBody = true
	}
	return nil
}

// ClientGone implements exchange.Sink.
func (s *sink) ClientGone() bool {
	st := s.st
	c := st.c
	c.mu.Lock()
	gone := st.gone != nil || c.dead
	c.mu.Unlock()
	return gone || c.wire.closed()
}

// TryWrite implements exchange.Sink.
func (s *sink) TryWrite(p []byte, last bool) (int, error) { return s.write(p, last, false) }

// Write implements exchange.Sink.
func (s *sink) Write(p []byte, last bool) error {
	_, err := s.write(p, last, true)
	return err
}

// Abort implements exchange.Sink: the stream is reset.
func (s *sink) Abort() {
	if s.Stage == exchange.StageDone {
		return
	}
	s.Stage = exchange.StageAborted
	c := s.st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset(s.st, InternalError)
	c.flush()
}

// write is the one way of content: as much as there is room and window for, and
// the rest when there is, if asked to wait.
func (s *sink) write(p []byte, last, wait bool) (int, error) {
	if err := s.check(len(p), last); err != nil {
		return 0, err
	}
	c := s.st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := 0
	for {
		n, err := s.take(p[taken:], last)
		taken += n
		s.Took(n)
		switch {
		case err != nil:
			c.dequeue(s.st)
			return taken, err
		case taken == len(p) && s.Stage != exchange.StageHeld:
			s.finish(last)
			return taken, nil
		case s.mayGoOn():
			continue
		case !wait:
			return taken, nil
		}
		if err := s.await(); err != nil {
			return taken, err
		}
	}
}

// check holds the state and the declared length against what is written.
func (s *sink) check(n int, last bool) error {
	if err := s.Writable(); err != nil {
		return err
	}
	if s.Stage == exchange.StageHeld {
		s.Measure(n, last)
	}
	return s.Fits(n, last)
}

// finish is called when everything that a write had to say is in the output.
func (s *sink) finish(last bool) {
	c := s.st.c
	c.dequeue(s.st)
	s.st.writeBy = 0
	s.st.sends = stall{}
	if !last {
		c.flush()
		return
	}
	s.Stage = exchange.StageDone
	c.flushSoon()
}

// mayGoOn flushes, and reports whether that made room for more.
func (s *sink) mayGoOn() bool {
	st := s.st
	c := st.c
	before := c.room()
	c.flush()
	if c.room() <= before {
		return false
	}
	return s.Stage == exchange.StageHeld || st.sendWin > 0 && c.sendWin > 0 && c.mayTake(st)
}

// await waits until the stream may have its turn.
func (s *sink) await() error {
	st := s.st
	c := st.c
	st.headless = s.Stage == exchange.StageHeld
	own := !st.headless && st.sendWin <= 0
	if own {
		c.dequeue(st) // others need not wait for this one's window
	} else {
		c.enqueue(st)
	}
	now := c.srv.sweeper.Now()
	if st.progress > 0 || st.writeBy == 0 {
		if st.shares {
			st.progress = c.took - st.tookAt
		}
		st.writeDebt.Settle(st.waited, st.progress, st.cfg.MinSendRate)
		st.writeBy = st.writeDebt.Deadline(now, st.cfg.SendTimeout)
		st.waited, st.progress, st.writeLate = 0, 0, false
		st.tookAt = c.took
	}
	st.shares = !own
	if st.writeLate {
		c.dequeue(st)
		return exchange.ErrSendTimeout
	}
	st.since = now
	st.sends.wait(now, s.Sent())
	c.mu.Unlock()
	<-st.writable
	c.mu.Lock()
	st.sends.waits = false
	st.waited += c.srv.sweeper.Now() - st.since
	st.headless = false
	return nil
}
