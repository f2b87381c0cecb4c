package http3

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

// stream is what a request holds while it is served.
type stream struct {
	c    *conn
	cfg  *Config
	qs   *quic.Stream
	x    *exchange.Exchange
	in   reader
	body body
	sink sink
}

func newStream() *stream { return &stream{x: exchange.New()} }

func (st *stream) attach(c *conn, qs *quic.Stream, cfg *Config) {
	st.c, st.cfg, st.qs = c, cfg, qs
	st.x.Reset()
	st.x.Request.Conn = &c.info
	st.x.Request.Body = &st.body
	st.x.Sink = &st.sink
	st.in.reset(qs)
	st.sink.reset(st)
}

// detach lets go of everything of this client, before st is shared.
func (st *stream) detach() {
	st.x.Reset()
	st.x.Request.Conn = nil
	st.body = body{}
	st.in.reset(nil)
	st.c, st.qs, st.sink.Response = nil, nil, nil
}

// serve serves the request of one stream.
func (st *stream) serve() {
	if st.cfg.HeaderTimeout > 0 {
		_ = st.qs.SetReadDeadline(time.Now().Add(st.cfg.HeaderTimeout))
	}
	h := head{x: st.x, cfg: st.cfg}
	err := st.readHead(&h)
	st.x.Trace.Start = time.Now()
	refused, isRefusal := errors.AsType[*http1.StatusError](err)
	switch {
	case isRefusal:
		st.refuse(refused)
	case err != nil:
		st.drop(err)
		return
	default:
		st.body.begin(st, h.expect)
		if st.x.Request.Upgrade != nil { // what follows is no body
			st.sink.connect = true
			st.x.Request.Body, st.x.Request.ContentLength = exchange.NoBody{}, 0
		}
		st.call(h.asterisk)
	}
	st.end()
}

// readHead reads the HEADERS frame into the request.
func (st *stream) readHead(h *head) error {
	junk := uint64(junkMax)
	kind, length, err := st.in.requestFrame(&junk)
	if err != nil {
		return err
	}
	if kind != frameHeaders {
		return fatal(codeFrameUnexpected, "request does not begin with HEADERS")
	}
	if length > uint64(st.cfg.maxBlock()) {
		return refuse(431, "head too large")
	}
	block, err := st.in.take(int(length))
	if err != nil {
		return truncated(err)
	}
	return h.decode(block)
}

// drop ends a stream without an answer: its head never came, or the connection
// cannot be understood any more.
func (st *stream) drop(err error) {
	if fault, ok := errors.AsType[*connError](err); ok {
		st.c.fail(fault)
	}
	if st.gone() {
		st.c.wasReset()
	}
	st.qs.CancelRead(codeRequestIncomplete)
	st.qs.CancelWrite(codeRequestIncomplete)
}

// call runs the handler; a panic costs its own stream only.
func (st *stream) call(asterisk bool) {
	defer func() {
		if v := recover(); v != nil {
			exchange.AnswerPanic(st.x, &st.sink, v, st.c.srv.events.Panic, func() { st.sink.Stage = exchange.StageNew })
		}
	}()
	if asterisk {
		exchange.AnswerOptions(st.x, &st.sink)
		return
	}
	st.c.srv.handler.Serve(st.x)
}

// end completes the response, or makes its reset.
func (st *stream) end() {
	if st.sink.Stage != exchange.StageDone {
		st.sink.Abort()
	}
	if st.sink.out.close() != nil && st.sink.Stage == exchange.StageDone {
		st.qs.CancelWrite(codeInternalError) // the client was too slow, or is gone
	}
	if st.gone() {
		st.c.wasReset()
	}
	// Nothing if the body was read to its end; else the client may stop sending
	// it (RFC 9114 section 4.1).
	st.qs.CancelRead(st.body.verdict())
}

// gone reports whether the client has told us to stop sending, or is not there
// any more.
func (st *stream) gone() bool {
	switch cause := context.Cause(st.qs.Context()); {
	case cause == nil:
		return false
	case errors.Is(cause, quic.ErrStreamClosed): // by ourselves, behind the last byte
		return st.c.qc.Context().Err() != nil
	}
	return true
}

// recovered is deferred around everything that is done for a stream: a panic
// outside the handler costs its own stream only, too.
func (st *stream) recovered() {
	v := recover()
	if v == nil {
		return
	}
	if f := st.c.srv.events.Panic; f != nil {
		f(st.x, v, debug.Stack())
	}
	st.sink.out.abort()
	_ = st.sink.out.close() // waits for the writer; why it ended is known
	st.qs.CancelRead(codeInternalError)
}

// refuse answers a request that reaches no handler.
func (st *stream) refuse(why *http1.StatusError) {
	exchange.AnswerText(st.x, &st.sink, why.Status, why.Reason)
	if f := st.c.srv.events.Refused; f != nil {
		f(st.x, why.Status, why.Reason)
	}
}
