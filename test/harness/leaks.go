package harness

import (
	"runtime"
	"testing"
	"time"
)

// NoLeaks fails the test if it leaves goroutines behind. Call it first: its
// check runs behind the other cleanups.
func NoLeaks(tb testing.TB) {
	tb.Helper()
	before := runtime.NumGoroutine()
	tb.Cleanup(func() {
		for end := time.Now().Add(Patience); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(end) {
				stacks := make([]byte, 1<<20)
				tb.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
}
