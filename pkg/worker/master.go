package worker

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// groupGrace bounds the wait for killed workers to vanish, and for the last
// words in a pipe that some grandchild may still hold open.
const groupGrace = time.Second

// command is how to run php-fpm.
type command struct {
	path string
	args []string
	env  []string
	line func(Line) // gets what php-fpm writes
}

// master is one life of a php-fpm master and its process group.
type master struct {
	cmd    *exec.Cmd
	out    *os.File      // read end of its stdout and stderr
	exited chan struct{} // closed when the master is reaped and its group gone
	err    *ExitError    // set before exited is closed
}

// startMaster runs c as the leader of a new process group.
func startMaster(c command) (*master, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(c.path, c.args...)
	cmd.Env, cmd.Dir = c.env, "/"
	cmd.Stdout, cmd.Stderr = in, in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}

	m := &master{cmd: cmd, out: out, exited: make(chan struct{})}
	started := make(chan error)
	go m.keep(c.line, in, started) // ends with the master
	if err := <-started; err != nil {
		_ = out.Close() // nothing was read from it
		return nil, err
	}
	return m, nil
}

func (m *master) pid() int { return m.cmd.Process.Pid }

// The master passes these signals on as it sees fit, except for SIGKILL, after
// which endGroup kills the rest. One that is gone already is not an error.

func (m *master) quit()      { _ = m.cmd.Process.Signal(syscall.SIGQUIT) } // end after the running requests
func (m *master) terminate() { _ = m.cmd.Process.Signal(syscall.SIGTERM) } // end now
func (m *master) kill()      { _ = m.cmd.Process.Kill() }

// keep forks the master and stays on the forking thread until it is gone,
// since the kernel would send the parent-death signal when that thread ends.
func (m *master) keep(line func(Line), in *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	err := m.cmd.Start()
	_ = in.Close() // php-fpm has its copy; ours would keep the pipe from ending
	started <- err
	if err != nil {
		return
	}
	said := make(chan []string, 1)
	go func() { said <- listen(m.out, line) }() // ends when the pipe does, see endGroup

	waitDead(m.pid())
	endGroup(m.pid(), m.cmd.Wait)
	_ = m.out.SetReadDeadline(time.Now().Add(groupGrace))
	m.err = &ExitError{Status: m.cmd.ProcessState.String(), Said: <-said}
	_ = m.out.Close() // only read from
	close(m.exited)
}

// listen passes on every line until the pipe ends and returns the last ones
// that are more than notices.
func listen(r *os.File, each func(Line)) []string {
	var last tail
	readLines(r, func(s string) {
		l := parseLine(s)
		if l.Level != "notice" && l.Level != "debug" {
			last.add(l.Text)
		}
		each(l)
	})
	return last.lines
}

// waitDead blocks until pid is dead but leaves it unreaped, so that its number
// and that of its group stay taken.
func waitDead(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// endGroup kills what is left of a dead leader's group, reaps the leader, and
// waits for the group to be empty.
func endGroup(leader int, reap func() error) {
	_ = unix.Kill(-leader, unix.SIGKILL) // fails only if there is nobody left
	_ = reap()                           // its status is read from ProcessState
	for end := time.Now().Add(groupGrace); time.Now().Before(end); time.Sleep(time.Millisecond) {
		// As PID 1, or as a subreaper, the gateway has inherited the orphans.
		_, _ = unix.Wait4(-leader, nil, unix.WNOHANG, nil)
		if errors.Is(unix.Kill(-leader, 0), unix.ESRCH) {
			return
		}
	}
}

// awaitListening returns nil once socket accepts, the master's *ExitError if
// it ends before, or why ctx ended.
func (m *master) awaitListening(ctx context.Context, socket string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-m.exited:
			return m.err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if accepts(socket) {
				return nil
			}
		}
	}
}
