package hostile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

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
	*harness.Process

	t       testing.TB
	dir     string
	addr    string
	backend application
}

// start runs the gateway, with http as its [http] table and site as more lines
// of its only site, until the test ends. It must then end in good order,
// without a race or a panic.
func start(t testing.TB, b application, http, site string) *gateway {
	t.Helper()
	g := &gateway{t: t, dir: harness.Dir(t), addr: harness.FreeAddr(t), backend: b}
	root := filepath.Join(g.dir, "root")
	g.must(os.Mkdir(root, 0o755))
	g.must(os.WriteFile(filepath.Join(root, "index.php"), nil, 0o644))
	g.must(os.WriteFile(g.path("gw.toml"), []byte(g.config(root, http, site)), 0o644))
	g.run()
	t.Cleanup(g.finish)
	g.AwaitReady()
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
	g.Process = harness.Run(g.t, g.path("output"), harness.Gateway("run", "--config", g.path("gw.toml")))
}

// finish ends the gateway and looks at how it ends.
func (g *gateway) finish() {
	code := g.Stop(syscall.SIGTERM)
	out := g.Output()
	if code != 0 {
		g.t.Errorf("exit status %d:\n%s", code, out[max(0, len(out)-4000):])
	}
	harness.CheckOutput(g.t, out)
}
