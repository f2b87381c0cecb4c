package upstream

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/httpc"
)

// httpWire is a connection to an HTTP server.
type httpWire struct{ *httpc.Conn }

func (s *server) openHTTP(ctx context.Context) (*link, error) {
	nc, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &link{s: s, other: httpWire{httpc.NewConn(nc, httpc.Config{
		Sweeper: s.b.sweeper, Buffers: &s.b.pages,
		ReadTimeout: s.b.cfg.ReadTimeout, SendTimeout: s.b.cfg.SendTimeout,
	})}}, nil
}

// httpCall is what a call needs for HTTP besides its own.
type httpCall struct {
	c      *call
	req    httpc.Request
	reply  httpc.Reply
	client net.Conn // of a reply that switched protocols, to the server
	rest   []byte   // what came on it already
}

// overHTTP returns the call's storage for HTTP, made once.
func (c *call) overHTTP() *httpCall {
	if c.http == nil {
		c.http = &httpCall{c: c}
	}
	return c.http
}

// end forgets the request, whose head was valid until now.
func (h *httpCall) end() {
	h.drop()
	h.reply.Begin(nil, false, nil)
}

// run implements wire.
func (w httpWire) run(c *call) error {
	h := c.overHTTP()
	h.reply.MaxHead = c.b.cfg.MaxResponseHeader
	h.req = httpc.Request{
		Head: c.req.Params, Body: c.req.Stdin,
		BodyReader: c.req.StdinReader, BodyLen: c.req.StdinLen,
		IsHead: c.x.Request.IsHead(), Upgrade: c.switchesTo(), Into: &c.x.Response,
	}
	err := w.Do(&h.req, &h.reply, h)
	p := h.req.Progress
	c.req.Progress.Sent, c.req.Progress.Received = p.Sent, p.Received
	c.excess = p.Beyond
	h.req = httpc.Request{} // holds the caller's slices
	if err == nil && h.reply.Switched() {
		return h.switched(w)
	}
	var protocol *httpc.ProtocolError
	if errors.As(err, &protocol) {
		return &ReplyError{What: strings.TrimPrefix(protocol.Error(), "httpc: bad response: "), Err: protocol}
	}
	return err
}

// Begun implements httpc.Handler.
func (h *httpCall) Begun() { h.c.heard() }

// Interim implements httpc.Handler.
func (h *httpCall) Interim() error {
	c := h.c
	if c.drop.why != nil {
		return nil
	}
	c.passed = true
	return c.heed(c.out.Interim(c.x.Response.Status, &c.x.Response.Header))
}

// Head implements httpc.Handler.
func (h *httpCall) Head() error {
	if h.c.drop.why != nil {
		return nil
	}
	return h.c.heed(h.c.final())
}

// Body implements httpc.Handler.
func (h *httpCall) Body(p []byte) error {
	if h.c.drop.why != nil {
		return h.c.drop.take(len(p))
	}
	return h.c.body(p)
}

// Pause implements httpc.Handler.
func (h *httpCall) Pause() error { return h.c.Pause() }

// Tick implements httpc.Handler.
func (h *httpCall) Tick() error { return h.c.Tick() }

// switching reports whether the request asks for another protocol, as a request
// with a body cannot: who sends it could not be told from who reads it.
func (b *Backend) switching(x *exchange.Exchange, in *Input) bool {
	return b.cfg.Protocol == HTTP && len(x.Request.Upgrade) > 0 && in.BodyLen == 0
}

// switchesTo returns the protocol that the request may switch to, nil if none.
func (c *call) switchesTo() []byte {
	if c.b.switching(c.x, c.in) {
		return c.x.Request.Upgrade
	}
	return nil
}

// switched takes the connection of a reply that is the beginning of another
// protocol. Its slot is given back without it.
func (h *httpCall) switched(w httpWire) error {
	h.client, h.rest = w.Hijack()
	if err := h.c.accepted(); err != nil {
		h.drop()
		return err
	}
	h.c.inBody = true
	return nil
}

// drop closes the connection, if it was not handed on.
func (h *httpCall) drop() {
	if h.client != nil {
		h.client.Close()
		h.client, h.rest = nil, nil
	}
}

const (
	webSocket       = "websocket"
	webSocketKey    = "sec-websocket-key"
	webSocketAccept = "Sec-WebSocket-Accept"
)

// accepted checks that the server means this request's handshake (RFC 6455
// section 4.1). A client of HTTP/2 has sent no key, and gets no answer to it
// (RFC 8441 section 5).
func (c *call) accepted() error {
	r := &c.x.Request
	if string(r.Upgrade) != webSocket {
		return nil
	}
	h := &c.x.Response.Header
	if h.Count(webSocketAccept) != 1 ||
		string(h.Get(webSocketAccept)) != httpc.WebSocketAccept(r.Header.Get(webSocketKey)) {
		return &ReplyError{What: "its Sec-WebSocket-Accept does not fit the request's key"}
	}
	if r.Major > 1 {
		h.Del(webSocketAccept)
	}
	return nil
}

var (
	_ httpc.Handler = (*httpCall)(nil)
	_ wire          = httpWire{}
)
