package hostile

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// The limits of the gateway under test, small so that rows beyond them are.
const (
	limitRequestLine = 2048
	limitHeaderLine  = 4096
	limitHeaderBytes = 16384
	limitHeaders     = 50
	limitTrailers    = 1024
	limitBody        = 65536
	limitRequests    = 12 // on one connection
)

// limits is the [http] table of the gateway under test.
var limits = fmt.Sprintf(`
max_request_line   = %d
max_header_line    = %d
max_header_bytes   = %d
max_headers        = %d
max_trailer_bytes  = %d
keepalive_requests = %d
underscore_headers = ["x_allowed", "x.allowed"]
`, limitRequestLine, limitHeaderLine, limitHeaderBytes, limitHeaders, limitTrailers, limitRequests)

// application is what stands behind the gateway and remembers what reached it.
type application interface {
	tables(t testing.TB) string // starts it; {site} in them is for more lines of the site
	Requests() []*fcgitest.Request
}

// gateway is a running fcgigw in front of a backend that reports.
type gateway struct {
	t       testing.TB
	dir     string
	addr    string
	backend application
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has been waited for
}

// start runs the gateway, with http as its [http] table and site as more lines
// of its only site, until the test ends. It must then end in good order,
// without a race or a panic.
func start(t testing.TB, b application, http, site string) *gateway {
	t.Helper()
	g := &gateway{t: t, dir: shortDir(t), addr: freeAddr(t), backend: b}
	root := filepath.Join(g.dir, "root")
	g.must(os.Mkdir(root, 0o755))
	g.must(os.WriteFile(filepath.Join(root, "index.php"), nil, 0o644))
	g.must(os.WriteFile(g.path("gw.toml"), []byte(g.config(root, http, site)), 0o644))
	g.run()
	t.Cleanup(g.finish)
	g.untilReady()
	return g
}

func (g *gateway) path(name string) string { return filepath.Join(g.dir, name) }

func (g *gateway) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// config is a site whose every path goes to one script.
func (g *gateway) config(root, http, site string) string {
	tables := strings.Replace(g.backend.tables(g.t), "{site}", site, 1)
	return strings.NewReplacer(
		"{dir}", g.dir, "{root}", root, "{http}", http, "{addr}", g.addr, "{tables}", tables,
	).Replace(`
[gateway]
temp_dir = "{dir}"
[log]
access = "{dir}/access.log"
[http]
{http}
[[site]]
listen   = ["{addr}"]
root     = "{root}"
scripts  = ["/index.php"]
max_body = "64KiB"
{tables}
`)
}

func (g *gateway) run() {
	g.t.Helper()
	out, err := os.Create(g.path("output"))
	g.must(err)
	defer out.Close()
	g.cmd = exec.Command(os.Getenv(binaryVar), "run", "--config", g.path("gw.toml"))
	g.cmd.Stdout, g.cmd.Stderr = out, out
	g.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=10")
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	g.must(g.cmd.Start())
	g.done = make(chan struct{})
	go func() { // ends with the process
		_ = g.cmd.Wait() // finish looks at how
		close(g.done)
	}()
}

func (g *gateway) untilReady() {
	g.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if strings.Contains(g.logged(), `"msg":"ready"`) || strings.Contains(g.logged(), "ready") {
			return
		}
		select {
		case <-g.done:
			g.t.Fatalf("the gateway ended:\n%s", g.logged())
		default:
		}
	}
	g.t.Fatalf("the gateway is not ready:\n%s", g.logged())
}

func (g *gateway) logged() string {
	b, err := os.ReadFile(g.path("output"))
	g.must(err)
	return string(b)
}

// finish ends the gateway and looks at how it ends.
func (g *gateway) finish() {
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-g.done:
	case <-time.After(patience):
		_ = g.cmd.Process.Signal(syscall.SIGABRT) // makes it print its goroutines
		<-g.done
		g.t.Error("the gateway did not end")
	}
	out := g.logged()
	bad := g.cmd.ProcessState.ExitCode() != 0
	for _, text := range []string{"DATA RACE", "panic", "goroutine "} {
		bad = bad || strings.Contains(out, text)
	}
	if bad {
		g.t.Errorf("exit status %d:\n%s", g.cmd.ProcessState.ExitCode(), out[max(0, len(out)-4000):])
	}
}

// shortDir is t.TempDir with a path short enough for sockets.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hostile-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// freeAddr returns a loopback address that nothing listened on just now.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
