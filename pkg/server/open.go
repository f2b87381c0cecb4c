package server

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// beginOpening bounds what comes before the first request by the header
// timeout.
func (c *conn) beginOpening() {
	by := c.srv.sweeper.After(c.srv.cfg.Load().HeaderTimeout)
	c.readBy.Store(by)
	c.writeBy.Store(by)
	c.enter(phaseOpening)
}

// open takes what comes before the first request, a PROXY header and the TLS
// handshake, and goes on as the protocol that they lead to.
func (c *conn) open(l *Listener) {
	if !c.opened(l) {
		c.end()
		return
	}
	// A deadline that passed just now must not hit the first request.
	_ = c.raw.SetDeadline(time.Time{})
	c.readBy.Store(0)
	c.writeBy.Store(0)
	c.enter(phaseIdle)
	if c.cutoff.Load() || c.tls != nil && c.info.TLS.NegotiatedProtocol == alpnACME {
		c.end()
		return
	}
	if c.tls != nil && c.info.TLS.NegotiatedProtocol == alpnHTTP2 {
		c.serveSession()
		return
	}
	c.run()
}

// opened reports whether the connection may go on.
func (c *conn) opened(l *Listener) (ok bool) {
	defer c.recovered() // certificates are chosen by code that is not ours
	if l.proxied(c.info.Peer) {
		if err := c.readProxy(); err != nil {
			c.srv.badFrom.report(c.srv, c.srv.events.ProxyError, l.Name, err)
			return false
		}
	}
	if l.TLS == nil {
		return true
	}
	err := c.handshake(l.TLS)
	if err == nil {
		return true
	}
	c.srv.badTLS.report(c.srv, c.srv.events.TLSError, l.Name, err)
	return false
}

// report tells of a connection that failed, but not of a client that came and
// went, as health checks do.
func (r *rare) report(s *Server, event func(listen string, err error, failed int), listen string, err error) {
	if errors.Is(err, io.EOF) {
		return
	}
	if n := r.count(s.sweeper.Now(), event != nil); n > 0 {
		event(listen, err, n)
	}
}

// errHandshakeSlow: a client did not end its handshake in time.
var errHandshakeSlow = errors.New("server: TLS handshake took too long")

// handshake makes the connection one with TLS.
func (c *conn) handshake(cfg *tls.Config) error {
	t, err := sock.NewTLS(c.nc, cfg, &c.srv.records)
	if err != nil {
		return err
	}
	if err := t.Handshake(); err != nil {
		if he, ok := errors.AsType[tls.RecordHeaderError](err); ok && he.Conn != nil {
			c.unexpectedProxy(he.RecordHeader[:])
			if looksLikeHTTP(he.RecordHeader) {
				c.speaksTLS()
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errHandshakeSlow
		}
		return err
	}
	state := t.ConnectionState()
	c.tls, c.nc = t, t
	c.info.TLS = &state
	c.info.Scheme = "https"
	return nil
}

// looksLikeHTTP reports whether five bytes could begin a request: a method, and
// perhaps what follows it.
func looksLikeHTTP(b [5]byte) bool {
	for _, c := range b[:3] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// plainOnTLS answers a request without TLS on a port with it.
const plainOnTLS = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Content-Length: 52\r\nConnection: close\r\n\r\nthis port speaks https: the address begins https://\n"

// speaksTLS answers a client that spoke HTTP instead of TLS.
func (c *conn) speaksTLS() {
	if _, err := io.WriteString(c.nc, plainOnTLS); err != nil {
		return
	}
	c.cfg = c.srv.cfg.Load()
	c.activate() // storage for what is thrown away
	c.linger = true
	c.lingerIfAsked()
}
