package integration

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// mischief is what one client does on a connection of its own; an error is an
// answer that was wrong.
type mischief func(c net.Conn, rnd *rand.Rand) error

// exchangeOn sends a request and compares its answer.
func exchangeOn(c net.Conn, method, raw, want string) error {
	if _, err := io.WriteString(c, raw); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return err
	}
	return compare(resp, want)
}

func wellBehavedGET(c net.Conn, _ *rand.Rand) error {
	return exchangeOn(c, "GET", "GET /x HTTP/1.1\r\nHost: ex.test\r\n\r\n", "GET /x 0 0 "+sha256Hex(nil))
}

func wellBehavedPOST(c net.Conn, rnd *rand.Rand) error {
	body := strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(300_000))
	raw := fmt.Sprintf("POST /p HTTP/1.1\r\nHost: ex.test\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	want := fmt.Sprintf("POST /p %d %d %s", len(body), len(body), sha256Hex([]byte(body)))
	if rnd.IntN(2) == 0 {
		raw = "POST /p HTTP/1.1\r\nHost: ex.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(body)
	}
	return exchangeOn(c, "POST", raw, want)
}

// The rest leave early, somewhere. What they get is nobody's business.

func leavingReader(c net.Conn, rnd *rand.Rand) error {
	_, _ = io.WriteString(c, "GET /big.php?n=4 HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	_, _ = io.CopyN(io.Discard, c, rnd.Int64N(3<<20))
	return nil
}

func leavingWriter(c net.Conn, rnd *rand.Rand) error {
	raw := "POST /p HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200_000)
	_, _ = io.WriteString(c, raw[:rnd.IntN(len(raw))])
	return nil
}

func leavingPipeliner(c net.Conn, rnd *rand.Rand) error {
	const first = "GET /x HTTP/1.1\r\nHost: ex.test\r\n\r\n"
	raw := strings.Repeat(first+"POST /p HTTP/1.1\r\nHost: ex.test\r\n"+
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 5)
	raw = raw[:len(first)+rnd.IntN(len(raw)-len(first))]
	_, _ = io.WriteString(c, raw)
	_, _ = io.CopyN(io.Discard, c, rnd.Int64N(100)) // less than one answer
	return nil
}

func TestClientsThatLeaveAnywhereDisturbNobodyElse(t *testing.T) {
	const clients, rounds = 12, 40
	g := phpSite(t, 3, "index.php", echo, "big.php", big)
	kinds := []mischief{wellBehavedGET, wellBehavedPOST, leavingReader, leavingWriter, leavingPipeliner}
	var wg sync.WaitGroup
	errs := make(chan error, clients*rounds)
	for n := range clients {
		wg.Go(func() { // ends behind its rounds
			rnd := rand.New(rand.NewPCG(uint64(n), 1))
			for range rounds {
				errs <- misbehave(g, kinds[rnd.IntN(len(kinds))], rnd)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}

func misbehave(g *gateway, m mischief, rnd *rand.Rand) error {
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		return err
	}
	return m(c, rnd)
}

// slowDownload asks for n MiB and reads the head only.
func slowDownload(g *gateway, n int) *http.Response {
	c := g.dial()
	c.send("GET /big.php?n=" + itoa(n) + " HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	return c.head(http.MethodGet)
}

func TestASlowDownloadOutlivesAReload(t *testing.T) {
	g := phpSite(t, 1, "big.php", big)
	resp := slowDownload(g, 30)
	next := *g.site
	next.backend = "queue = 7" // another backend, in another generation
	g.write(next.toml())
	g.Signal(syscall.SIGHUP)
	g.awaitLog(`"msg":"reloaded"`)
	checkSum(t, resp.Body, 30)
}

func TestASlowDownloadOutlivesSIGTERM(t *testing.T) {
	g := phpSite(t, 1, "big.php", big)
	resp := slowDownload(g, 30)
	g.Signal(syscall.SIGTERM)
	harness.Eventually(t, "connections are still accepted", func() bool { return !g.accepts() })
	checkSum(t, resp.Body, 30)
	if code := g.ExitCode(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
}

func TestAStoppedPHPIsWaitedForWithinItsTime(t *testing.T) {
	f := startFPM(t, fpmConf{children: 1})
	g := startGateway(t, &site{
		root: docroot(t, "index.php", `<?php echo "back";`), server: f.server(), conns: 1,
	})
	g.get("/").expect(t, 200, "back")
	f.stop()
	var waiting []*client
	for range 5 {
		c := g.dial()
		c.send("POST / HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 1\r\n\r\nx")
		waiting = append(waiting, c)
	}
	g.awaitLog("server refuses connections")
	f.start()
	for _, c := range waiting {
		c.answer(http.MethodPost).expect(t, 200, "back")
	}
}
