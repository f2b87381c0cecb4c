package responder_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// usage is what a process has in hand.
type usage struct {
	goroutines int
	files      []string // what the open descriptors lead to
}

// use returns the present usage.
func use(t testing.TB) usage {
	t.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	u := usage{goroutines: runtime.NumGoroutine()}
	for _, e := range entries {
		// The descriptor of the directory itself is gone by now.
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			u.files = append(u.files, to)
		}
	}
	slices.Sort(u.files)
	return u
}

// noLeaks compares what the process has now with what it has when the returned
// function is called, which waits for what is still ending.
func noLeaks(t testing.TB) func() {
	t.Helper()
	before := use(t)
	return func() {
		t.Helper()
		limit := time.After(patience)
		poll := time.NewTicker(time.Millisecond)
		defer poll.Stop()
		for {
			now := use(t)
			if now.goroutines <= before.goroutines && len(now.files) <= len(before.files) {
				return
			}
			select {
			case <-poll.C:
			case <-limit:
				stacks := make([]byte, 64<<10)
				t.Errorf("left behind: %d goroutines, %d before; descriptors %q, before %q\n%s",
					now.goroutines, before.goroutines, now.files, before.files, stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	}
}

// noTemp fails if the gateway still has temporary files: by name, or without
// one as an open descriptor.
func (r *rig) noTemp() {
	r.t.Helper()
	harness.Eventually(r.t, "temporary files are gone", func() bool {
		named, err := filepath.Glob(filepath.Join(r.temp, "*"))
		r.must(err)
		open := slices.ContainsFunc(use(r.t).files, func(to string) bool {
			return filepath.Dir(to) == r.temp
		})
		return len(named) == 0 && !open
	})
}

// TestMain opens a socket first: the runtime's poller has descriptors of its
// own that would look like a leak of the first test.
func TestMain(m *testing.M) {
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
	os.Exit(m.Run())
}
