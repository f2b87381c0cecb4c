package harness

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a child whose end somebody waits for.
type Process struct {
	Cmd    *exec.Cmd
	tb     testing.TB
	output string        // path of stdout and stderr
	done   chan struct{} // closed when the process has been waited for
}

// Run starts cmd with its output at the end of a file. The caller ends it before
// the test ends; if the test binary dies first, so does the process.
func Run(tb testing.TB, output string, cmd *exec.Cmd) *Process {
	tb.Helper()
	p := &Process{Cmd: cmd, tb: tb, output: output, done: make(chan struct{})}
	out, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { // ends with the process
		_ = cmd.Wait() // ExitCode tells how
		close(p.done)
	}()
	return p
}

// Output returns what the process has written so far.
func (p *Process) Output() string {
	b, err := os.ReadFile(p.output)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.tb.Fatal(err)
	}
	return string(b)
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Await waits until cond is true of the process; what says what did not happen.
func (p *Process) Await(what string, cond func() bool) {
	p.tb.Helper()
	Eventually(p.tb, what, func() bool {
		if p.Ended() {
			p.tb.Fatalf("%s ended:\n%s", p.Cmd.Path, p.Output())
		}
		return cond()
	})
}

// AwaitReady waits until the gateway says that it serves.
func (p *Process) AwaitReady() {
	p.tb.Helper()
	p.Await("the gateway is not ready", func() bool { return strings.Contains(p.Output(), "ready") })
}

// AwaitListener waits until connections to an address are taken.
func (p *Process) AwaitListener(network, addr string) {
	p.tb.Helper()
	p.Await(p.Cmd.Path+" does not listen at "+addr, func() bool { return Accepts(network, addr) })
}

// Signal sends sig to the process, which must be there.
func (p *Process) Signal(sig syscall.Signal) {
	p.tb.Helper()
	if err := p.Cmd.Process.Signal(sig); err != nil {
		p.tb.Fatal(err)
	}
}

// ExitCode waits for the end of the process. One that does not end is an error
// of the test, and has to print its goroutines if it is one of Go's.
func (p *Process) ExitCode() int {
	p.tb.Helper()
	select {
	case <-p.done:
	case <-time.After(Patience):
		_ = p.Cmd.Process.Signal(syscall.SIGABRT) // it may have ended at last
		<-p.done
		p.tb.Errorf("%s did not end:\n%s", p.Cmd.Path, p.Output())
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Stop ends the process by sig, unless it has ended, and returns its exit code.
func (p *Process) Stop(sig syscall.Signal) int {
	p.tb.Helper()
	_ = p.Cmd.Process.Signal(sig) // it may have ended
	return p.ExitCode()
}

// CheckOutput looks in the output of a gateway for reports of races and panics.
func CheckOutput(tb testing.TB, out string) {
	tb.Helper()
	for _, bad := range []string{"DATA RACE", "panic", "goroutine "} {
		if i := strings.Index(out, bad); i >= 0 {
			tb.Errorf("the gateway's output has %q:\n%s", bad, out[i:min(len(out), i+4000)])
		}
	}
}

// Accepts reports whether a connection to an address is taken.
func Accepts(network, addr string) bool {
	nc, err := net.Dial(network, addr)
	if err != nil {
		return false
	}
	nc.Close()
	return true
}
