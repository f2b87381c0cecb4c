package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestAnUploadThatIsGivenUpCostsNoWorkerAndNoDisk(t *testing.T) {
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: docroot(t, "index.php", ""), server: addr, conns: 1, backend: `multiplex = "off"`})
	c := g.dial()
	c.send("POST /given-up HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 2000000\r\n\r\n" + strings.Repeat("x", 1<<20))
	c.nc.Close()
	if r := g.record("/given-up"); r.Status != 499 && r.Status != 400 {
		t.Errorf("status %d, want 499 or 400", r.Status)
	}
	if n := len(backend.Requests()); n != 0 {
		t.Errorf("the backend got %d requests", n)
	}
}

func TestALargeStaticFileIsServedToASlowReaderInFlatMemory(t *testing.T) {
	g := staticSite(t)
	f, err := os.Create(g.site.root + "/large.bin")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, sum), noise(large, 3)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g.checkFlat(func() {
		c := g.dial()
		c.send("GET /large.bin HTTP/1.1\r\nHost: ex.test\r\n\r\nGET /file.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		resp := c.head(http.MethodGet)
		g.get("/file.txt").expect(t, 200, "0123456789") // while the client reads nothing
		got := sha256.New()
		if n, err := io.Copy(got, resp.Body); n != large || err != nil || string(got.Sum(nil)) != string(sum.Sum(nil)) {
			t.Errorf("%d bytes, %v, sum %s", n, err, hex.EncodeToString(got.Sum(nil)))
		}
		c.answer(http.MethodGet).expect(t, 200, "0123456789")
	})
}

func TestAClientThatLeavesALargeDownloadFreesItAll(t *testing.T) {
	g := phpSite(t, 1, "big.php", big, "index.php", `<?php echo "served";`)
	c := g.dial()
	c.send("GET /big.php?n=50 HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	resp := c.head(http.MethodGet)
	if _, err := io.ReadFull(resp.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	c.nc.Close()
	g.get("/").expect(t, 200, "served")
	if r := g.record("/big.php?n=50"); r.Status != 499 || r.Bytes >= 50<<20 {
		t.Errorf("status %d, %d bytes; want 499 and less than all", r.Status, r.Bytes)
	}
}

func TestHEADOfALargeReplySendsNoneOfIt(t *testing.T) {
	g := phpSite(t, 1, "big.php", big)
	c := g.dial()
	c.send("HEAD /big.php?n=20 HTTP/1.1\r\nHost: ex.test\r\n\r\nGET /big.php?n=0 HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	c.answer(http.MethodHead).expect(t, 200, "")
	c.answer(http.MethodGet).expect(t, 200, "")
}

func TestABodyBehindAnotherIsNeverTakenForARequest(t *testing.T) {
	backend, addr := responder(t, "Content-Type: text/plain\r\n\r\nran")
	g := startGateway(t, &site{root: docroot(t, "index.php", ""), server: addr, conns: 1, backend: `multiplex = "off"`})
	hidden := "GET /smuggled HTTP/1.1\r\nHost: ex.test\r\n\r\n"
	post := "POST /outer HTTP/1.1\r\nHost: ex.test\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
	c := g.dial()
	c.send(post + chunk + post + chunk)
	for range 2 {
		c.answer(http.MethodPost).expect(t, 200, "ran")
	}
	c.send(post + chunk + "POST /outer HTTP/1.1\r\nHost: ex.test\r\nContent-Length: " + itoa(len(hidden)) + "\r\n\r\n")
	c.answer(http.MethodPost).expect(t, 200, "ran")
	c.send(hidden)
	c.answer(http.MethodPost).expect(t, 200, "ran")
	for _, r := range backend.Requests() {
		if r.Params["REQUEST_URI"] != "/outer" || string(r.Stdin) != hidden {
			t.Errorf("the backend got %s with %q", r.Params["REQUEST_URI"], r.Stdin)
		}
	}
}

func TestPipelinedBodiesOfEveryKindAreKeptApart(t *testing.T) {
	g := phpSite(t, 1, "index.php", echo, "file.txt", "static")
	var raw strings.Builder
	var want []string
	for i, size := range []int{0, 1, 100, 9000, 70_000, 300_000, 3} {
		body := strings.Repeat(itoa(i), size)
		fmt.Fprintf(&raw, "POST /l%d HTTP/1.1\r\nHost: ex.test\r\nContent-Length: %d\r\n\r\n%s", i, size, body)
		want = append(want, fmt.Sprintf("POST /l%d %d %d %s", i, size, size, sha256Hex([]byte(body))))
		fmt.Fprintf(&raw, "POST /c%d HTTP/1.1\r\nHost: ex.test\r\nTransfer-Encoding: chunked\r\n\r\n%s", i, chunks(body))
		want = append(want, fmt.Sprintf("POST /c%d %d %d %s", i, size, size, sha256Hex([]byte(body))))
		raw.WriteString("GET /file.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		want = append(want, "static")
	}
	c := g.dial()
	go func() { // ends when all is written or the connection closes
		_, _ = io.WriteString(c.nc, raw.String()) // the answers tell
	}()
	for _, w := range want {
		c.answer(http.MethodPost).expect(t, 200, w)
	}
}

// chunks encodes a body in chunks of odd sizes, with extensions and a trailer.
func chunks(body string) string {
	var b strings.Builder
	for n := 1; body != ""; n = n*3 + 1 {
		part := body[:min(n, len(body))]
		body = body[len(part):]
		fmt.Fprintf(&b, "%x;name=\"a value\"\r\n%s\r\n", len(part), part)
	}
	return b.String() + "0\r\nX-Trailer: dropped\r\n\r\n"
}

func TestWhatScriptsSayOfStatusAndLengthIsObeyed(t *testing.T) {
	g := phpSite(t, 1, "index.php", `<?php eval($_GET['do']);`)
	tests := []struct {
		do     string
		status int
		body   string
	}{
		{`http_response_code(404); echo "gone";`, 404, "gone"},
		{`header("Location: /else");`, 302, ""},
		{`http_response_code(204);`, 204, ""},
		{`http_response_code(304);`, 304, ""},
		{`header("Content-Length: 3"); echo "abc";`, 200, "abc"},
		{`header("Status: 418 Teapot"); echo "tea";`, 418, "tea"},
		{`http_response_code(599);`, 599, ""},
		{`echo "early"; fastcgi_finish_request(); usleep(50000);`, 200, "early"},
		{`exit("left");`, 200, "left"},
	}
	c := g.dial()
	for _, tt := range tests {
		c.send("GET /?do=" + escape(tt.do) + " HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		a := c.answer(http.MethodGet)
		if a.StatusCode != tt.status || a.body != tt.body {
			t.Errorf("%s: got %d %q, want %d %q", tt.do, a.StatusCode, a.body, tt.status, tt.body)
		}
	}
}

// escape writes all but letters and digits in hexadecimal.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func TestSlowAndIdleClientsAreTimedOut(t *testing.T) {
	s := &site{
		root: docroot(t, "index.php", "", "file.txt", "one"), server: "127.0.0.1:1",
		tables: "[http]\nheader_timeout = \"300ms\"\nkeepalive_timeout = \"300ms\"\nbody_timeout = \"300ms\"\n",
	}
	g := startGateway(t, s)
	head, body, idle := g.dial(), g.dial(), g.dial()
	head.send("GET / HTTP/1.1\r\nHost: ")
	body.send("POST /stalled HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 10\r\n\r\n123")
	idle.send("GET /file.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	idle.answer(http.MethodGet).expect(t, 200, "one")
	for _, c := range []*client{head, body} {
		if a := c.answer(http.MethodGet); a.StatusCode != 408 {
			t.Errorf("status %d, want 408", a.StatusCode)
		}
		if !c.closed() {
			t.Error("a stalled connection stays open")
		}
	}
	if !idle.closed() {
		t.Error("an idle connection stays open")
	}
}

func TestManyClientsOfFewWorkersAreAllServed(t *testing.T) {
	const clients = 200
	g := phpSite(t, 2, "index.php", `<?php echo $_GET['n'];`)
	open := make([]*client, clients)
	for i := range open {
		open[i] = g.dial()
		open[i].send("GET /?n=" + itoa(i) + " HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	}
	for i, c := range open {
		c.answer(http.MethodGet).expect(t, 200, itoa(i))
	}
	for i, c := range open { // the connections stay usable
		c.send("GET /?n=" + itoa(i) + "0 HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\n\r\n")
		c.answer(http.MethodGet).expect(t, 200, itoa(i)+"0")
	}
}

func TestTheGatewayListensOnAUnixSocket(t *testing.T) {
	path := harness.Dir(t) + "/http.sock"
	s := &site{root: docroot(t, "index.html", "home", "file.txt", "one"), server: "127.0.0.1:1"}
	s.listen = harness.FreeAddr(t)
	g := newGateway(t, s)
	g.write(strings.Replace(s.toml(), `listen  = ["`, `listen  = ["unix:`+path+`", "`, 1))
	g.run()
	g.get("/file.txt").expect(t, 200, "one")
	health := newGateway(t, &site{root: s.root, server: "127.0.0.1:1"})
	health.start("health", "unix:"+path)
	if code := health.ExitCode(); code != 0 {
		t.Errorf("health of the unix socket: exit status %d\n%s", code, health.logged())
	}
}
