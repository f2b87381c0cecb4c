package server

import (
	"sync/atomic"
	"time"
)

// rare counts what may happen often and is reported at most once a second.
type rare struct {
	n    atomic.Int64
	last atomic.Int64 // sweeper time of the last report
}

// count adds one and returns how many there were since the last report if it is
// time for the next, and 0 else or if nobody is to be told.
func (r *rare) count(now int64, told bool) int {
	n, last := r.n.Add(1), r.last.Load()
	if !told || now-last < int64(time.Second) || !r.last.CompareAndSwap(last, now) {
		return 0
	}
	r.n.Add(-n)
	return int(n)
}
