package sock

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A burst of clients leaves the stacks and buffers that they needed for a
// moment behind them; the runtime would give them back at its next collection,
// which an idle gateway may not have for minutes.
const (
	trimAfter = 256             // connections parked or ended since the last trim
	trimEvery = 5 * time.Second // between two trims
)

// Trimmer gives memory back to the system when many connections have come to
// rest. The zero value is ready.
type Trimmer struct {
	rested  atomic.Int64 // connections since the last trim
	seen    int64        // rested at the last sweep; sweeper's goroutine only
	last    int64        // time of the last trim; sweeper's goroutine only
	running atomic.Bool
}

// Rested counts a connection that has parked, become idle or ended. It may be
// called from any goroutine.
func (t *Trimmer) Rested() { t.rested.Add(1) }

// Sweep implements Swept: it starts a trim when one is due and the burst is over.
func (t *Trimmer) Sweep(now int64) {
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
