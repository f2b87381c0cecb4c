package httpc

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// past is a deadline that has gone by.
var past = time.Unix(1, 0)

// States of the writing side, in watch.write, when it is not a time.
const (
	writeIdle    = 0  // nothing is being written
	writeReading = -1 // the writer waits for the request's body, not for the server
)

// watch is the part of a Conn that the sweeper sees: it ends requests that are
// late or unwanted by a deadline in the past.
type watch struct {
	nc      net.Conn
	clock   *sock.Sweeper // nil: no one sweeps
	readIn  int64         // nanoseconds; 0: no limit
	writeIn int64

	wait  atomic.Int64 // clock when the reader began to wait; 0: it does not
	write atomic.Int64 // clock when the writer's present write began, or writeIdle, writeReading

	// Sweep sets inside and then looks at wait; end sets wait to 0 and then looks
	// at inside: so one of them sees the other, and a request that is not being
	// looked at, as most are not, takes no lock.
	inside atomic.Bool

	mu  sync.Mutex // held by Sweep while it is inside, and by stop
	h   Handler    // nil between requests
	why error      // ended the request from outside
}

func (t *watch) now() int64 {
	if t.clock == nil {
		return 0
	}
	return t.clock.Now()
}

// begin takes h for a request.
func (t *watch) begin(h Handler) { t.h, t.why = h, nil }

// end forgets h and says whether the request was ended from outside, in which
// case the connection's deadlines are spent.
func (t *watch) end() (stopped bool) {
	t.resting()
	if t.inside.Load() {
		t.mu.Lock() // taken when Sweep has left
		defer t.mu.Unlock()
	}
	t.h = nil
	return t.why != nil
}

func (t *watch) waiting() { t.wait.Store(t.now()) }

func (t *watch) resting() {
	if t.wait.Load() != 0 { // a store costs more
		t.wait.Store(0)
	}
}

func (t *watch) sending() { t.write.Store(t.now()) }
func (t *watch) reading() { t.write.Store(writeReading) }

// sent is called when nothing more will be written: the wait for the reply
// counts from now.
func (t *watch) sent() {
	t.write.Store(writeIdle)
	if w := t.wait.Load(); w != 0 {
		t.wait.CompareAndSwap(w, t.now())
	}
}

// Sweep implements sock.Swept.
func (t *watch) Sweep(now int64) {
	if t.wait.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inside.Store(true)
	defer t.inside.Store(false)
	wait := t.wait.Load()
	if wait == 0 || t.why != nil {
		return
	}
	err := t.late(now, wait)
	if err == nil {
		err = t.h.Tick()
	}
	if err != nil {
		t.stopLocked(err)
	}
}

// late returns the timeout that has passed, if any. While the request is still
// being written only the writes are timed.
func (t *watch) late(now, wait int64) error {
	write := t.write.Load()
	switch {
	case write > 0 && t.writeIn > 0 && now-write > t.writeIn:
		return ErrSendTimeout
	case write == writeIdle && t.readIn > 0 && now-wait > t.readIn:
		return ErrReadTimeout
	}
	return nil
}

// stop ends the request with err, from the writer's goroutine.
func (t *watch) stop(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		t.stopLocked(err)
	}
}

func (t *watch) stopLocked(err error) {
	t.why = err
	_ = t.nc.SetDeadline(past) // fails on a closed connection only, whose reader is awake
}

// woken returns what ended the request from outside, if err says that something
// did.
func (t *watch) woken(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.why
}
