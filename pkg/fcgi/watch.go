package fcgi

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// past is a deadline that has gone by.
var past = time.Unix(1, 0)

// States of the writing side, in watch.write, when it is not a time.
const (
	writeIdle    = 0  // nothing is being written
	writeReading = -1 // the writer waits for the request's body, not for the backend
)

// watch is the part of a Conn that the sweeper sees: it ends requests that
// are late or unwanted by a deadline in the past.
//
// It also looks at the socket of a reader that has waited for more than a
// tick. The runtime's poller is edge-triggered, and an end of stream that
// comes together with data gives no edge of its own: without the look, a
// backend that died within its reply would be noticed by ReadTimeout only.
type watch struct {
	nc      net.Conn
	rc      syscall.RawConn
	clock   *sock.Sweeper // nil: no one sweeps
	readIn  int64         // nanoseconds; 0: no limit
	writeIn int64

	wait  atomic.Int64 // clock when the reader began to wait; 0: it does not
	write atomic.Int64 // clock when the writer's present write began, or writeIdle, writeReading

	// Sweep sets inside and then looks at wait; end sets wait to 0 and then looks
	// at inside: so one of them sees the other, and a request that is not being
	// looked at, as most are not, takes no lock.
	inside atomic.Bool

	mu     sync.Mutex // held by Sweep while it is inside, and by stop
	h      Handler    // nil between requests
	why    error      // ended the request from outside
	held   bool       // the reader waits for the backend to read (Conn.sendHeld)
	nudged bool       // the deadline was set to make the reader look
	last   int64      // clock of the Sweep before; sweeper's goroutine only
}

func (t *watch) init(nc net.Conn, rc syscall.RawConn, cfg Config) {
	t.nc, t.rc, t.clock = nc, rc, cfg.Sweeper
	t.readIn, t.writeIn = int64(cfg.ReadTimeout), int64(cfg.SendTimeout)
}

func (t *watch) now() int64 {
	if t.clock == nil {
		return 0
	}
	return t.clock.Now()
}

// begin takes h for a request; false if there is one already.
func (t *watch) begin(h Handler) bool {
	if t.h != nil {
		return false
	}
	t.h, t.why = h, nil
	return true
}

// end forgets h and says whether the request was ended from outside, in which
// case the connection's deadlines are spent.
func (t *watch) end() (stopped bool) {
	t.resting()
	if t.inside.Load() {
		t.mu.Lock() // taken when Sweep has left
		defer t.mu.Unlock()
	}
	t.unnudge()
	t.h = nil
	return t.why != nil
}

// unnudge takes back what made the reader look.
func (t *watch) unnudge() {
	if t.nudged {
		t.nudged = false
		_ = t.nc.SetDeadline(time.Time{}) // fails on a closed connection only
	}
}

// holding is waiting for the backend to read; released ends it, and what the
// sweeper made of it.
func (t *watch) holding() {
	t.held = true
	t.waiting()
}

func (t *watch) released() {
	t.resting()
	if t.inside.Load() {
		t.mu.Lock() // taken when Sweep has left
		defer t.mu.Unlock()
	}
	t.held = false
	t.unnudge()
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
	last := t.last
	t.last = now
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
		return
	}
	if wait < last {
		t.lookLocked()
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

// lookLocked wakes the reader if the socket is readable after all.
func (t *watch) lookLocked() {
	if t.rc == nil || t.nudged || sock.PeekConn(t.rc) == sock.Quiet {
		return
	}
	t.nudged = true
	if t.held {
		_ = t.nc.SetDeadline(past)
		return
	}
	_ = t.nc.SetReadDeadline(past)
}

// woken tells the reader what ended its wait: again, it was only to look; why,
// the request was ended; neither, err is the connection's own.
func (t *watch) woken(err error) (again bool, why error) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil && t.nudged {
		t.unnudge()
		return true, nil
	}
	return false, t.why
}
