package http3

import (
	"errors"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

const (
	// outboxSize bounds what waits of a response for its client. As much again
	// may be in the hands of the writer.
	outboxSize = 32 << 10
	// directMax is how much of a response QUIC takes at once, without a goroutine
	// that waits for the client: as much as fits a client's usual initial window.
	directMax = 32 << 10
	// writePiece is what QUIC gets at once. Part of it must go out within the send
	// timeout.
	writePiece = 16 << 10
	// interimMax bounds what may wait when an interim response, which a client can
	// do without, is put behind it.
	interimMax = 16 << 10
)

// outbox holds the bytes of a response until the client takes them, so that
// whoever makes them need not wait. The first ones go to QUIC at once. When
// that would exceed directMax or the client's flow control, a goroutine is
// begun which writes, and waits.
type outbox struct {
	qs   *quic.Stream
	pace pace         // the writer's
	lost func() error // what an error of the stream means

	wake chan struct{} // capacity 1: there is work for the writer
	room chan struct{} // capacity 1: there is room again, or no hope
	done chan struct{} // closed when the writer has ended; nil without one

	mu     sync.Mutex // guards what follows
	buf    []byte     // waiting
	out    []byte     // the writer's, exchanged for buf
	err    error      // why nothing more can be sent
	fin    bool       // the stream ends behind buf
	direct int        // bytes given to QUIC without the writer
	since  time.Time  // when the writer began to wait for the client; zero: it does not
}

func (o *outbox) reset(qs *quic.Stream, p pace, lost func() error) {
	buf, out := o.buf[:0], o.out[:0]
	if cap(buf) > 2*outboxSize || cap(out) > 2*outboxSize {
		buf, out = nil, nil
	}
	*o = outbox{qs: qs, pace: p, lost: lost, buf: buf, out: out}
	o.wake, o.room = make(chan struct{}, 1), make(chan struct{}, 1)
}

// push takes frames, which are whole, and as much of payload as there is room
// for. It does not wait. last ends the stream behind payload if all was taken.
func (o *outbox) push(frames, payload []byte, last bool) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	if o.done == nil && o.now(frames, payload, last) {
		return len(payload), o.err
	}
	n := max(0, min(len(payload), outboxSize-len(o.buf)))
	o.buf = appendFrames(o.buf, frames, payload[:n])
	o.fin = last && n == len(payload)
	if o.done == nil {
		o.done = make(chan struct{})
		go o.run() // ends behind the last byte or with the stream; close waits for it
	}
	signal(o.wake)
	return n, nil
}

// now gives everything to QUIC, if that is little enough.
func (o *outbox) now(frames, payload []byte, last bool) bool {
	size := len(frames) + len(payload) + maxFrameHead
	if o.direct+size > directMax {
		return false
	}
	o.buf = appendFrames(o.buf[:0], frames, payload)
	err := o.qs.TryWriteAll(o.buf)
	o.buf = o.buf[:0]
	if errors.Is(err, quic.ErrWouldBlock) {
		return false
	}
	o.direct += size
	if err == nil && last {
		o.fin = true
		err = o.qs.Close()
	}
	if err != nil {
		o.err = o.lost()
	}
	return true
}

func appendFrames(b, frames, payload []byte) []byte {
	b = append(b, frames...)
	if len(payload) == 0 {
		return b
	}
	return append(appendFrameHead(b, frameData, uint64(len(payload))), payload...)
}

// run writes what is pushed until the end of the response or of the stream.
func (o *outbox) run() {
	defer close(o.done)
	for {
		b, fin, ok := o.next()
		if !ok {
			return
		}
		if err := o.write(b); err != nil {
			o.fail(err)
			return
		}
		if fin {
			if o.qs.Close() != nil {
				o.fail(o.lost())
			}
			return
		}
	}
}

// next waits for something to write; ok is false when there is no more sense in
// it.
func (o *outbox) next() (b []byte, fin, ok bool) {
	for {
		o.mu.Lock()
		if o.err != nil {
			o.mu.Unlock()
			return nil, false, false
		}
		if len(o.buf) > 0 || o.fin {
			o.buf, o.out = o.out[:0], o.buf
			b, fin = o.out, o.fin
			o.mu.Unlock()
			signal(o.room)
			return b, fin, true
		}
		o.mu.Unlock()
		<-o.wake
	}
}

// write waits for the client, within the pace.
func (o *outbox) write(b []byte) error {
	for len(b) > 0 {
		start := time.Now()
		_ = o.qs.SetWriteDeadline(o.pace.deadline(start))
		o.waits(start)
		n, err := o.qs.Write(b[:min(len(b), writePiece)])
		o.waits(time.Time{})
		o.pace.settle(time.Since(start), n)
		b = b[n:]
		switch {
		case err == nil:
		case !isTimeout(err):
			return o.lost()
		case n == 0:
			return exchange.ErrSendTimeout
		}
	}
	return nil
}

// fail keeps the first reason why nothing more can be sent, and wakes who waits.
func (o *outbox) fail(err error) {
	o.mu.Lock()
	if o.err == nil {
		o.err = err
	}
	o.mu.Unlock()
	signal(o.wake)
	signal(o.room)
}

// crowded reports whether so much waits that what can be spared should be.
func (o *outbox) crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf) > interimMax
}

// abort forgets what waits and resets the stream.
func (o *outbox) abort() {
	o.fail(errAborted)
	o.qs.CancelWrite(codeInternalError)
}

// close waits until the writer has ended and returns why it did so early. It is
// called behind the last push or abort.
func (o *outbox) close() error {
	if o.done != nil {
		<-o.done
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// signal leaves a token for whoever looks next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
