package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const settings = `
[gateway]
drain_timeout = "300ms"
pid_file = "{dir}/pid"
[log]
access = "{dir}/access.log"
[[site]]
listen = ["unix:{dir}/http"]
  [[site.location]]
  match = "/"
  return = "200 one"
  [[site.location]]
  match = "/slow"
  backend = "app"
[backend.app]
servers = ["unix:{app}"]
remote_root = "/app"
check_files = false
`

// gatewayWithApp is the command with a backend whose one script answers when
// goOn closes.
type gatewayWithApp struct {
	*process
	dir, config, text string
	entered           chan struct{}
	goOn              chan struct{}
}

func startGateway(t *testing.T) *gatewayWithApp {
	t.Helper()
	g := &gatewayWithApp{dir: t.TempDir(), entered: make(chan struct{}, 8), goOn: make(chan struct{})}
	app := fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		g.entered <- struct{}{}
		select {
		case <-g.goOn:
		case <-r.Aborted:
		}
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\nslow")
	}}
	g.text = strings.NewReplacer("{dir}", g.dir, "{app}", app.Start(t)).Replace(settings)
	g.text = strings.Replace(g.text, `match = "/slow"`, "match = \"/slow\"\n  scripts = [\"/slow\"]", 1)
	g.config = write(t, filepath.Join(g.dir, "fcgigw.toml"), g.text)
	g.process = launch(t, nil, "run", "-c", g.config)
	g.waitLog(`"ready"`)
	return g
}

func (g *gatewayWithApp) want(body string) {
	g.tb.Helper()
	if r := mustAsk(g.tb, "unix", g.dir+"/http", "x", "/"); r.body != body {
		g.tb.Errorf("got %q, want %q", r.body, body)
	}
}

// slow sends a request that the backend holds and returns its connection.
func (g *gatewayWithApp) slow() net.Conn {
	g.tb.Helper()
	nc, err := net.Dial("unix", g.dir+"/http")
	if err != nil {
		g.tb.Fatal(err)
	}
	g.tb.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patient))
	fmt.Fprint(nc, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-g.entered
	return nc
}

func TestHUPTakesTheNewConfiguration(t *testing.T) {
	g := startGateway(t)
	g.want("one")
	write(t, g.config, strings.Replace(g.text, "200 one", "200 two", 1))
	g.signal(syscall.SIGHUP)
	g.waitLog(`"reloaded"`)
	g.want("two")
}

func TestHUPWithAMistakeKeepsTheRunningConfiguration(t *testing.T) {
	g := startGateway(t)
	for _, text := range []string{
		"[[site]\n",
		strings.Replace(g.text, "match = \"/\"", "mach = \"/\"", 1),
		strings.Replace(g.text, "match = \"/\"\n  return = \"200 one\"", "match = \"/\"\n  root = \"/does/not/exist\"", 1),
		strings.Replace(g.text, "unix:"+g.dir+"/http", "unix:/does/not/exist/http", 1),
	} {
		write(t, g.config, text)
		before := strings.Count(g.stderr.String(), "reload refused")
		g.signal(syscall.SIGHUP)
		harness.Eventually(t, "the reload is refused", func() bool {
			return strings.Count(g.stderr.String(), "reload refused") > before
		})
		g.want("one")
	}
}

func TestHUPFollowsTheListenAddresses(t *testing.T) {
	g := startGateway(t)
	write(t, g.config, strings.Replace(g.text, "/http\"", "/other\"", 1))
	g.signal(syscall.SIGHUP)
	g.waitLog(`"reloaded"`)
	if r := mustAsk(t, "unix", g.dir+"/other", "x", "/"); r.body != "one" {
		t.Errorf("got %q", r.body)
	}
	if _, err := ask("unix", g.dir+"/http", "x", "/"); err == nil {
		t.Error("the old address is served")
	}
}

func TestUSR1ReopensTheAccessLog(t *testing.T) {
	g := startGateway(t)
	path, old := filepath.Join(g.dir, "access.log"), filepath.Join(g.dir, "access.log.1")
	oneRecord := func(name string) {
		t.Helper()
		harness.Eventually(t, name+" has one record", func() bool {
			b, _ := os.ReadFile(name)
			return strings.Count(string(b), "\n") == 1
		})
	}
	g.want("one")
	oneRecord(path) // it is made behind the answer
	if err := os.Rename(path, old); err != nil {
		t.Fatal(err)
	}
	g.signal(syscall.SIGUSR1)
	harness.Eventually(t, "the file is there again", func() bool { _, err := os.Stat(path); return err == nil })
	g.want("one")
	oneRecord(path)
	oneRecord(old)
}

func TestQUITLetsRequestsEndHoweverLongTheyTake(t *testing.T) {
	g := startGateway(t)
	nc := g.slow()
	g.signal(syscall.SIGQUIT)
	g.waitLog(`"draining"`)
	select {
	case <-g.done:
		t.Fatal("it left before the request had ended")
	case <-time.After(500 * time.Millisecond): // beyond drain_timeout
	}
	close(g.goOn)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	if code := g.waitEnd(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTERMCutsRequestsBehindTheDrainTimeout(t *testing.T) {
	g := startGateway(t)
	if b, err := os.ReadFile(g.dir + "/pid"); err != nil || strings.TrimSpace(string(b)) != strconv.Itoa(g.Process.Pid) {
		t.Errorf("pid file: %q, %v", b, err)
	}
	g.slow()
	g.signal(syscall.SIGTERM)
	if code := g.waitEnd(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(g.stderr.String(), "drain deadline passed") {
		t.Error("the log says nothing of the cut")
	}
	if _, err := os.Stat(g.dir + "/pid"); err == nil {
		t.Error("the pid file is left")
	}
}

func TestASecondTERMEndsTheDrain(t *testing.T) {
	g := startGateway(t)
	g.slow()
	g.signal(syscall.SIGQUIT) // waits for ever
	g.waitLog(`"draining"`)
	g.signal(syscall.SIGTERM)
	if code := g.waitEnd(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := g.stderr.String(); !strings.Contains(log, "told to leave at once; requests in flight were cut") || strings.Contains(log, "deadline") {
		t.Error("the log does not say who cut the requests")
	}
}

func TestACutIsNotReportedWhenNothingWasInFlight(t *testing.T) {
	g := startGateway(t)
	g.want("one")
	g.signal(syscall.SIGTERM)
	g.signal(syscall.SIGTERM)
	if code := g.waitEnd(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := g.stderr.String(); strings.Contains(log, "were cut") {
		t.Errorf("the log tells of a cut")
	}
}

func TestAStartAsRootIsRemarkedUpon(t *testing.T) {
	g := startGateway(t)
	if got, want := strings.Contains(g.stderr.String(), "the gateway itself keeps root's rights"), os.Geteuid() == 0; got != want {
		t.Errorf("warned: %v, want %v", got, want)
	}
}

func TestAStartThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	text := "[gateway]\npid_file = \"" + dir + "/pid\"\n[[site]]\nlisten = [\"unix:" + dir + "/http\"]\nroot = \"" + dir + "/none\"\n"
	p := launch(t, nil, "run", "-c", write(t, filepath.Join(dir, "c.toml"), text))
	if code := p.waitEnd(); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(p.stderr.String(), "no such directory") {
		t.Errorf("stderr: %s", p.stderr.String())
	}
	for _, name := range []string{"pid", "http"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}

func TestHealthAsksARunningGateway(t *testing.T) {
	g := startGateway(t)
	if code, _, errOut := command("health", "unix:"+g.dir+"/http"); code != 0 {
		t.Errorf("code %d: %s", code, errOut)
	}
	write(t, g.config, strings.Replace(g.text, "200 one", "503", 1))
	g.signal(syscall.SIGHUP)
	g.waitLog(`"reloaded"`)
	if code, _, errOut := command("health", "unix:"+g.dir+"/http"); code != 1 || !strings.Contains(errOut, "503") {
		t.Errorf("code %d: %s", code, errOut)
	}
}
