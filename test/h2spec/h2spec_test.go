// Package h2spec holds the gateway's binary, with a FastCGI application behind
// it, against every case of the HTTP/2 conformance suite h2spec.
package h2spec

import (
	"context"
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// cases is how many h2spec has; -S adds to them.
const cases = 145

// limit is how long anything here may take before it counts as hung.
const limit = time.Minute

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

func TestTheGatewayPassesEveryCase(t *testing.T) {
	tool := harness.Tool(t, "h2spec")
	plain, secure := harness.FreeAddr(t), harness.FreeAddr(t)
	startGateway(t, plain, secure)
	t.Run("clear", func(t *testing.T) { check(t, tool, plain, badPreface) })
	t.Run("tls", func(t *testing.T) { check(t, tool, secure, "", "-t", "-k") })
}

// badPreface is the case that a port which speaks HTTP/1.1 as well cannot pass:
// what is not HTTP/2's preface is a bad request of HTTP/1.1 there, and is told
// so in text before the connection is closed.
const badPreface = "Sends invalid connection preface"

// report is h2spec's, in JUnit's form.
type report struct {
	Suites []struct {
		Cases []result `xml:"testcase"`
	} `xml:"testsuite"`
}

type result struct {
	Package string `xml:"package,attr"`
	Name    string `xml:"classname,attr"`
	Failure *text  `xml:"failure"`
	Error   *text  `xml:"error"`
	Skipped *text  `xml:"skipped"`
}

type text struct {
	Text string `xml:",innerxml"`
}

// check runs h2spec, in its strict mode, against an address. Only the
// case called except may fail.
func check(t *testing.T, tool, addr, except string, more ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.xml")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := append([]string{"-h", host, "-p", port, "-o", "5", "-P", "/index.php", "-S", "-j", file}, more...)
	out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
	raw, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatalf("no report: %v, %v\n%s", readErr, err, out)
	}
	var r report
	if err := xml.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, s := range r.Suites {
		for _, c := range s.Cases {
			total++
			if (c.Failure != nil || c.Error != nil || c.Skipped != nil) && c.Name != except {
				t.Errorf("%s: %s", c.Package, c.Name)
			}
		}
	}
	if total < cases {
		t.Errorf("%d cases ran", total)
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// startGateway runs the gateway until the test ends.
func startGateway(t *testing.T, plain, secure string) {
	t.Helper()
	dir := t.TempDir()
	app := &fcgitest.Server{Forget: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\nhello, world\n") // or the gateway has gone
	}}
	writeFile(t, filepath.Join(dir, "root", "index.php"), "<?php")
	cert, key := certstest.NewAuthority(t, "h2spec's").Server("localhost", "127.0.0.1").Write(t, dir, "server")
	config := filepath.Join(dir, "gw.toml")
	writeFile(t, config, fmt.Sprintf(`
[log]
access = "off"
[http]
http3 = false
[[site]]
listen = [%q]
root = %q
  [site.tls]
  listen = [%q]
  redirect = false
  certificate = %q
  certificate_key = %q
  [[site.location]]
  match = "/"
  backend = "app"
[backend.app]
servers = [%q]
`, plain, filepath.Join(dir, "root"), secure, cert, key, "unix:"+app.Start(t)))
	g := harness.Run(t, filepath.Join(dir, "log"), harness.Gateway("run", "--config", config))
	t.Cleanup(func() { stop(t, g) })
	g.AwaitReady()
}

// stop drains the gateway, which must leave nothing behind.
func stop(t *testing.T, g *harness.Process) {
	code := g.Stop(syscall.SIGTERM)
	if out := g.Output(); code != 0 || strings.Contains(out, `"level":"error"`) || t.Failed() {
		t.Errorf("exit status %d\n%s", code, out)
	}
	harness.CheckOutput(t, g.Output())
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
