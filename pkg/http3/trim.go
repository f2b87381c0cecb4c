package http3

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A burst of requests leaves buffers behind in pools that the runtime empties
// only when it collects, which an idle gateway may not do for minutes.
const (
	trimAfter = 256             // requests that ended since the last trim
	trimPause = 2 * time.Second // without the end of a request: the burst is over
)

// trimmer gives memory back to the system when a burst of requests is over.
type trimmer struct {
	rested atomic.Int64 // requests that ended since the last trim
	armed  atomic.Bool  // a timer runs
	pause  time.Duration
	trim   func()
}

func (t *trimmer) init() {
	t.pause = trimPause
	t.trim = func() {
		runtime.GC() // pools give up what they hold only when they see a second one
		debug.FreeOSMemory()
	}
}

// rest counts a request that has ended.
func (t *trimmer) rest() {
	if n := t.rested.Add(1); n >= trimAfter && t.armed.CompareAndSwap(false, true) {
		t.lookAfter(n)
	}
}

// lookAfter trims after a pause in which no request has ended.
func (t *trimmer) lookAfter(seen int64) {
	time.AfterFunc(t.pause, func() {
		if n := t.rested.Load(); n != seen {
			t.lookAfter(n)
			return
		}
		t.rested.Store(0)
		t.trim()
		t.armed.Store(false)
	})
}
