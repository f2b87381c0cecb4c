package http3

import (
	"errors"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Switch implements exchange.Switcher for an extended CONNECT (RFC 9220): the
// answer is a 200, and the bytes of both directions are in DATA frames behind
// it.
func (s *sink) Switch(r *exchange.Response) (exchange.Stream, error) {
	if s.Stage != exchange.StageNew || s.st.x.Request.Upgrade == nil {
		return nil, errors.New("http3: no request to leave HTTP")
	}
	r.ContentLength = -1
	frame, err := s.enc.final(200, &r.Header, -1, s.st.cfg.ServerHeader, time.Now())
	if err != nil {
		return nil, err
	}
	if _, err := s.out.push(frame, nil, false); err != nil {
		return nil, err
	}
	s.Response, s.Stage = r, exchange.StageBody
	s.st.in.pace = nil // pauses are the business of whoever reads
	_ = s.st.qs.SetReadDeadline(time.Time{})
	return &tunnel{s}, nil
}

// tunnel is a stream that left HTTP (exchange.Stream).
type tunnel struct{ s *sink }

// Read implements exchange.Stream.
func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.s.st.body.Read(p)
	if errors.Is(err, exchange.ErrBadBody) {
		err = exchange.ErrClientGone // what is not HTTP has no body
	}
	return n, err
}

// Write implements exchange.Stream.
func (t *tunnel) Write(p []byte) (int, error) {
	if err := t.s.Write(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite implements exchange.Stream.
func (t *tunnel) CloseWrite() error { return t.s.Write(nil, true) }

// Close implements exchange.Stream.
func (t *tunnel) Close() error {
	t.s.out.fail(exchange.ErrClientGone)
	t.s.st.qs.CancelWrite(codeInternalError)
	t.s.st.qs.CancelRead(codeNoError)
	return nil
}

var _ exchange.Switcher = (*sink)(nil)
