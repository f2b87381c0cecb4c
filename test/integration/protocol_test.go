package integration

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const okReply = "Content-Type: text/plain\r\n\r\nfine"

// stdout makes a STDOUT record of one's own choice of id, with padding.
func stdout(id uint16, content string, padding int) []byte {
	head := []byte{
		1, byte(fcgi.TypeStdout), byte(id >> 8), byte(id), byte(len(content) >> 8), byte(len(content)), byte(padding), 0,
	}
	return append(append(head, content...), make([]byte, padding)...)
}

func end(id uint16) []byte { return fcgi.AppendEnd(nil, id, fcgi.End{}) }

func TestRepliesAreUnderstoodHoweverTheirRecordsAreCut(t *testing.T) { // S24, S26
	large := strings.Repeat("x", 65535-len("Content-Type: text/plain\r\n\r\n"))
	tests := []struct {
		name, body string
		reply      func(id uint16) []byte
		step       int
	}{
		{"the largest record with the most padding", large, func(id uint16) []byte {
			return append(stdout(id, "Content-Type: text/plain\r\n\r\n"+large, 255), end(id)...)
		}, 1 << 20},
		{"byte by byte", "fine", func(id uint16) []byte { return append(stdout(id, okReply, 3), end(id)...) }, 1},
		{"one byte in a record, stderr between", "fine", func(id uint16) []byte {
			var b []byte
			for i := range len(okReply) {
				b = append(b, stdout(id, okReply[i:i+1], i%8)...)
				b = fcgi.AppendStream(b, fcgi.TypeStderr, id, []byte("e"))
			}
			return append(b, end(id)...)
		}, 1 << 20},
		{"with the empty record at its end", "fine", func(id uint16) []byte {
			return append(append(stdout(id, okReply, 0), stdout(id, "", 0)...), end(id)...)
		}, 1 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := scriptSite(t, fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Slowly(tt.step, tt.reply)})
			g.get("/").expect(t, 200, tt.body)
		})
	}
}

func TestBytesOfAnotherRequestReachNoClient(t *testing.T) { // S25
	foreign := func(id uint16) func(uint16) []byte {
		return func(own uint16) []byte {
			b := stdout(own, "Content-Type: text/plain\r\n\r\n", 0)
			b = append(b, stdout(own+id, "EVIL", 0)...)
			return append(append(b, stdout(own, "fine", 0)...), end(own)...)
		}
	}
	tests := []struct {
		name  string
		reply func(id uint16) []byte
	}{
		{"unknown id", foreign(7)},
		{"id 0", func(own uint16) []byte { return foreign(-own)(own) }},
		{"unknown type", func(own uint16) []byte {
			b := fcgi.AppendRecord(nil, 77, own, []byte("EVIL"))
			return append(append(b, stdout(own, okReply, 0)...), end(own)...)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := scriptSite(t, fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.SendFor(tt.reply)})
			if a := g.get("/"); strings.Contains(a.body, "EVIL") || a.StatusCode != 200 && a.StatusCode != 502 {
				t.Errorf("got %d %q", a.StatusCode, a.body)
			}
		})
	}
}

func TestManyRequestsShareAConnectionThatAllowsIt(t *testing.T) {
	const requests = 20
	h := newHeld(t)
	h.Mpxs = true
	g := startGateway(t, &site{root: docroot(t, "index.php", ""), server: h.addr, conns: 1, backend: `multiplex = "on"`})
	var open []*client
	for i := range requests {
		c := g.dial()
		c.send("GET /?n=" + itoa(i) + " HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		open = append(open, c)
	}
	for range requests {
		<-h.begun // all of them are under way at once
	}
	close(h.release)
	for _, c := range open {
		c.answer(http.MethodGet).expect(t, 200, "held")
	}
	if n := h.Accepted(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestWithoutKeepConnEveryRequestHasItsConnection(t *testing.T) {
	backend, addr := responder(t, okReply)
	g := startGateway(t, &site{
		root: docroot(t, "index.php", ""), server: addr, conns: 2, backend: "keep_conn = \"off\"\nmultiplex = \"off\"",
	})
	for range 5 {
		g.get("/").expect(t, 200, "fine")
	}
	if n := backend.Accepted(); n != 5 {
		t.Errorf("%d connections for 5 requests", n)
	}
	for _, r := range backend.Requests() {
		if r.KeepConn {
			t.Error("FCGI_KEEP_CONN was asked for")
		}
	}
}

func TestAnUnknownNumberOfWorkersQueuesNoRequest(t *testing.T) {
	h := newHeld(t)
	g := startGateway(t, &site{root: docroot(t, "index.php", ""), server: h.addr, backend: `multiplex = "off"`})
	var open []*client
	for range 10 {
		c := g.dial()
		c.send("GET / HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		open = append(open, c)
		<-h.begun
	}
	close(h.release)
	for _, c := range open {
		c.answer(http.MethodGet).expect(t, 200, "held")
	}
}

func TestAnOverloadedBackendIsA503(t *testing.T) {
	overloaded := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.End(0, fcgi.StatusOverloaded)}
	g := scriptSite(t, overloaded, overloaded, overloaded)
	if a := g.get("/"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
}

func TestLargeResponseHeadersPass(t *testing.T) {
	g := phpSite(t, 1, "index.php", `<?php header('X-Large: ' . str_repeat('x', 40000)); echo 'fine';`)
	a := g.get("/")
	a.expect(t, 200, "fine")
	if n := len(a.Header.Get("X-Large")); n != 40000 {
		t.Errorf("%d bytes of header, want 40000", n)
	}
}

func TestLogsCannotBeForged(t *testing.T) { // S29
	g := phpSite(t, 1, "index.php", `<?php error_log("one\n{\"status\":200}\x1b[31m red"); echo "fine";`)
	g.request("GET /forged?\"},{\"uri\":\"/fake HTTP/1.1\r\nHost: ex.test\r\nUser-Agent: \"\x1b[31m\r\n\r\n")
	g.get("/forged").expect(t, 200, "fine")
	lines := strings.Join(g.record("/forged").Stderr, "\n")
	if strings.Contains(lines, "\x1b") || !strings.Contains(lines, `{"status":200}`) {
		t.Errorf("stderr lines %q", lines)
	}
	for _, r := range g.parseRecords(readFile(t, g.access)) {
		if r.URI == "/fake" {
			t.Error("a client wrote a record of its own")
		}
	}
}

// crash dies as by an killed for lack of memory, behind a trace of having run.
const crash = `<?php file_put_contents(__DIR__ . '/ran', "x\n", FILE_APPEND); posix_kill(getmypid(), 9);`

func TestAScriptThatKillsItsWorkerIsA502AndAPOSTRunsOnce(t *testing.T) {
	g := phpSite(t, 1, "crash.php", crash, "index.php", `<?php echo "fine";`)
	for i := range 3 {
		c := g.dial()
		if i > 0 { // on a kept connection as well
			c.send("GET / HTTP/1.1\r\nHost: ex.test\r\n\r\n")
			c.answer(http.MethodGet).expect(t, 200, "fine")
		}
		c.send("POST /crash.php HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 1\r\n\r\nx")
		if a := c.answer(http.MethodPost); a.StatusCode != 502 {
			t.Errorf("status %d, want 502", a.StatusCode)
		}
		if ran := strings.Count(readFile(t, g.site.root+"/ran"), "x"); ran != i+1 {
			t.Fatalf("%d runs of %d POSTs", ran, i+1)
		}
	}
	g.get("/").expect(t, 200, "fine")
	g.awaitLog(`"status":502`, "killed for lack of memory")
}

func TestNoRequestFailsWhileTheConfigurationIsReloaded(t *testing.T) {
	g := phpSite(t, 2, "index.php", `<?php echo "ok";`)
	l := startLoad(g, 4, "/loaded", "ok")
	for i := range 10 {
		l.goOn(50)
		next := *g.site
		next.backend = fmt.Sprintf("queue = %d", 100+i/2) // every second time another backend
		g.write(next.toml())
		g.Signal(syscall.SIGHUP)
		harness.Eventually(t, "no reload", func() bool { return strings.Count(g.logged(), `"msg":"reloaded"`) > i })
	}
	l.goOn(50)
	l.finish()
	g.logFailures()
}
