package worker

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ownerEnv makes the test binary play a gateway that owns a pool.
const ownerEnv = "FCGIGW_TEST_OWNER"

// The test binary also plays the pool's owner and a misbehaving php-fpm. It
// knows the latter by its arguments, for a pool's environment is not its own.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(ownerEnv) != "":
		playOwner(os.Getenv(ownerEnv))
	case len(os.Args) == 4 && os.Args[1] == "--nodaemonize":
		playPHP(os.Args[3])
	}
	os.Exit(m.Run())
}

// playOwner starts a pool, tells its master's pid and waits to be killed.
func playOwner(dir string) {
	events, ready := untilReady(Events{})
	p, err := Start(context.Background(), Config{Dir: dir, Count: 3, Events: events})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	<-ready
	fmt.Println("pid", p.PID())
	select {}
}

// playPHP behaves as the pool's name says.
func playPHP(conf string) {
	name, socket := readConf(conf)
	if name == "speechless" {
		os.Exit(3)
	}
	if name == "mute" {
		select {}
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	switch name {
	case "stubborn":
		signal.Ignore(syscall.SIGQUIT, syscall.SIGTERM)
		select {}
	case "dies":
		_, _ = l.Accept()
		fmt.Fprintln(os.Stderr, "[22-Nov-2026 14:39:27] ALERT: out of coffee")
		os.Exit(70)
	}
	os.Exit(2)
}

func readConf(path string) (name, socket string) {
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if s, ok := strings.CutPrefix(line, "listen = "); ok {
			socket = strings.Trim(s, "'")
		}
		if s, ok := strings.CutPrefix(line, "["); ok && s != "global]" {
			name = strings.TrimSuffix(s, "]")
		}
	}
	return name, socket
}

// requirePHP skips the test on a machine without php-fpm.
func requirePHP(t *testing.T) {
	t.Helper()
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
}

// startPool starts a pool that is stopped with the test.
func startPool(t *testing.T, c Config) *Pool {
	t.Helper()
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "run")
	}
	if c.Count == 0 {
		c.Count = 2
	}
	var ready <-chan struct{}
	c.Events, ready = untilReady(c.Events)
	p, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if c.Binary == "" { // the real one
		next(t, ready)
	}
	t.Cleanup(func() { _ = p.Stop(within(t, 5*time.Second)) })
	return p
}

// untilReady adds a channel to events that is closed when php-fpm first says
// that it has started all its workers, which is a little after it listens.
func untilReady(events Events) (Events, <-chan struct{}) {
	ready := make(chan struct{})
	once, before := sync.OnceFunc(func() { close(ready) }), events
	events.Line = func(l Line) {
		before.line(l)
		if strings.Contains(l.Text, "ready to handle connections") {
			once()
		}
	}
	return events, ready
}

// within returns a context that outlives the test's own, for clean-up.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), d)
	t.Cleanup(cancel)
	return ctx
}

// playing returns c with the test binary in the role of php-fpm.
func playing(t *testing.T, name string) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Name: name, Binary: self, Dir: filepath.Join(t.TempDir(), "run"), Count: 1}
}

// group returns the pids of master and of its workers, of which there must be
// two at least.
func group(t *testing.T, master int) []int {
	t.Helper()
	workers := children(t, master)
	if len(workers) < 2 {
		t.Fatalf("workers %v: too few to prove anything", workers)
	}
	return append(workers, master)
}

// children lists the direct children of a process.
func children(t *testing.T, parent int) []int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for field := range strings.FieldsSeq(string(data)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// watch opens a pidfd for each process while it is known to be alive.
func watch(t *testing.T, pids []int) (died func(time.Duration) bool) {
	t.Helper()
	var fds []int
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatalf("process %d: %v", pid, err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		fds = append(fds, fd)
	}
	return func(limit time.Duration) bool {
		end := time.Now().Add(limit)
		for _, fd := range fds {
			if !readable(t, fd, time.Until(end)) {
				return false
			}
		}
		return true
	}
}

func readable(t *testing.T, fd int, limit time.Duration) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, max(0, int(limit.Milliseconds())))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
}

// spawnOwner runs playOwner in another process and returns it with its master.
func spawnOwner(t *testing.T) (owner *exec.Cmd, master int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner = exec.Command(self)
	owner.Env = append(os.Environ(), ownerEnv+"="+filepath.Join(t.TempDir(), "run"))
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Process.Kill() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	if _, err := fmt.Sscanf(line, "pid %d", &master); err != nil {
		t.Fatalf("owner said %q", line)
	}
	return owner, master
}
