package http3

import (
	"errors"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// sink is the HTTP/3 side of one response (exchange.Sink).
type sink struct {
	st  *stream
	r   *exchange.Response
	out outbox
	enc encoder

	head    []byte // HEADERS not yet handed over
	sent    int64
	state   sinkState
	noBody  bool // HEAD, 204, 304: payload is dropped
	connect bool // of an extended CONNECT
}

type sinkState uint8

const (
	sinkNew  sinkState = iota
	sinkHeld           // Start was called, the head is not made yet
	sinkBody           // the head was handed over
	sinkDone
	sinkAborted
)

func (s *sink) reset(st *stream) {
	s.st, s.r, s.head, s.sent, s.state, s.noBody, s.connect = st, nil, nil, 0, sinkNew, false, false
	s.enc.trim()
	s.out.reset(st.qs, pace{timeout: st.cfg.SendTimeout, rate: st.cfg.MinSendRate}, st.c.lost)
}

// Interim implements exchange.Sink.
func (s *sink) Interim(status int, h *exchange.Header) error {
	if s.state != sinkNew || s.out.crowded() {
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
	if s.state != sinkNew {
		return errors.New("http3: response started twice")
	}
	s.r = r
	s.state = sinkHeld
	s.noBody = s.st.x.Request.IsHead() || exchange.NoBodyStatus(r.Status)
	if s.connect && r.Status/100 == 2 {
		// To the client it would be a tunnel (RFC 9220 section 3, RFC 8441 section 5).
		r.Status = 501
		r.Header.Reset()
		r.ContentLength = 0
		s.noBody = true
	}
	return nil
}

// TryWrite implements exchange.Sink.
func (s *sink) TryWrite(p []byte, last bool) (int, error) {
	if err := s.prepare(len(p), last); err != nil {
		return 0, err
	}
	payload := p
	if s.noBody {
		payload = nil
	}
	n, err := s.out.push(s.head, payload, last)
	if err != nil {
		return 0, err
	}
	s.head = nil
	if s.noBody {
		n = len(p)
	}
	s.sent += int64(n)
	if last && n == len(p) {
		s.state = sinkDone
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
	if s.state == sinkAborted {
		return
	}
	s.state = sinkAborted
	s.out.abort()
}

// Started implements exchange.Sink.
func (s *sink) Started() bool { return s.state >= sinkBody }

// ClientGone implements exchange.Sink: the client has told us to stop sending,
// or the connection has ended.
func (s *sink) ClientGone() bool {
	if s.st.c.cutoff.Load() {
		s.st.x.Cancel(exchange.ErrCutOff)
		return true
	}
	return s.st.gone()
}

// Sent implements exchange.Sink.
func (s *sink) Sent() int64 { return s.sent }

// prepare makes the head when this is the first write and holds the declared
// length against what is written.
func (s *sink) prepare(n int, last bool) error {
	switch s.state {
	case sinkNew:
		return errors.New("http3: write before Start")
	case sinkDone, sinkAborted:
		return errors.New("http3: write after the end of the response")
	case sinkHeld:
		if err := s.makeHead(n, last); err != nil {
			return err
		}
	}
	if want := s.r.ContentLength; want >= 0 && !s.noBody {
		switch got := s.sent + int64(n); {
		case got > want:
			return errLongBody
		case last && got < want:
			return errShortBody
		}
	}
	return nil
}

// makeHead encodes the head. A body that is complete in its first write tells
// its length, whatever the handler knew of it.
func (s *sink) makeHead(n int, last bool) error {
	r := s.r
	if r.ContentLength < 0 && last && !s.noBody {
		r.ContentLength = int64(n)
	}
	frame, err := s.enc.final(r.Status, &r.Header, r.ContentLength, s.st.cfg.ServerHeader, time.Now())
	if err != nil {
		return err
	}
	s.head = frame
	s.state = sinkBody
	return nil
}

var _ exchange.Sink = (*sink)(nil)
