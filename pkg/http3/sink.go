package http3

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// sink is the HTTP/3 side of one response (exchange.Sink).
type sink struct {
	exchange.Outgoing
	st      *stream
	out     outbox
	enc     encoder
	head    []byte // HEADERS not yet handed over
	connect bool   // of an extended CONNECT
}

func (s *sink) reset(st *stream) {
	s.Outgoing, s.st, s.head, s.connect = exchange.Outgoing{}, st, nil, false
	s.enc.trim()
	s.out.reset(st.qs, pace{timeout: st.cfg.SendTimeout, rate: st.cfg.MinSendRate}, st.c.lost)
}

// Interim implements exchange.Sink.
func (s *sink) Interim(status int, h *exchange.Header) error {
	if s.Stage != exchange.StageNew || s.out.crowded() {
		return nil
	}
	frame, err := s.enc.interim(status, h)
	if err != nil {
		return err
	}
	_, err = s.out.push(frame, nil, false)
	return err
}

// continue100 tells a waiting client to send its body, unless the final
// response has begun.
func (s *sink) continue100() error { return s.Interim(100, nil) }

// Start implements exchange.Sink.
func (s *sink) Start(r *exchange.Response) error {
	if err := s.Begin(r, s.st.x.Request.IsHead()); err != nil {
		return err
	}
	if s.connect && r.Status/100 == 2 {
		// To the client it would be a tunnel (RFC 9220 section 3, RFC 8441 section 5).
		r.Status = 501
		r.Header.Reset()
		r.ContentLength = 0
		s.NoBody = true
	}
	return nil
}

// TryWrite implements exchange.Sink.
func (s *sink) TryWrite(p []byte, last bool) (int, error) {
	if err := s.prepare(len(p), last); err != nil {
		return 0, err
	}
	payload := p
	if s.NoBody {
		payload = nil
	}
	n, err := s.out.push(s.head, payload, last)
	if err != nil {
		return 0, err
	}
	s.head = nil
	if s.NoBody {
		n = len(p)
	}
	s.Took(n)
	if last && n == len(p) {
		s.Stage = exchange.StageDone
	}
	return n, nil
}

// Write implements exchange.Sink.
func (s *sink) Write(p []byte, last bool) error {
	for {
		n, err := s.TryWrite(p, last)
		if err != nil {
			return err
		}
		if p = p[n:]; len(p) == 0 {
			return nil
		}
		<-s.out.room // comes with room or with an error, the send timeout's at the latest
	}
}

// Abort implements exchange.Sink.
func (s *sink) Abort() {
	if s.Stage == exchange.StageAborted {
		return
	}
	s.Stage = exchange.StageAborted
	s.out.abort()
}

// ClientGone implements exchange.Sink: the client has told us to stop sending,
// or the connection has ended.
func (s *sink) ClientGone() bool {
	if s.st.c.cutoff.Load() {
		s.st.x.Cancel(exchange.ErrCutOff)
		return true
	}
	return s.st.gone()
}

// prepare makes the head when this is the first write and holds the declared
// length against what is written.
func (s *sink) prepare(n int, last bool) error {
	if err := s.Writable(); err != nil {
		return err
	}
	if s.Stage == exchange.StageHeld {
		if err := s.makeHead(n, last); err != nil {
			return err
		}
	}
	return s.Fits(n, last)
}

// makeHead encodes the head. A body that is complete in its first write tells
// its length, whatever the handler knew of it.
func (s *sink) makeHead(n int, last bool) error {
	r := s.Response
	s.Measure(n, last)
	frame, err := s.enc.final(r.Status, &r.Header, r.ContentLength, s.st.cfg.ServerHeader, time.Now())
	if err != nil {
		return err
	}
	s.head = frame
	s.Stage = exchange.StageBody
	return nil
}

var _ exchange.Sink = (*sink)(nil)
