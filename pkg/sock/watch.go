package sock

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Past returns a deadline that has gone by: setting it wakes whoever waits.
func Past() time.Time { return time.Unix(1, 0) }

// States of the writing side, in Watch.write, when it is not a time.
const (
	writeIdle    = 0  // nothing is being written
	writeReading = -1 // the writer waits for the request's body, not for the peer
)

// Ticker is asked about once per tick whether a request goes on.
type Ticker interface {
	// Tick runs on the sweeper's goroutine and must not block. An error ends the
	// request with it.
	Tick() error
}

// WatchLimits are what a Watch ends requests by.
type WatchLimits struct {
	Sweeper   *Sweeper      // nil: no one sweeps, and nothing is late
	Read      time.Duration // for the next bytes of a reply; 0: no limit
	Write     time.Duration // for one piece of the request; 0: no limit
	ReadLate  error         // ends a request whose Read has passed
	WriteLate error         // likewise
}

// Watch is the part of a client connection that the sweeper sees: it ends
// requests that are late or unwanted by a deadline in the past.
//
// It also looks at the socket of a reader that has waited for more than a
// tick. The runtime's poller is edge-triggered, and an end of stream that
// comes together with data gives no edge of its own: without the look, a
// peer that died within its reply would be noticed by the read limit only.
//
// Its methods, Sweep and Stop excepted, belong to the goroutine that has the
// request; Sending, Reading and Sent to the one that writes it.
type Watch struct {
	nc     net.Conn
	rc     syscall.RawConn
	limits WatchLimits

	wait  atomic.Int64 // clock when the reader began to wait; 0: it does not
	write atomic.Int64 // clock when the writer's present write began, or writeIdle, writeReading

	// Sweep sets inside and then looks at wait; End sets wait to 0 and then looks
	// at inside: so one of them sees the other, and a request that is not being
	// looked at, as most are not, takes no lock.
	inside atomic.Bool

	mu     sync.Mutex // held by Sweep while it is inside, and by Stop
	ticker Ticker     // nil between requests
	why    error      // ended the request from outside
	held   bool       // the reader waits for the peer to read
	nudged bool       // the deadline was set to make the reader look
	last   int64      // clock of the Sweep before; sweeper's goroutine only
}

// Init prepares a Watch of nc. rc is nil if the reader reads before it waits, or
// there is none: then it is never made to look. The caller adds the Watch to the
// sweeper, and removes it.
func (t *Watch) Init(nc net.Conn, rc syscall.RawConn, limits WatchLimits) {
	t.nc, t.rc, t.limits = nc, rc, limits
}

func (t *Watch) now() int64 {
	if t.limits.Sweeper == nil {
		return 0
	}
	return t.limits.Sweeper.Now()
}

// Begin takes a request that is asked about; false if there is one already.
func (t *Watch) Begin(ticker Ticker) bool {
	if t.ticker != nil {
		return false
	}
	t.ticker, t.why = ticker, nil
	return true
}

// End forgets the request and returns what has ended it from outside, in which
// case the connection's deadlines are spent; nil: nothing has.
func (t *Watch) End() (why error) {
	t.Resting()
	if t.inside.Load() {
		t.mu.Lock() // taken when Sweep has left
		defer t.mu.Unlock()
	}
	t.unnudge()
	t.ticker = nil
	return t.why
}

// unnudge takes back what made the reader look.
func (t *Watch) unnudge() {
	if t.nudged {
		t.nudged = false
		_ = t.nc.SetDeadline(time.Time{}) // fails on a closed connection only
	}
}

// Holding is Waiting for the peer to read.
func (t *Watch) Holding() {
	t.held = true
	t.Waiting()
}

// Released ends Holding, and what the sweeper made of it.
func (t *Watch) Released() {
	t.Resting()
	if t.inside.Load() {
		t.mu.Lock() // taken when Sweep has left
		defer t.mu.Unlock()
	}
	t.held = false
	t.unnudge()
}

// Waiting is called when the reader begins to wait for the peer.
func (t *Watch) Waiting() { t.wait.Store(t.now()) }

// Resting is called when it does not wait any more.
func (t *Watch) Resting() {
	if t.wait.Load() != 0 { // a store costs more
		t.wait.Store(0)
	}
}

// Sending is called when a write to the peer begins.
func (t *Watch) Sending() { t.write.Store(t.now()) }

// Reading is called when the writer begins to wait for the request's body.
func (t *Watch) Reading() { t.write.Store(writeReading) }

// Sent is called when nothing more will be written: the wait for the reply
// counts from now.
func (t *Watch) Sent() {
	t.write.Store(writeIdle)
	if w := t.wait.Load(); w != 0 {
		t.wait.CompareAndSwap(w, t.now())
	}
}

// Sweep implements Swept.
func (t *Watch) Sweep(now int64) {
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
		err = t.ticker.Tick()
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
func (t *Watch) late(now, wait int64) error {
	write := t.write.Load()
	switch {
	case write > 0 && t.limits.Write > 0 && now-write > int64(t.limits.Write):
		return t.limits.WriteLate
	case write == writeIdle && t.limits.Read > 0 && now-wait > int64(t.limits.Read):
		return t.limits.ReadLate
	}
	return nil
}

// Stop ends the request with err, from the writer's goroutine.
func (t *Watch) Stop(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		t.stopLocked(err)
	}
}

func (t *Watch) stopLocked(err error) {
	t.why = err
	_ = t.nc.SetDeadline(Past()) // fails on a closed connection only, whose reader is awake
}

// lookLocked wakes the reader if the socket is readable after all.
func (t *Watch) lookLocked() {
	if t.rc == nil || t.nudged || PeekConn(t.rc) == Quiet {
		return
	}
	t.nudged = true
	if t.held {
		_ = t.nc.SetDeadline(Past())
		return
	}
	_ = t.nc.SetReadDeadline(Past())
}

// Woken tells the reader what ended its wait: again, it was only to look; why,
// the request was ended; neither, err is the connection's own.
func (t *Watch) Woken(err error) (again bool, why error) {
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
