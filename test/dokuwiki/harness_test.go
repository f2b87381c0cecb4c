package dokuwiki

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// eventually polls cond until it is true; what says what did not happen.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if cond() {
			return
		}
	}
	t.Fatalf("within %v: %s", patience, what)
}

// process is a child that is stopped, and waited for, when the test ends.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	output string        // path of stdout and stderr
	done   chan struct{} // closed when the process has been waited for
}

// startProcess runs cmd with its output in a file of dir until the test ends.
func startProcess(t testing.TB, dir string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, output: filepath.Join(dir, "output"), done: make(chan struct{})}
	out, err := os.Create(p.output)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process
		_ = cmd.Wait() // stop looks at the exit status
		close(p.done)
	}()
	return p
}

// awaitListener waits until network and addr take connections.
func (p *process) awaitListener(network, addr string) {
	p.t.Helper()
	eventually(p.t, p.cmd.Path+" does not listen at "+addr, func() bool {
		select {
		case <-p.done:
			p.t.Fatalf("%s ended:\n%s", p.cmd.Path, p.logged())
		default:
		}
		nc, err := net.Dial(network, addr)
		if err != nil {
			return false
		}
		nc.Close()
		return true
	})
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
}

// stop ends the process by sig and holds it to exit status 0.
func (p *process) stop(sig syscall.Signal) {
	p.t.Helper()
	p.signal(sig)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.signal(syscall.SIGKILL)
		<-p.done
		p.t.Errorf("%s did not end by %v", p.cmd.Path, sig)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("%s: exit status %d, want 0\n%s", p.cmd.Path, code, p.logged())
	}
}

// logged returns what the process has written to stdout and stderr.
func (p *process) logged() string { return readFile(p.t, p.output) }

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tempDir is t.TempDir with a path short enough for unix sockets in it.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wiki-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
