package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// gateway is a running fcgigw.
type gateway struct {
	t      testing.TB
	addr   string
	site   *site
	dir    string
	config string // path of the configuration
	output string // path of stdout and stderr
	errors string // path of the error log, if it is not in output
	access string // path of the access log
	temp   string // temp_dir
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process has been waited for
	open   []string      // descriptors before the first request
}

// startGateway runs the gateway with the site's configuration until the test
// ends. It is then held to have left nothing behind: no descriptor, no
// temporary file, no report of a race or a panic, and exit status 0.
func startGateway(t testing.TB, s *site) *gateway {
	t.Helper()
	g := newGateway(t, s)
	g.run()
	return g
}

// newGateway writes the configuration and starts nothing.
func newGateway(t testing.TB, s *site) *gateway {
	t.Helper()
	dir := shortDir(t)
	g := &gateway{
		t: t, site: s, dir: dir, config: filepath.Join(dir, "gw.toml"),
		output: filepath.Join(dir, "output"), access: filepath.Join(dir, "access.log"),
		temp: filepath.Join(dir, "temp"),
	}
	if s.listen == "" {
		s.listen = freeAddr(t)
	}
	g.addr = s.listen
	if err := os.Mkdir(g.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	g.write(s.toml())
	return g
}

// write replaces the configuration by the harness' own tables and body.
func (g *gateway) write(body string) {
	g.t.Helper()
	head := fmt.Sprintf("[gateway]\ntemp_dir = %q\n%s\n[log]\nformat = \"json\"\naccess = %q\n%s\n",
		g.temp, g.site.gateway, g.access, g.site.log)
	if err := os.WriteFile(g.config, []byte(head+body), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

// start runs the binary with its output in a file.
func (g *gateway) start(args ...string) {
	g.t.Helper()
	out, err := os.OpenFile(g.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		g.t.Fatal(err)
	}
	defer out.Close()
	g.cmd = exec.Command(os.Getenv(binaryVar), args...)
	g.cmd.Stdout, g.cmd.Stderr = out, out
	g.cmd.Dir = g.dir
	g.cmd.Env = append(os.Environ(),
		"GORACE=atexit_sleep_ms=10", // the default is a second for each test
		// With this there is no ballast: what the pools of a race build lose on purpose
		// would pile up in the room that it makes, and the tests look at memory.
		"GOMEMLIMIT=400MiB",
	)
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.done = make(chan struct{})
	go func() { // ends with the process
		_ = g.cmd.Wait() // exitCode tells how
		close(g.done)
	}()
}

// run starts the gateway with its configuration and waits until it serves.
func (g *gateway) run() {
	g.t.Helper()
	g.start("run", "--config", g.config)
	g.t.Cleanup(g.finish)
	eventually(g.t, "the gateway is not ready", func() bool {
		if g.ended() {
			g.t.Fatalf("the gateway ended:\n%s", g.logged())
		}
		return strings.Contains(g.logged(), `"msg":"ready"`)
	})
	g.open = g.descriptors()
	if !g.accepts() {
		g.t.Fatal("the gateway is ready and does not accept")
	}
}

// accepts reports whether a connection to the gateway is taken.
func (g *gateway) accepts() bool {
	nc, err := net.Dial("tcp", g.addr)
	if err != nil {
		return false
	}
	nc.Close()
	return true
}

func (g *gateway) pid() int { return g.cmd.Process.Pid }

func (g *gateway) ended() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// signal sends sig to the gateway.
func (g *gateway) signal(sig syscall.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(sig); err != nil {
		g.t.Fatal(err)
	}
}

// exitCode waits for the end of the gateway.
func (g *gateway) exitCode() int {
	g.t.Helper()
	select {
	case <-g.done:
	case <-time.After(patience):
		_ = g.cmd.Process.Signal(syscall.SIGABRT) // makes it print its goroutines
		<-g.done
		g.t.Errorf("the gateway did not end:\n%s", g.logged())
	}
	return g.cmd.ProcessState.ExitCode()
}

// logged returns what the gateway has written to stdout, stderr and its error
// log.
func (g *gateway) logged() string {
	if g.errors == "" {
		return readFile(g.t, g.output)
	}
	return readFile(g.t, g.output) + readFile(g.t, g.errors)
}

// finish stops the gateway and looks at what it leaves behind.
func (g *gateway) finish() {
	clean := !g.ended() // else the test has stopped it in its own way
	if clean {
		g.checkLeaks()
		g.signal(syscall.SIGTERM)
	}
	if code := g.exitCode(); code != 0 {
		g.t.Errorf("exit status %d, want 0\n%s", code, tail(g.logged()))
	}
	g.checkOutput()
	if clean {
		g.checkGoroutines()
	}
	if g.t.Failed() {
		g.t.Logf("the gateway's log:\n%s", tail(g.logged()))
	}
}

func (g *gateway) checkOutput() {
	out := g.logged()
	for _, bad := range []string{"DATA RACE", "panic", "goroutine "} {
		if i := strings.Index(out, bad); i >= 0 {
			g.t.Errorf("the gateway's output has %q:\n%s", bad, out[i:min(len(out), i+4000)])
		}
	}
}

// tail is the end of a log, short enough to be read.
func tail(s string) string { return s[max(0, len(s)-4000):] }
