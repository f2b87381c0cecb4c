package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// notifier tells systemd how the gateway is (sd_notify(3)). A nil one tells
// nobody. What it cannot tell is lost: systemd draws its conclusions.
type notifier struct {
	fd    int
	to    unix.SockaddrUnix
	every int64 // nanoseconds between two signs of life; 0: none are wanted
	last  int64 // sweeper time of the last sign of life; the sweeper's
}

// newNotifier returns the way to whom NOTIFY_SOCKET names, or nil. The variables
// are removed: php-fpm would believe that it was meant.
func newNotifier() *notifier {
	to := os.Getenv("NOTIFY_SOCKET")
	every, _ := daemon.SdWatchdogEnabled(true) // a time that cannot be read asks for nothing
	os.Unsetenv("NOTIFY_SOCKET")
	if !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "@") {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return &notifier{fd: fd, to: unix.SockaddrUnix{Name: to}, every: int64(every) / 2}
}

// tell sends assignments, one a line.
func (n *notifier) tell(flags int, lines ...string) {
	if n != nil {
		_ = unix.Sendto(n.fd, []byte(strings.Join(lines, "\n")), flags|unix.MSG_NOSIGNAL, &n.to)
	}
}

// serving says that requests are taken, and under what.
func (n *notifier) serving(cfg *config.Config, listens []string) {
	if n != nil {
		n.tell(0, "READY=1", fmt.Sprintf("STATUS=serving %s on %s", plural(len(cfg.Sites), "site"), strings.Join(listens, ", ")))
	}
}

// reloading says that the configuration is being read again; serving or refused
// follows.
func (n *notifier) reloading() {
	if n == nil {
		return
	}
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	n.tell(0, "RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10), "STATUS=reloading")
}

// refused says that the configuration has a mistake, and the old one runs on.
func (n *notifier) refused(err error) {
	if n != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		n.tell(0, "READY=1", "STATUS=reload refused, the running configuration stays: "+first)
	}
}

// stopping says that the rest is waiting for connections, for at most limit (0:
// as long as it takes) and some more for the workers.
func (n *notifier) stopping(connections int, limit time.Duration) {
	if n == nil {
		return
	}
	lines := []string{"STOPPING=1", "STATUS=draining " + plural(connections, "connection")}
	if limit > 0 {
		lines = append(lines, "EXTEND_TIMEOUT_USEC="+strconv.FormatInt((limit+2*stopGrace).Microseconds(), 10))
	}
	n.tell(0, lines...)
}

// watch makes the sweeper give signs of life, if systemd waits for them: they
// stop when it does, or when what it looks after hangs.
func (n *notifier) watch(s *sock.Sweeper) {
	if n != nil && n.every > 0 {
		s.Add(n)
	}
}

// Sweep implements sock.Swept.
func (n *notifier) Sweep(now int64) {
	if now-n.last >= n.every {
		n.last = now
		n.tell(unix.MSG_DONTWAIT, "WATCHDOG=1")
	}
}

// close gives the socket back; nothing may be told any more.
func (n *notifier) close() {
	if n != nil {
		unix.Close(n.fd)
	}
}
