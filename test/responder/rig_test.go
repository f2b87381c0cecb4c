package responder_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/gateway"
	"github.com/fcgigw/fcgigw/pkg/observe"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// keys are settings of the backend, as TOML writes them.
type keys map[string]string

// defaults are the keys of every rig. Nothing may wait in the queue, so a slot
// that is lost, or counted twice, is a 503.
var defaults = keys{
	"max_conns": "2", "queue": "0", "idle_timeout": `"1m"`, "check_files": "false",
	"read_timeout": `"20s"`, "retry_timeout": `"100ms"`,
}

// rig is a gateway in front of responders.
type rig struct {
	t       testing.TB
	dir     string // logs
	temp    string // temporary files of bodies
	network string // of the gateway's listener
	addr    string
	apps    []*responder
	logs    *observe.Logs
	stop    []func() // in reverse
}

// start serves apps through a gateway that listens on network.
func start(t testing.TB, network string, k keys, apps ...*responder) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), temp: t.TempDir(), network: network, apps: apps}
	logs, err := observe.Open(observe.Config{Level: "debug", Output: r.dir + "/error.log", Access: r.dir + "/access.log"})
	r.must(err)
	r.logs = logs
	r.defers(func() { _ = logs.Close() })
	sweeper := sock.NewSweeper(2 * time.Millisecond)
	r.defers(sweeper.Close)
	g := gateway.New(gateway.Options{Software: "test", Logs: logs, Sweeper: sweeper})
	cfg, err := config.Parse("test.toml", []byte(r.config(k)), nil)
	r.must(err)
	r.must(g.Load(context.Background(), cfg))
	r.defers(func() { r.within(g.Close) })
	s, err := server.New(server.Config{
		KeepaliveTimeout: 2 * patience, HeaderTimeout: patience, BodyTimeout: patience, SendTimeout: patience,
	}, g, sweeper, server.Events{Refused: g.Refused, Panic: g.Panic})
	r.must(err)
	r.listen(s)
	r.defers(func() { r.within(s.Shutdown) })
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.close()
		r.t.Fatal(err)
	}
}

func (r *rig) defers(f func()) { r.stop = append(r.stop, f) }

func (r *rig) within(f func(context.Context) error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := f(ctx); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) listen(s *server.Server) {
	addr := "127.0.0.1:0"
	if r.network == "unix" {
		addr = filepath.Join(socketDir(r.t), "gw")
	}
	ln, err := net.Listen(r.network, addr)
	r.must(err)
	r.addr = ln.Addr().String()
	go s.Serve(ln, server.Listener{Name: ":80"}) // ends with Shutdown
}

// close ends everything the rig began.
func (r *rig) close() {
	for _, f := range slices.Backward(r.stop) {
		f()
	}
	r.stop = nil
	for _, app := range r.apps {
		app.close()
	}
}

// config is a site whose every path is a script.
func (r *rig) config(k keys) string {
	all := maps.Clone(defaults)
	maps.Copy(all, k)
	var b strings.Builder
	fmt.Fprintf(&b, "[gateway]\ntemp_dir = %q\n", r.temp)
	fmt.Fprintf(&b, "[[site]]\nlisten = [\":80\"]\nroot = %q\nscripts = [\"/**.php\"]\n", r.dir)
	fmt.Fprint(&b, "[[site.location]]\nmatch = \"/\"\nbackend = \"app\"\n[backend.app]\n")
	fmt.Fprint(&b, "servers = [")
	for _, app := range r.apps {
		fmt.Fprintf(&b, "%q, ", app.addr)
	}
	fmt.Fprint(&b, "]\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = %s\n", name, all[name])
	}
	return b.String()
}

// dial connects a client.
func (r *rig) dial() *client { return dial(r.t, r.network, r.addr) }

// get asks for a path on a connection of its own.
func (r *rig) get(path string) heard {
	c := r.dial()
	defer c.close()
	return c.get(path)
}

// good fails unless a request is served as it should be.
func (r *rig) good(when string) {
	r.t.Helper()
	if h := r.get("/good.php"); h.status != 200 || !h.complete || h.body != "good" {
		r.t.Errorf("a good request %s: %v", when, h)
	}
}

// socketDir returns a directory whose name is short enough for sockets.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "resp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// merge returns the keys of all, later ones first.
func merge(all ...keys) keys {
	k := keys{}
	for _, more := range all {
		maps.Copy(k, more)
	}
	return k
}
