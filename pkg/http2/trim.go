package http2

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A burst of clients leaves buffers behind in pools that the runtime empties
// only when it collects, which an idle gateway may not do for minutes.
const (
	trimAfter = 256             // connections that rested or ended since the last trim
	trimEvery = 5 * time.Second // between two trims
)

// trimmer gives memory back to the system when many connections have come to
// rest. Its fields but rested and running belong to the sweeper's goroutine.
type trimmer struct {
	rested  atomic.Int64 // since the last trim
	seen    int64        // rested at the last sweep
	last    int64        // time of the last trim
	running atomic.Bool
}

// sweep starts a trim when one is due and the burst is over.
func (t *trimmer) sweep(now int64) {
	rested := t.rested.Load()
	settled := rested == t.seen
	t.seen = rested
	if rested < trimAfter || !settled || now-t.last < int64(trimEvery) || !t.running.CompareAndSwap(false, true) {
		return
	}
	t.last = now
	t.rested.Store(0)
	go func() { // ends after two collections
		defer t.running.Store(false)
		runtime.GC() // pools give up what they hold only when they see a second one
		debug.FreeOSMemory()
	}()
}
