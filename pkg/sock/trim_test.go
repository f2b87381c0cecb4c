package sock_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

func TestMemoryIsGivenBackWhenABurstIsOver(t *testing.T) {
	var tr sock.Trimmer
	now := int64(time.Hour)
	for range 1000 {
		tr.Rested()
	}
	before := forced()
	tr.Sweep(now) // the burst may go on
	if forced() != before {
		t.Error("trimmed within the burst")
	}
	tr.Sweep(now)
	for end := time.Now().Add(20 * time.Second); forced() == before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("nothing was trimmed")
		}
	}
}

// forced returns how many collections have been asked for.
func forced() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}
