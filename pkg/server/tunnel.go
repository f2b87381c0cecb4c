package server

import (
	"errors"
	"io"
	"os"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// tunnel is a connection that left HTTP (exchange.Stream). Its request is under
// way until its handler returns, and keeps the connection's goroutine. How long
// it may be idle is the handler's business.
type tunnel struct{ c *conn }

// Switch implements exchange.Switcher.
func (s *sink) Switch(r *exchange.Response) (exchange.Stream, error) {
	c := s.c
	upgrade := c.act.x.Request.Upgrade
	if s.Stage != exchange.StageNew || upgrade == nil {
		return nil, errors.New("server: request cannot be switched to another protocol")
	}
	r.Status = 101
	out, err := http1.AppendHead(s.out, r, http1.HeadOptions{
		Upgrade: upgrade, ContentLength: -1,
		Date: c.srv.date.Load().text, Server: c.act.serverHeader,
	})
	if err != nil {
		return nil, err
	}
	s.Response, s.out, s.Stage = r, out, exchange.StageDone
	s.close = true
	c.tunnelled = true
	if err := s.flush(); err != nil {
		return nil, err
	}
	return &tunnel{c}, nil
}

// Read implements exchange.Stream.
func (t *tunnel) Read(p []byte) (int, error) {
	c := t.c
	if a := c.act; a.r < a.w { // came with the request
		n := copy(p, a.buf[a.r:a.w])
		a.r += n
		return n, nil
	}
	if t.c.severed.Load() {
		return 0, exchange.ErrClientGone
	}
	for {
		n, err := c.nc.Read(p)
		switch {
		case n > 0:
			return n, nil
		case err == nil: // of an empty p
			return 0, nil
		case errors.Is(err, io.EOF):
			return 0, io.EOF
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, exchange.ErrClientGone
		}
		switch {
		case !c.rearmRead():
			return 0, exchange.ErrCutOff
		case c.severed.Load():
			return 0, exchange.ErrClientGone
		}
		// Otherwise the deadline was meant for the wait before the request.
	}
}

// Write implements exchange.Stream.
func (t *tunnel) Write(p []byte) (int, error) {
	if t.c.severed.Load() {
		return 0, exchange.ErrClientGone
	}
	n, err := t.c.write(p, true)
	t.c.act.sink.Took(n)
	switch {
	case err == nil:
		return n, nil
	case t.c.cutoff.Load():
		return n, exchange.ErrCutOff
	case t.c.severed.Load():
		return n, exchange.ErrClientGone
	}
	return n, err
}

// CloseWrite implements exchange.Stream.
func (t *tunnel) CloseWrite() error {
	half, ok := t.c.nc.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// Close implements exchange.Stream.
func (t *tunnel) Close() error {
	t.c.severed.Store(true)
	return t.c.raw.SetDeadline(sock.Past())
}

var (
	_ exchange.Switcher = (*sink)(nil)
	_ exchange.Stream   = (*tunnel)(nil)
)
