package fcgi

import "errors"

// errStopped is what a body's sender gets when its request is over. It stays
// within the package: the request has its own error.
var errStopped = errors.New("fcgi: stopped")

// send puts the request into the write buffer, or starts the goroutine that
// does if that may take long.
func (s *stream) send() error {
	if !s.src.long() {
		return s.stopError(s.sendShort())
	}
	s.mu.Lock()
	s.sending = true
	s.mu.Unlock()
	s.wdone = make(chan struct{})
	go s.sendLong() // ends with the request's last record or when s.stop is set; endBody waits
	return nil
}

// stopError replaces errStopped by what stopped the request.
func (s *stream) stopError(err error) error {
	if err != errStopped {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) sendShort() error {
	for !s.src.done() {
		w := &s.m.w
		if err := w.put(s, w.limit()-2*(HeaderLen+minPiece), w.limit()); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) sendLong() {
	defer close(s.wdone)
	err := s.sendPieces()
	s.mu.Lock()
	s.sending = false
	s.since = s.m.now()
	s.mu.Unlock()
	if err != nil && err != errStopped {
		s.cancel(err)
	}
}

func (s *stream) sendPieces() error {
	buf := s.m.cfg.Buffers.take()
	defer s.m.cfg.Buffers.give(buf)
	for !s.src.done() {
		if err := s.sendPiece(buf[:0:bodyPiece]); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) sendPiece(buf []byte) error {
	if !s.src.mustRead() {
		return s.m.w.put(s, s.m.w.bodyMark(), bodyPiece)
	}
	record, err := s.src.read(buf)
	if err != nil {
		return err
	}
	return s.m.w.add(s, s.m.w.bodyMark(), func(dst []byte) []byte { return append(dst, record...) })
}

// endBody stops the goroutine that sends the request, if there is one.
func (s *stream) endBody(req *Request) {
	if s.wdone == nil {
		return
	}
	s.stop.Store(true)
	s.m.w.poke()
	select {
	case <-s.wdone:
	default:
		if req.StdinStop != nil {
			req.StdinStop()
		}
		<-s.wdone
	}
	s.wdone = nil
}
