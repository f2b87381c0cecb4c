//go:build race

package harness

// Race says whether the race detector is on. It makes sync.Pool forget, so that
// allocations cannot be counted.
const Race = true
