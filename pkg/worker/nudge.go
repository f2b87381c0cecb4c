package worker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// nudgeAfter is when a graceful stop that has not ended is told to the workers
// themselves. A php-fpm worker loses a SIGQUIT that reaches it between its
// fork and its first accept, and the master sends it once only, so that one
// unlucky worker would keep an idle pool up until the deadline.
const nudgeAfter = 250 * time.Millisecond

// nudge repeats SIGQUIT to the master's children and not to its whole group,
// which may hold programs that scripts have started.
func (m *master) nudge() {
	for _, pid := range children(m.pid()) {
		quitChild(pid, m.pid())
	}
}

// children lists the direct children of a process, none if it is gone.
func children(parent int) []int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return nil // gone, or a kernel without it: the deadline will do
	}
	var pids []int
	for field := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// quitChild sends SIGQUIT to pid if it still is a child of parent. The pidfd
// comes before the check, so that both mean the same process.
func quitChild(pid, parent int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // gone
	}
	defer func() { _ = unix.Close(fd) }() // nothing to lose
	if parentOf(pid) == parent {
		_ = unix.PidfdSendSignal(fd, unix.SIGQUIT, nil, 0) // gone is fine
	}
}

// parentOf reads the fourth field of /proc/PID/stat; the second one is in
// parentheses and may hold anything.
func parentOf(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	rest := string(data)[strings.LastIndexByte(string(data), ')')+1:]
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(fields[1]) // 0 is nobody's parent here
	return ppid
}
