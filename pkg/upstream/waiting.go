package upstream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

// watch looks after a call while no connection does: as long as it waits for a
// worker, for a server to answer a dial, or between two attempts. It is the
// context of all these waits. Whoever waits for the end of a context asks it for
// Done, and that is what enters the call in its backend's list of those that the
// sweep looks at; so a request that never waits pays nothing.
type watch struct {
	c  *call
	by int64 // sweeper time at which a wait in the queue ends, 0: none; set while not listed

	listed     atomic.Bool // written with the list's mu held
	prev, next *watch      // guarded by the list's mu
	after      *after      // guarded by the list's mu

	ending sync.WaitGroup // funcs that the end has begun: they ask for Err
}

// after is a call of a func that is due when a watch ends its call.
type after struct {
	f    func()
	next *after
}

// Deadline implements context.Context: there is none, the sweep keeps them.
func (w *watch) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context; the call is watched from now on. It belongs
// to the call's goroutine, as do the waits; see AfterFunc.
func (w *watch) Done() <-chan struct{} {
	w.c.b.waiting.add(w)
	return w.c.x.Context().Done()
}

// Err implements context.Context. It is the cause of the end.
func (w *watch) Err() error { return w.c.x.Cause() }

// Value implements context.Context.
func (w *watch) Value(any) any { return nil }

// AfterFunc lets contexts that are derived from this one, a dial's, do without a
// goroutine each that waits for it to end, and asks for Done when it likes. f is
// called on a goroutine of its own, at the sweep that sees the end.
func (w *watch) AfterFunc(f func()) (stop func() bool) {
	l, a := &w.c.b.waiting, &after{f: f}
	l.mu.Lock()
	defer l.mu.Unlock()
	a.next, w.after = w.after, a
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return w.drop(a)
	}
}

// drop takes a out and reports whether it was still there. Callers hold the
// list's mu.
func (w *watch) drop(a *after) bool {
	for p := &w.after; *p != nil; p = &(*p).next {
		if *p == a {
			*p = a.next
			return true
		}
	}
	return false
}

// rest ends the watch, and with it what asks why: the call may serve another
// exchange behind it. It costs a load when there was none.
func (w *watch) rest() {
	if w.listed.Load() {
		w.c.b.waiting.remove(w)
		w.ending.Wait() // for moments: they wait for nobody
	}
}

// sweep ends the call if its client, its time or its turn is over.
func (w *watch) sweep(now int64) {
	err := w.c.x.Cause()
	if err == nil {
		err = w.c.Tick()
	}
	if err == nil && w.by != 0 && now > w.by {
		err = pool.ErrQueueTimeout
	}
	if err == nil {
		return
	}
	w.c.x.Cancel(err)
	for ; w.after != nil; w.after = w.after.next {
		w.ending.Go(w.after.f) // it cancels a context, or sets a deadline, and ends
	}
}

// waitlist holds the calls of a backend that wait, doubly linked through
// themselves: every request of a busy backend comes by here, so that coming and
// going allocates nothing and takes one lock of the backend's own.
type waitlist struct {
	mu    sync.Mutex // held while sweep runs
	first *watch
}

// add enters w, unless it is there.
func (l *waitlist) add(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.listed.Load() {
		return
	}
	w.listed.Store(true)
	w.prev, w.next = nil, l.first
	if l.first != nil {
		l.first.prev = w
	}
	l.first = w
}

// remove takes w out, if it is there; when it returns, no sweep of w is running.
func (l *waitlist) remove(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !w.listed.Load() {
		return
	}
	w.listed.Store(false)
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// sweep looks at every call in the list.
func (l *waitlist) sweep(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := l.first; w != nil; w = w.next {
		w.sweep(now)
	}
}

// sleep waits for d, unless the exchange ends first; then it returns why.
func (c *call) sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	defer c.watch.rest()
	select {
	case <-t.C:
		return nil
	case <-c.watch.Done():
		return c.x.Cause()
	}
}

var _ context.Context = (*watch)(nil)
