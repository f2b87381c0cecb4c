package proxy

import (
	"errors"
	"fmt"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/spool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// ErrFull: a client read so slowly that its reply was broken off. Either the
// room for all bodies together is full, and the error wraps spool.ErrNoSpace; or
// the reply came on a connection with other requests' and filled its own room.
var ErrFull = errors.New("proxy: the client reads too slowly and there is no room for its reply")

// holdMax is how many body bytes wait for the backend's next pause before the
// head is sent: a reply that is complete by then gets a Content-Length and goes
// out in one write.
const holdMax = 16 << 10

// reply takes a backend's reply to the client (upstream.Reply). Bytes go
// straight to the client's socket as long as it takes them. What it does not
// take goes to a queue, from memory to disk, that a second goroutine empties at
// the client's pace, so that the worker is free as soon as it has finished.
type reply struct {
	store *spool.Store
	x     *exchange.Exchange
	cfg   *Config
	call  *upstream.Call

	headed   bool   // Head was called
	started  bool   // the sink was started
	switched bool   // or was made a stream
	hold     []byte // body bytes before started
	queue    *spool.Queue
	sent     chan error // the queue's goroutine reports here, once
	stderr   stderr
}

func (r *reply) begin(store *spool.Store, x *exchange.Exchange, cfg *Config, call *upstream.Call) {
	r.store, r.x, r.cfg, r.call = store, x, cfg, call
	r.headed, r.started, r.switched = false, false, false
	r.hold = r.hold[:0]
	r.stderr.begin(&x.Trace, cfg.StderrLines, cfg.StderrBytes)
}

func (r *reply) end() {
	r.stderr.end()
	r.store, r.x, r.cfg, r.call = nil, nil, nil, nil
	r.queue, r.sent = nil, nil
}

// Interim implements upstream.Reply.
func (r *reply) Interim(status int, h *exchange.Header) error {
	return r.x.Sink.Interim(status, h)
}

// Head implements upstream.Reply. Nothing is sent before the first pause.
func (r *reply) Head() error {
	r.headed = true
	if status := r.x.Response.Status; r.cfg.Intercept && status >= 400 {
		return &StatusError{Status: status}
	}
	return nil
}

// Body implements upstream.Reply.
func (r *reply) Body(p []byte) error {
	switch {
	case r.queue != nil:
		return r.enqueue(p)
	case !r.started && len(r.hold)+len(p) <= holdMax:
		r.hold = append(r.hold, p...)
		return nil
	}
	if err := r.flushHold(); err != nil {
		return err
	}
	return r.pass(p)
}

// Stderr implements upstream.Reply.
func (r *reply) Stderr(p []byte) { r.stderr.write(p) }

// Pause implements upstream.Reply: what is here goes to the client now, so a
// stream of events is never held back.
func (r *reply) Pause() error {
	if r.started {
		return nil
	}
	return r.flushHold()
}

// Tick implements upstream.Reply. It runs on another goroutine.
func (r *reply) Tick() error {
	if err := r.x.Cause(); err != nil {
		return err
	}
	if r.x.Sink.ClientGone() {
		return exchange.ErrClientGone
	}
	return nil
}

func (r *reply) start() error {
	if r.started {
		return nil
	}
	r.started = true
	return r.x.Sink.Start(&r.x.Response)
}

func (r *reply) flushHold() error {
	if r.started {
		return nil
	}
	if err := r.start(); err != nil {
		return err
	}
	return r.pass(r.hold)
}

// pass gives p to the client, or what it does not take to the queue.
func (r *reply) pass(p []byte) error {
	if r.queue != nil {
		return r.enqueue(p)
	}
	n, err := r.x.Sink.TryWrite(p, false)
	if err != nil {
		return err
	}
	if n == len(p) {
		return nil
	}
	r.queue = r.store.Queue(r.cfg.ResponseBuffer, max(r.cfg.ResponseBuffer+r.cfg.ResponseTemp, 1))
	r.sent = make(chan error, 1)
	go r.send(r.queue, r.sent) // ends with the queue; Done waits for it
	return r.enqueue(p[n:])
}

// enqueue adds p to the queue. When it is full the worker waits after all: a
// reply beyond its own bound is slowed down, not cut. On a connection with
// others' requests that would slow all of them down, so there it is cut. So it
// is when the room for everybody is full: one client that lets its replies pile
// up must not make workers wait for all the other slow ones.
func (r *reply) enqueue(p []byte) error {
	for {
		n, err := r.queue.Write(p)
		p = p[n:]
		switch {
		case err == nil:
			return nil
		case errors.Is(err, spool.ErrClosed):
			return r.gone()
		case !errors.Is(err, spool.ErrTooLarge) && !errors.Is(err, spool.ErrNoSpace):
			return err
		case r.call.Shared(), errors.Is(err, spool.ErrNoSpace):
			return full(err)
		}
		if err := r.queue.WaitRoom(); err != nil {
			if errors.Is(err, spool.ErrClosed) {
				return r.gone()
			}
			return err
		}
	}
}

func full(err error) error {
	if errors.Is(err, spool.ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return ErrFull
}

// gone is the error of a reply whose client has left while it was queued.
func (r *reply) gone() error {
	if err := r.x.Cause(); err != nil {
		return err
	}
	return exchange.ErrClientGone
}

// send empties the queue at the client's pace.
func (r *reply) send(q *spool.Queue, done chan<- error) {
	x := r.x
	for {
		p, last, err := q.Next()
		if err != nil {
			done <- err
			return
		}
		if err := x.Sink.Write(p, last); err != nil {
			x.Cancel(err)
			q.Close()
			done <- err
			return
		}
		if last {
			done <- nil
			return
		}
	}
}

// Done implements upstream.Reply. The worker has been released by now, so
// waiting for the client is free.
func (r *reply) Done(err error) error {
	if r.queue != nil {
		if errors.Is(err, ErrFull) {
			r.queue.Close() // it will never be whole: others may have its room at once
		}
		r.queue.CloseWrite(err)
		if sent := <-r.sent; err == nil {
			err = sent
		}
		r.queue.Close()
	} else if err == nil && !r.switched {
		err = r.last()
	}
	if err != nil && r.x.Sink.Started() {
		r.x.Sink.Abort()
	}
	return err
}

// last sends what is held and the end of the body.
func (r *reply) last() error {
	if r.started {
		return r.x.Sink.Write(nil, true)
	}
	if err := r.start(); err != nil {
		return err
	}
	n, err := r.x.Sink.TryWrite(r.hold, true) // the cheaper way, and mostly enough
	if err != nil || n == len(r.hold) {
		return err
	}
	return r.x.Sink.Write(r.hold[n:], true)
}
