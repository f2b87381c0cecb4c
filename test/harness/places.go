package harness

import (
	"net"
	"os"
	"testing"
	"time"
)

// Patience bounds every wait for something that must happen.
const Patience = 20 * time.Second

// pollPause is the time between two looks at something that must come true.
const pollPause = 5 * time.Millisecond

// Eventually polls cond until it is true; what says what did not happen.
func Eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	if !Poll(Patience, cond) {
		tb.Fatalf("gave up after %v: %s", Patience, what)
	}
}

// Poll reports whether cond became true within limit.
func Poll(limit time.Duration, cond func() bool) bool {
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		if cond() {
			return true
		}
	}
	return cond()
}

// Dir is t.TempDir with a path short enough for unix sockets in it, whatever the
// name of the test.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "gw-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// FreeAddr returns a loopback address that nothing listened on just now.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
