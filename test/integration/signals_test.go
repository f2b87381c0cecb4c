package integration

import (
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// heldSite is a gateway in front of a responder whose answers wait.
func heldSite(t *testing.T) (*held, *gateway) {
	t.Helper()
	h := newHeld(t)
	root := docroot(t, "index.php", "", "file.txt", "one")
	return h, startGateway(t, &site{root: root, server: h.addr, conns: 2, backend: `multiplex = "off"`})
}

// inFlight sends a request that the responder holds.
func (h *held) inFlight(g *gateway) *client {
	g.t.Helper()
	c := g.dial()
	c.send("GET /held HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	<-h.begun
	return c
}

func TestAReloadTakesEffectWhileARequestGoesOn(t *testing.T) {
	h, g := heldSite(t)
	g.get("/file.txt").expect(t, 200, "one")
	slow := h.inFlight(g)
	idle := g.dial() // a connection that stays
	idle.send("GET /file.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	idle.answer(http.MethodGet).expect(t, 200, "one")

	other := docroot(t, "index.php", "", "file.txt", "two")
	next := *g.site
	next.root = other
	g.write(next.toml())
	g.Signal(syscall.SIGHUP)
	g.awaitLog(`"msg":"reloaded"`)
	g.get("/file.txt").expect(t, 200, "two")
	idle.send("GET /file.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	idle.answer(http.MethodGet).expect(t, 200, "two")
	close(h.release)
	slow.answer(http.MethodGet).expect(t, 200, "held")
}

func TestAReloadWithAnotherBackendLeavesTheOldOneItsRequests(t *testing.T) {
	h, g := heldSite(t)
	slow := h.inFlight(g)
	_, addr := responder(t, "Content-Type: text/plain\r\n\r\nnew backend")
	next := *g.site
	next.server = addr
	g.write(next.toml())
	g.Signal(syscall.SIGHUP)
	g.awaitLog(`"msg":"reloaded"`)
	g.get("/").expect(t, 200, "new backend")
	close(h.release)
	slow.answer(http.MethodGet).expect(t, 200, "held")
	harness.Eventually(t, "connections to the old backend stay", func() bool { return h.Open() == 0 })
}

func TestAReloadOpensAndClosesListeners(t *testing.T) {
	_, g := heldSite(t)
	old, next := g.addr, *g.site
	next.listen = harness.FreeAddr(t)
	g.write(next.toml())
	g.Signal(syscall.SIGHUP)
	g.awaitLog(`"msg":"reloaded"`)
	g.addr = next.listen
	g.get("/file.txt").expect(t, 200, "one")
	g.addr = old
	harness.Eventually(t, "the old address is still served", func() bool { return !g.accepts() })
}

func TestABadReloadChangesNothingAndSaysWhere(t *testing.T) {
	_, g := heldSite(t)
	tests := []struct{ name, find, replace, what string }{
		{"unknown key", "max_body =", "max_boby =", "max_boby"},
		{"bad regex", `~ \.php(/|$)`, `~ \.php(/|$`, "missing closing )"},
		{"missing root", g.site.root, "/nonexistent", "root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(g.site.toml(), tt.find, tt.replace, 1)
			g.write(text)
			g.Signal(syscall.SIGHUP)
			line := g.awaitLog("reload refused", tt.what)
			if !positioned(line, g.config) {
				t.Errorf("no %s:line:column in %s", g.config, line)
			}
			g.get("/file.txt").expect(t, 200, "one")
		})
	}
}

// positioned reports whether text holds "file:line:column".
func positioned(text, file string) bool {
	_, rest, ok := strings.Cut(text, file+":")
	if !ok {
		return false
	}
	line, rest, ok := strings.Cut(rest, ":")
	column, _, ok2 := strings.Cut(rest, ":")
	return ok && ok2 && isNumber(line) && isNumber(column)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func TestSIGUSR1ReopensRenamedLogs(t *testing.T) {
	root := docroot(t, "file.txt", "one")
	s := &site{root: root, server: "127.0.0.1:1"}
	dir := harness.Dir(t)
	errorLog := dir + "/error.log"
	s.log = `output = "` + errorLog + `"`
	g := newGateway(t, s)
	g.errors = errorLog
	g.run()
	g.get("/file.txt?before").expect(t, 200, "one")
	g.record("/file.txt?before")
	for _, path := range []string{g.access, errorLog} {
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
	}
	g.Signal(syscall.SIGUSR1)
	harness.Eventually(t, "the logs are not reopened", func() bool {
		_, err := os.Stat(g.access)
		_, err2 := os.Stat(errorLog)
		return err == nil && err2 == nil
	})
	g.get("/file.txt?after").expect(t, 200, "one")
	g.record("/file.txt?after")
	if old := readFile(t, g.access+".1"); !strings.Contains(old, "?before") || strings.Contains(old, "?after") {
		t.Errorf("the renamed log: %q", old)
	}
	g.Signal(syscall.SIGHUP)
	g.awaitLog(`"msg":"reloaded"`)
}

func TestSIGTERMLetsRequestsEndAndAcceptsNoMore(t *testing.T) {
	h, g := heldSite(t)
	slow := h.inFlight(g)
	idle := g.dial()
	idle.send("GET /file.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	idle.answer(http.MethodGet).expect(t, 200, "one")
	g.Signal(syscall.SIGTERM)
	harness.Eventually(t, "connections are still accepted", func() bool { return !g.accepts() })
	if !idle.closed() {
		t.Error("an idle connection stays open")
	}
	if g.Ended() {
		t.Fatal("the gateway ended with a request in flight")
	}
	close(h.release)
	a := slow.answer(http.MethodGet)
	a.expect(t, 200, "held")
	if !a.Close {
		t.Error("the last answer does not say Connection: close")
	}
	if code := g.ExitCode(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	if r := g.record("/held"); r.Status != 200 {
		t.Errorf("record: %+v", r)
	}
}

func TestASecondSIGTERMLeavesAtOnce(t *testing.T) {
	h, g := heldSite(t)
	slow := h.inFlight(g)
	g.Signal(syscall.SIGTERM)
	g.awaitLog(`"msg":"draining"`)
	if g.Ended() {
		t.Fatal("the gateway ended with a request in flight")
	}
	g.Signal(syscall.SIGTERM)
	if code := g.ExitCode(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	if _, err := slow.br.ReadByte(); err != io.EOF && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the request in flight got %v", err)
	}
}

func TestTheDrainEndsAtItsTimeout(t *testing.T) {
	h := newHeld(t)
	g := startGateway(t, &site{
		root: docroot(t, "index.php", ""), server: h.addr, conns: 1, gateway: `drain_timeout = "300ms"`,
	})
	h.inFlight(g)
	g.Signal(syscall.SIGTERM)
	if code := g.ExitCode(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	g.awaitLog("drain deadline passed")
}
