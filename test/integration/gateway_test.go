package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func itoa(n int) string { return strconv.Itoa(n) }

// gateway is a running fcgigw.
type gateway struct {
	*harness.Process // nil until start

	t      testing.TB
	addr   string
	site   *site
	dir    string
	config string   // path of the configuration
	output string   // path of stdout and stderr
	errors string   // path of the error log, if it is not in output
	access string   // path of the access log
	temp   string   // temp_dir
	open   []string // descriptors before the first request
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
	dir := harness.Dir(t)
	g := &gateway{
		t: t, site: s, dir: dir, config: filepath.Join(dir, "gw.toml"),
		output: filepath.Join(dir, "output"), access: filepath.Join(dir, "access.log"),
		temp: filepath.Join(dir, "temp"),
	}
	if s.listen == "" {
		s.listen = harness.FreeAddr(t)
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
	cmd := harness.Gateway(args...)
	// With this there is no ballast: what the pools of a race build lose on purpose
	// would pile up in the room that it makes, and the tests look at memory.
	cmd.Env = append(cmd.Env, "GOMEMLIMIT=400MiB")
	cmd.Dir = g.dir
	g.Process = harness.Run(g.t, g.output, cmd)
}

// run starts the gateway with its configuration and waits until it serves.
func (g *gateway) run() {
	g.t.Helper()
	g.start("run", "--config", g.config)
	g.t.Cleanup(g.finish)
	g.Await("the gateway is not ready", func() bool { return strings.Contains(g.logged(), `"msg":"ready"`) })
	g.open = g.descriptors()
	if !g.accepts() {
		g.t.Fatal("the gateway is ready and does not accept")
	}
}

// accepts reports whether a connection to the gateway is taken.
func (g *gateway) accepts() bool { return harness.Accepts("tcp", g.addr) }

func (g *gateway) pid() int { return g.Cmd.Process.Pid }

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
	clean := !g.Ended() // else the test has stopped it in its own way
	if clean {
		g.checkLeaks()
		g.Signal(syscall.SIGTERM)
	}
	if code := g.ExitCode(); code != 0 {
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

func (g *gateway) checkOutput() { harness.CheckOutput(g.t, g.logged()) }

// tail is the end of a log, short enough to be read.
func tail(s string) string { return s[max(0, len(s)-4000):] }
