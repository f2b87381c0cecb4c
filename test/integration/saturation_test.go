package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// asleep tells a file that it runs, and runs until there is a file named "go".
const asleep = `<?php file_put_contents(__DIR__ . '/asleep', "x\n", FILE_APPEND);
while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }
echo 'awake';`

// ordered tells a file which request it is.
const ordered = `<?php file_put_contents(__DIR__ . '/order', $_GET['n'] . "\n", FILE_APPEND);
echo 'served ', $_GET['n'];`

// saturated is a site whose workers all sleep until wake.
type saturated struct {
	*gateway
	sleepers []*client
}

func saturate(t *testing.T, workers, queue int) *saturated {
	t.Helper()
	f := startFPM(t, fpmConf{children: workers})
	s := &saturated{gateway: startGateway(t, &site{
		root: docroot(t, "asleep.php", asleep, "ordered.php", ordered), server: f.server(), conns: workers,
		backend: fmt.Sprintf("queue = %d\nqueue_timeout = %q", queue, 2*harness.Patience),
	})}
	for range workers {
		c := s.dial()
		c.send("GET /asleep.php HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		s.sleepers = append(s.sleepers, c)
	}
	harness.Eventually(t, "not every worker sleeps", func() bool { return len(s.noted("asleep")) == workers })
	return s
}

// noted returns the lines that scripts have written to a file.
func (s *saturated) noted(name string) []string {
	return strings.Fields(readFile(s.t, s.site.root+"/"+name))
}

// wake lets the workers go on and reads the answers of those who held them.
func (s *saturated) wake() {
	s.t.Helper()
	writeFile(s.t, s.site.root, "go", "")
	for _, c := range s.sleepers {
		c.answer(http.MethodGet).expect(s.t, 200, "awake")
	}
}

// outcome is what a client that asked got.
type outcome struct {
	n, status int
	body      string
	retry     string // Retry-After
	err       error
}

// ask requests ordered.php as number n and reads the answer, on a connection of
// its own.
func ask(nc net.Conn, n int) outcome {
	if _, err := fmt.Fprintf(nc, "GET /ordered.php?n=%d HTTP/1.1\r\nHost: ex.test\r\n\r\n", n); err != nil {
		return outcome{n: n, err: err}
	}
	return outcomeOn(nc, n)
}

func outcomeOn(nc net.Conn, n int) outcome {
	resp, err := http.ReadResponse(bufio.NewReader(nc), &http.Request{Method: http.MethodGet})
	if err != nil {
		return outcome{n: n, err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return outcome{n: n, status: resp.StatusCode, body: string(b), retry: resp.Header.Get("Retry-After"), err: err}
}

func TestASaturatedGatewayQueuesWhatTheQueueHoldsAndRefusesTheRest(t *testing.T) {
	const workers, queue, clients = 4, 200, 500
	s := saturate(t, workers, queue)
	var conns []net.Conn
	for range clients {
		conns = append(conns, s.dial().nc)
	}
	answers := make(chan outcome, clients)
	for n, nc := range conns {
		go func() { answers <- ask(nc, n) }() // ends with the answer, or the connection's deadline
	}
	for range clients - queue {
		if a := <-answers; a.err != nil || a.status != 503 || a.retry == "" {
			t.Fatalf("while all workers sleep: %+v", a)
		}
	}
	s.wake()
	for range queue {
		if a := <-answers; a.err != nil || a.status != 200 || a.body != "served "+itoa(a.n) {
			t.Errorf("when the workers are awake: %+v", a)
		}
	}
	if ran := s.noted("order"); len(ran) != queue || len(slices.Compact(slices.Sorted(slices.Values(ran)))) != queue {
		t.Errorf("%d scripts ran, want each of %d once", len(ran), queue)
	}
	s.get("/ordered.php?n=-1").expect(t, 200, "served -1")
}

// unread counts the gateway's connections on which something has come that it
// has not read.
func (g *gateway) unread() (n int) {
	g.t.Helper()
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		g.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(g.addr)
	number, err := strconv.Atoi(port)
	if err != nil {
		g.t.Fatal(err)
	}
	local := fmt.Sprintf(":%04X", number)
	for line := range strings.Lines(string(b)) {
		const address, state, queues, established = 1, 3, 4, "01" // proc(5)
		f := strings.Fields(line)
		if strings.HasSuffix(f[address], local) && f[state] == established && !strings.HasSuffix(f[queues], ":00000000") {
			n++
		}
	}
	return n
}

func TestWaitingRequestsAreServedInTheOrderTheyCame(t *testing.T) {
	const waves, each = 5, 40
	s := saturate(t, 1, waves*each)
	var conns []net.Conn
	for n := range waves * each {
		c := s.dial()
		c.send(fmt.Sprintf("GET /ordered.php?n=%d HTTP/1.1\r\nHost: ex.test\r\n\r\n", n))
		conns = append(conns, c.nc)
		if n%each == each-1 { // the next wave comes when this one has been read
			harness.Eventually(t, "the gateway does not read", func() bool { return s.unread() == 0 })
		}
	}
	s.wake()
	for n, nc := range conns {
		if a := outcomeOn(nc, n); a.err != nil || a.status != 200 || a.body != "served "+itoa(n) {
			t.Errorf("%+v", a)
		}
	}
	// A request that has been read is on its way to the queue, and a processor
	// may be taken from it there. That happens to one or another, not to many.
	ran := s.noted("order")
	if late := overtaken(t, ran, each); len(ran) != waves*each || late > waves*each/10 {
		t.Errorf("%d ran, %d of them behind one of a later wave: %v", len(ran), late, ran)
	}
}

// overtaken counts the numbers that stand behind one of a later wave.
func overtaken(t *testing.T, ran []string, each int) (n int) {
	t.Helper()
	latest := 0
	for _, word := range ran {
		number, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		if number/each < latest {
			n++
		}
		latest = max(latest, number/each)
	}
	return n
}
