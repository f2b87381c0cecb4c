package server

import (
	"bytes"
	"errors"
	"net"
	"runtime/debug"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// Session is a client connection that speaks another protocol than HTTP/1.1, as
// the server's books see it. The methods but Serve may be called from any
// goroutine at any time and do not wait.
type Session interface {
	// Serve serves the connection until it ends or has been drained. The server
	// closes the net.Conn behind it.
	Serve()
	// Idle reports whether no request is under way, nor a part of an answer, so
	// that the connection may be closed to make room.
	Idle() bool
	// Stalled returns how many requests have waited for the client for more than
	// a second, and may hold files open meanwhile.
	Stalled() int
	// Drain tells the client that no new request is taken; Serve returns when
	// those under way have ended.
	Drain()
	// Cut ends requests under way (their exchanges are cancelled with
	// exchange.ErrCutOff) and makes Serve return.
	Cut()
}

// NewSession makes a session of a connection: nc is a sock.Direct if it has raw
// access, with TLS or without. first are bytes that were read from it already,
// not to be kept beyond Serve: with prior knowledge, the connection preface or a
// part of it.
type NewSession func(nc net.Conn, first []byte, info *exchange.ConnInfo) Session

// SetSessions sets what makes sessions of connections that agreed on "h2" in
// their TLS handshake, or begin with the HTTP/2 connection preface (RFC 9113
// section 3.4), from now on and while Config.HTTP2 is set. nil, as at the
// start, leaves these connections to HTTP/1.1, which refuses the preface.
func (s *Server) SetSessions(h2 NewSession) {
	if h2 == nil {
		s.session.Store(nil)
		return
	}
	s.session.Store(&h2)
}

// errSession ends the raw loop of a connection that becomes a session.
var errSession = errors.New("server: connection speaks another protocol")

// alpnHTTP2 is HTTP/2's name in a TLS handshake.
const alpnHTTP2 = "h2"

// alpnACME is that of a CA's challenge (RFC 8737), over with the handshake.
const alpnACME = "acme-tls/1"

// connPreface is constant.
var connPreface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

// sessions returns what makes sessions, or nil.
func (s *Server) sessions() NewSession {
	if f := s.session.Load(); f != nil && s.cfg.Load().HTTP2 {
		return *f
	}
	return nil
}

// preface reports whether the connection begins with HTTP/2's preface, of which
// at least the part that looks like a request head is here, and may do so.
func (c *conn) preface() bool {
	if c.served > 0 || c.srv.sessions() == nil {
		return false
	}
	if c.tls != nil && c.info.TLS.NegotiatedProtocol != "" {
		return false // they agreed on another one
	}
	b := c.act.buf[c.act.r:c.act.w]
	return bytes.HasPrefix(b, connPreface) || bytes.HasPrefix(connPreface, b)
}

// serveSession makes a session of the connection and serves it to its end.
func (c *conn) serveSession() {
	defer c.end()
	newSession := c.srv.sessions()
	if newSession == nil { // switched off just now
		return
	}
	var first []byte
	if c.act != nil {
		first = bytes.Clone(c.act.buf[c.act.r:c.act.w])
		c.release()
	}
	c.readBy.Store(0)
	c.writeBy.Store(0)
	c.enter(phaseSession)
	defer c.recovered()
	ses := newSession(c.direct(), first, &c.info)
	c.session.Store(&ses)
	if c.srv.draining.Load() {
		ses.Drain()
	}
	if c.cutoff.Load() {
		ses.Cut()
	}
	ses.Serve()
}

// direct returns the connection with what a session needs to not wait on it.
func (c *conn) direct() net.Conn {
	if c.tls != nil {
		return c.tls
	}
	if p := sock.NewPlain(c.nc); p != nil {
		return p
	}
	return c.nc
}

// recovered reports a panic outside any request; it costs its own connection.
func (c *conn) recovered() {
	v := recover()
	if v == nil {
		return
	}
	if f := c.srv.events.Panic; f != nil {
		x := exchange.New()
		x.Reset()
		x.Request.Conn = &c.info
		f(x, v, debug.Stack())
	}
}

// idleSession reports whether the connection is a session without a request.
func (c *conn) idleSession() bool {
	ses := c.session.Load()
	return ses != nil && (*ses).Idle()
}

// shed closes an idle connection and reports whether it did.
func (c *conn) shed() bool {
	if ses := c.session.Load(); ses != nil {
		if !(*ses).Idle() { // any more
			return false
		}
		(*ses).Cut()
		return true
	}
	return c.evict()
}
