package main

import "runtime/debug"

const (
	// ballastSize is address space that the garbage collector counts as live and
	// that is never touched, so it costs no memory. Without it the heap of a gateway
	// at rest is so small that a burst of clients makes the collector run for every
	// doubling of a few megabytes, which takes a third of the time in which the
	// burst should be answered.
	ballastSize = 32 << 20
	// ballastLimit: a memory limit (GOMEMLIMIT) counts the ballast too; with one
	// below this there is none.
	ballastLimit = 16 * ballastSize
)

// newBallast returns what the caller has to keep reachable.
func newBallast() []byte {
	if debug.SetMemoryLimit(-1) < ballastLimit {
		return nil
	}
	return make([]byte, ballastSize)
}
