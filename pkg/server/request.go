package server

import (
	"errors"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

// serveBuffered serves the complete requests in the buffer.
func (c *conn) serveBuffered() error {
	a := c.act
	for a.r < a.w {
		done, err := c.parse()
		if err != nil {
			return err
		}
		if !done {
			return nil
		}
		c.enter(phaseBusy)
		if c.readBy.Load() != 0 { // a store costs more
			c.readBy.Store(0)
		}
		if !a.body.buffered() || a.x.Request.Upgrade != nil { // a tunnel reads as a body does
			c.blocked = true
			return nil
		}
		if err := c.answer(); err != nil {
			return err
		}
	}
	return nil
}

// serveBlocking serves the request at hand, whose body is not all here, with
// ordinary reads, and then what else is in the buffer.
func (c *conn) serveBlocking() error {
	if err := c.answer(); err != nil {
		return err
	}
	if err := c.serveBuffered(); err != nil || c.blocked {
		return err
	}
	c.rest()
	return nil
}

// parse reads the next head from the buffer into the exchange; done is false
// when it is not complete yet.
func (c *conn) parse() (done bool, err error) {
	a := c.act
	a.begin(c)
	used, err := http1.ParseHead(a.buf[a.r:a.w], &c.cfg.Limits, a.x, &a.meta)
	if errors.Is(err, http1.ErrIncomplete) {
		return false, nil
	}
	a.x.Trace.Start = time.Now()
	if bad, ok := errors.AsType[*http1.StatusError](err); ok {
		if c.preface() {
			return false, errSession
		}
		if c.served == 0 {
			c.unexpectedProxy(a.buf[a.r:a.w])
		}
		c.refuse(bad.Status, bad.Reason)
		return false, errEnd
	}
	if err != nil {
		return false, err
	}
	a.r += used
	a.body.begin(c)
	return true, nil
}

// answer lets the handler serve the request and makes the connection ready for
// the next one, or returns errEnd.
func (c *conn) answer() error {
	a := c.act
	c.served++
	c.call()
	if a.sink.Stage != exchange.StageDone {
		a.sink.Abort()
	}
	if a.sink.Stage == exchange.StageAborted {
		c.cutShort()
		return errEnd
	}
	if err := a.sink.flush(); err != nil {
		return errEnd
	}
	a.compact()
	if a.sink.close {
		c.linger = !a.body.done || c.tunnelled || c.more()
		return errEnd
	}
	return nil
}

// more reports whether a client that may think the connection stays open has sent
// something behind the request that was its last.
func (c *conn) more() bool {
	a := c.act
	return a.r < a.w || a.meta.KeepAlive && c.pending()
}

// call runs the handler; a panic costs its own connection only.
func (c *conn) call() {
	a := c.act
	defer func() {
		if v := recover(); v != nil {
			exchange.AnswerPanic(a.x, &a.sink, v, c.srv.events.Panic, func() { a.sink.reset(c) })
		}
	}()
	if a.meta.Asterisk {
		exchange.AnswerOptions(a.x, &a.sink)
		return
	}
	c.srv.handler.Serve(a.x)
}

// mayKeep reports whether the connection can carry another request after the
// one at hand, as far as is known when its response head is made.
func (c *conn) mayKeep() bool {
	a := c.act
	return a.meta.KeepAlive && a.body.finished() && !c.srv.draining.Load() && c.cfg.KeepaliveTimeout > 0 &&
		(c.cfg.KeepaliveRequests == 0 || c.served < c.cfg.KeepaliveRequests)
}

// refuse answers a request that reaches no handler and ends the connection.
func (c *conn) refuse(status int, reason string) {
	a := c.act
	a.meta.KeepAlive = false
	exchange.AnswerText(a.x, &a.sink, status, reason)
	if f := c.srv.events.Refused; f != nil {
		f(a.x, status, reason)
	}
	_ = a.sink.flush()
	c.linger = true
}

// cutShort makes the close that follows one that the client can tell from the
// end of a body. With chunks or a length the missing rest tells it; a body that
// ends with the connection (HTTP/1.0) needs a reset.
func (c *conn) cutShort() {
	a := c.act
	if tcp, ok := c.nc.(interface{ SetLinger(sec int) error }); ok && a.sink.begun && !a.sink.chunked && a.sink.Response != nil && a.sink.Response.ContentLength < 0 {
		_ = tcp.SetLinger(0)
	}
}
