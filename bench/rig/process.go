// Package rig starts and stops what the benchmark compares: nginx, Caddy and
// fcgigw, each with a configuration for the same work, and php-fpm.
package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	readyTime = 10 * time.Second
	stopTime  = 5 * time.Second
	quitTime  = 15 * time.Second
	groupTime = time.Second
	pollPause = 5 * time.Millisecond
	logTail   = 2000
)

// ErrEnded says that a process ended although nobody stopped it.
var ErrEnded = errors.New("rig: process ended by itself")

// Process is a started program, in a process group of its own.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when the program has been waited for
}

// Command says what to start.
type Command struct {
	Name string   // for messages and the log file
	Args []string // Args[0] is the program
	Env  []string // added to the environment of this process
	Dir  string   // where the log is written
}

// Start starts a program whose output goes to a new log file. It dies with the
// calling thread at the latest, so callers stay on one locked thread.
func Start(c Command) (*Process, error) {
	log := filepath.Join(c.Dir, c.Name+".log")
	f, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("rig: %w", err)
	}
	p := &Process{name: c.Name, cmd: cmd, log: log, done: make(chan struct{})}
	go func() { // ends with the program
		cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process id of the program, the root of its process tree.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ready waits until a connection to the address is accepted. It fails with the
// end of the program's log when the program ends or takes too long.
func (p *Process) Ready(ctx context.Context, network, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		var d net.Dialer
		if c, err := d.DialContext(ctx, network, addr); err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%w: %s\n%s", ErrEnded, p.name, p.Log())
		case <-ctx.Done():
			return fmt.Errorf("rig: %s does not listen on %s: %w\n%s", p.name, addr, ctx.Err(), p.Log())
		case <-time.After(pollPause):
		}
	}
}

// Log returns the end of what the program has written.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	b = bytes.TrimSpace(b)
	return string(b[max(0, len(b)-logTail):])
}

// Stop ends the program with SIGTERM, and its whole process group with SIGKILL
// if it does not go. It returns ErrEnded if the program was gone already.
func (p *Process) Stop() error {
	select {
	case <-p.done:
		return fmt.Errorf("%w: %s\n%s", ErrEnded, p.name, p.Log())
	default:
	}
	p.signal(p.PID(), syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTime):
	}
	p.signal(-p.PID(), syscall.SIGKILL) // also what a dead master left behind
	<-p.done
	p.awaitGroup()
	return nil
}

// Signal sends sig to the program, not to its children.
func (p *Process) Signal(sig syscall.Signal) { p.signal(p.PID(), sig) }

// Quit ends the program with SIGQUIT, by which php-fpm lets its children finish
// what they are at, and with Stop if that takes longer than quitTime.
func (p *Process) Quit() error {
	p.Signal(syscall.SIGQUIT)
	select {
	case <-p.done:
		return nil
	case <-time.After(quitTime):
		return errors.Join(fmt.Errorf("rig: %s did not end by SIGQUIT within %v", p.name, quitTime), p.Stop())
	}
}

// awaitGroup waits a little until no process of the group is left, so that the
// next run has the machine to itself.
func (p *Process) awaitGroup() {
	for end := time.Now().Add(groupTime); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if syscall.Kill(-p.PID(), 0) == syscall.ESRCH {
			return
		}
	}
}

// signal ignores errors: the process may have gone meanwhile.
func (p *Process) signal(pid int, sig syscall.Signal) { _ = syscall.Kill(pid, sig) }

// Interrupt sends SIGINT and waits for the end, which is how strace is told to
// write its summary.
func (p *Process) Interrupt() error {
	p.signal(p.PID(), syscall.SIGINT)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTime):
		return p.Stop()
	}
}

// FreePort returns a loopback address that nothing listened on just now.
func FreePort() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
