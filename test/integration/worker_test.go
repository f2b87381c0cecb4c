package integration

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestASlowUploadHoldsNoWorker(t *testing.T) {
	g := phpSite(t, 1, "index.php", echo)
	body := strings.Repeat("x", 1<<20)
	slow := g.dial()
	slow.send("POST /slow HTTP/1.1\r\nHost: ex.test\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body[:len(body)/2])
	for range 3 {
		g.get("/").expect(t, 200, "GET / 0 0 "+sha256Hex(nil))
	}
	slow.send(body[len(body)/2:])
	slow.answer(http.MethodPost).expect(t, 200, "POST /slow 1048576 1048576 "+sha256Hex([]byte(body)))
}

// endless writes until its client has gone, and then tells a file.
const endless = `<?php
register_shutdown_function(function () { file_put_contents(__DIR__ . '/ended', 'x'); });
for ($i = 0; $i < 2000; $i++) { echo "tick\n"; flush(); usleep(10000); }`

func TestAClientThatLeavesFreesItsWorkerAndIsLoggedAs499(t *testing.T) {
	g := phpSite(t, 1, "endless.php", endless, "index.php", `<?php echo "served";`)
	c := g.dial()
	c.send("GET /endless.php HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	resp := c.head(http.MethodGet)
	if _, err := io.ReadFull(resp.Body, make([]byte, 15)); err != nil {
		t.Fatal(err)
	}
	c.nc.Close()
	// The script would write for twenty seconds more.
	g.get("/").expect(t, 200, "served")
	if r := g.record("/endless.php"); r.Status != 499 || r.Error == "" {
		t.Errorf("status %d, error %q; want 499 and a reason", r.Status, r.Error)
	}
	harness.Eventually(t, "the script does not end", func() bool { return readFile(t, g.site.root+"/ended") == "x" })
}

func TestAClientThatLeavesTheQueueCostsNoWorker(t *testing.T) {
	h := newHeld(t)
	g := startGateway(t, &site{root: docroot(t, "index.php", ""), server: h.addr, conns: 1})
	first := g.dial()
	first.send("GET /first HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	<-h.begun
	second := g.dial()
	second.send("GET /second HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	second.nc.Close()
	if r := g.record("/second"); r.Status != 499 {
		t.Errorf("status %d, want 499", r.Status)
	}
	close(h.release)
	first.answer(http.MethodGet).expect(t, 200, "held")
	if n := len(h.Requests()); n != 1 {
		t.Errorf("the backend got %d requests, want 1", n)
	}
}

func TestAFullQueueIsAnsweredAtOnceWith503AndRetryAfter(t *testing.T) {
	h := newHeld(t)
	g := startGateway(t, &site{
		root: docroot(t, "index.php", ""), server: h.addr, conns: 1, backend: "queue = 1",
	})
	working, waiting := g.dial(), g.dial()
	working.send("GET /working HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	<-h.begun
	waiting.send("GET /waiting HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	// Whichever comes second to the queue of one is turned away, while the
	// worker is still held.
	third := g.dial()
	third.send("GET /third HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	refused, queued := firstOf(waiting, third)
	a := refused.answer(http.MethodGet)
	if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
	g.awaitLog(`"status":503`, "max_conns")
	close(h.release)
	working.answer(http.MethodGet).expect(t, 200, "held")
	queued().answer(http.MethodGet).expect(t, 200, "held")
}

// firstOf returns the client that gets an answer first, and a func that waits
// until the other has one as well.
func firstOf(a, b *client) (first *client, other func() *client) {
	got := make(chan *client, 2)
	for _, c := range []*client{a, b} {
		go func() { // ends when the client has an answer or the test ends
			_, _ = c.br.Peek(1) // the reader of the answer reports errors
			got <- c
		}()
	}
	return <-got, func() *client { return <-got }
}

func TestAQueueTimeoutIsAnswered503(t *testing.T) {
	h := newHeld(t)
	g := startGateway(t, &site{
		root: docroot(t, "index.php", ""), server: h.addr, conns: 1, backend: `queue_timeout = "200ms"`,
	})
	working := g.dial()
	working.send("GET /working HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	<-h.begun
	if a := g.get("/late"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
	close(h.release)
	working.answer(http.MethodGet).expect(t, 200, "held")
}

func TestAnEventStreamArrivesBeforeTheScriptEnds(t *testing.T) {
	g := phpSite(t, 2, "events.php", `<?php header('Content-Type: text/event-stream');
echo "data: first\n\n"; flush();
while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
echo "data: last\n\n";`)
	c := g.dial()
	c.send("GET /events.php HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	resp := c.head(http.MethodGet)
	first := make([]byte, len("data: first\n\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "data: first\n\n" {
		t.Fatalf("first event %q, %v", first, err)
	}
	writeFile(t, g.site.root, "go", "") // the script waits for it
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "data: last\n\n" {
		t.Errorf("rest %q, %v", rest, err)
	}
}
