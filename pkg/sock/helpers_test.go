package sock_test

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// patience bounds every wait of the tests.
const patience = 20 * time.Second

// pair returns the two ends of a stream socket, which the test's end closes.
func pair(tb testing.TB) (a, b *net.UnixConn) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return adopt(tb, fds[0]), adopt(tb, fds[1])
}

func adopt(tb testing.TB, fd int) *net.UnixConn {
	tb.Helper()
	f := os.NewFile(uintptr(fd), "pair")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c.(*net.UnixConn)
}

func raw(tb testing.TB, c net.Conn) syscall.RawConn {
	tb.Helper()
	rc := sock.Raw(c)
	if rc == nil {
		tb.Fatalf("no raw access to %T", c)
	}
	return rc
}

// on runs f with c's descriptor.
func on(tb testing.TB, c net.Conn, f func(fd uintptr)) {
	tb.Helper()
	if err := raw(tb, c).Control(f); err != nil {
		tb.Fatal(err)
	}
}

func fdOf(tb testing.TB, c net.Conn) (n int) {
	tb.Helper()
	on(tb, c, func(fd uintptr) { n = int(fd) })
	return n
}

func send(tb testing.TB, c net.Conn, s string) {
	tb.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		tb.Fatal(err)
	}
}

func openFDs(tb testing.TB) int {
	tb.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(list)
}
