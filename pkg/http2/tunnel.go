package http2

import (
	"errors"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// tunnel is the client's side of a stream that left HTTP by an extended CONNECT
// (RFC 8441; exchange.Stream).
type tunnel struct{ st *stream }

// Switch implements exchange.Switcher. The head is on its way when it returns.
func (s *sink) Switch(r *exchange.Response) (exchange.Stream, error) {
	st := s.st
	c := st.c
	if !st.connect || s.Stage != exchange.StageNew && s.Stage != exchange.StageHeld {
		return nil, errors.New("http2: nothing to switch to")
	}
	s.Response, s.Stage, s.NoBody = r, exchange.StageHeld, false
	r.Status, r.ContentLength = 200, -1
	st.body.expect = false
	c.mu.Lock()
	st.tunnelled = true
	c.mu.Unlock()
	if _, err := s.write(nil, false, true); err != nil {
		return nil, err
	}
	return tunnel{st}, nil
}

// Read implements io.Reader; see exchange.Stream for its errors.
func (t tunnel) Read(p []byte) (int, error) { return t.st.body.read(p, false) }

// Write sends p, waiting for the client within the send timeout.
func (t tunnel) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return t.st.sink.write(p, false, true)
}

// CloseWrite ends our side.
func (t tunnel) CloseWrite() error {
	if t.st.sink.Stage == exchange.StageDone {
		return nil
	}
	return t.st.sink.Write(nil, true)
}

// Close resets the stream unless both sides have ended.
func (t tunnel) Close() error {
	c := t.st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset(t.st, Cancel)
	c.flush()
	return nil
}
