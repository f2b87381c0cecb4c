package integration

import (
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestAGatewayThatStartsFirstWaitsForPHP(t *testing.T) {
	f := newFPM(t, fpmConf{children: 1})
	g := startGateway(t, &site{
		root: docroot(t, "index.php", `<?php echo "at last";`), server: f.server(), conns: 1,
	})
	c := g.dial()
	c.send("GET / HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	g.awaitLog("server refuses connections", "is php-fpm running")
	f.start()
	c.answer(http.MethodGet).expect(t, 200, "at last")
}

func TestWithoutPHPTheAnswerIsA502ThatNamesTheSocket(t *testing.T) {
	g := startGateway(t, &site{
		root: docroot(t, "index.php", ""), server: "unix:/nonexistent/php.sock", conns: 1,
		backend: `retry_timeout = "100ms"`,
	})
	a := g.get("/none")
	if a.StatusCode != 502 || strings.Contains(a.body, "nonexistent") {
		t.Errorf("got %d %q", a.StatusCode, a.body)
	}
	g.awaitLog(`"status":502`, "/nonexistent/php.sock", "is php-fpm running")
}

// load is some clients that ask for a path again and again.
type load struct {
	t    testing.TB
	stop chan struct{} // closed by finish
	wg   sync.WaitGroup

	mu   sync.Mutex // guards what follows
	good int
	bad  []string
}

// startLoad begins; want is the body of a right answer.
func startLoad(g *gateway, clients int, path, want string) *load {
	l := &load{t: g.t, stop: make(chan struct{})}
	hc := g.httpClient()
	for range clients {
		l.wg.Go(func() { // ends when finish closes stop
			for !l.stopped() {
				l.count(fetch(hc, g.url(path), want))
			}
		})
	}
	return l
}

func (l *load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func (l *load) count(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.bad = append(l.bad, err.Error())
		return
	}
	l.good++
}

func (l *load) answers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.good
}

// goOn waits for n more right answers.
func (l *load) goOn(n int) {
	l.t.Helper()
	n += l.answers()
	harness.Eventually(l.t, "the load does not go on", func() bool { return l.answers() >= n })
}

// finish ends the load and fails the test if any answer was wrong.
func (l *load) finish() {
	l.t.Helper()
	close(l.stop)
	l.wg.Wait()
	if len(l.bad) > 0 {
		l.t.Errorf("%d requests were answered, %d failed: %q", l.good, len(l.bad), l.bad[:min(len(l.bad), 5)])
	}
}

// fetch gets one answer and compares it.
func fetch(hc *http.Client, url, want string) error {
	resp, err := hc.Get(url)
	if err != nil {
		return err
	}
	return compare(resp, want)
}

func compare(resp *http.Response, want string) error {
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 || string(b) != want {
		return fmt.Errorf("%d %.100q", resp.StatusCode, b)
	}
	return nil
}

func TestNoRequestFailsWhilePHPIsRestarted(t *testing.T) {
	f := startFPM(t, fpmConf{children: 2})
	root := docroot(t, "index.php", `<?php usleep(2000); echo "ok";`)
	g := startGateway(t, &site{root: root, server: f.server(), conns: 2})
	l := startLoad(g, 4, "/loaded", "ok")
	for range 3 {
		l.goOn(50)
		f.stop()
		f.start()
	}
	l.goOn(50)
	l.finish()
	g.logFailures()
}

// once appends what it is told to a file, under a lock.
const once = `<?php
file_put_contents(__DIR__ . '/ran', $_POST['n'] . "\n", FILE_APPEND | LOCK_EX);
echo 'ran ', $_POST['n'];`

func TestWorkersThatAreReplacedFailNoRequestAndRunNoneTwice(t *testing.T) {
	const clients, requests, children = 8, 10_000, 8
	f := startFPM(t, fpmConf{children: children, maxRequests: 5})
	root := docroot(t, "index.php", `<?php echo $_GET["n"];`, "once.php", once)
	g := startGateway(t, &site{root: root, server: f.server(), conns: children})
	hc := g.httpClient()
	errs := make(chan error, requests)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() { // ends behind the last request of this client
			for n := c; n < requests; n += clients {
				errs <- getOrPost(hc, g, n)
			}
		})
	}
	wg.Wait()
	close(errs)
	failed := 0
	for err := range errs {
		if err != nil {
			if failed++; failed <= 5 {
				t.Error(err)
			}
		}
	}
	if failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
	checkRan(t, readFile(t, root+"/ran"), requests/2)
	g.logFailures()
}

// getOrPost makes every second request a POST that must run once.
func getOrPost(hc *http.Client, g *gateway, n int) error {
	if n/8%2 == 0 {
		return fetch(hc, g.url("/?n="+itoa(n)), itoa(n))
	}
	resp, err := hc.Post(g.url("/once.php"), "application/x-www-form-urlencoded", strings.NewReader("n="+itoa(n)))
	if err != nil {
		return err
	}
	return compare(resp, "ran "+itoa(n))
}

// checkRan holds the file of the runs against one run of each POST.
func checkRan(t *testing.T, file string, want int) {
	t.Helper()
	runs := strings.Fields(file)
	if len(runs) != want {
		t.Errorf("%d runs, want %d", len(runs), want)
	}
	sort.Strings(runs)
	for i := 1; i < len(runs); i++ {
		if runs[i] == runs[i-1] {
			t.Errorf("POST %s ran twice", runs[i])
		}
	}
}
