package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// runsOnce notes its run, by one write at the end of a file, before it answers.
const runsOnce = `<?php $id = $_SERVER['REQUEST_METHOD'] === 'POST' ? $_POST['id'] : $_GET['id'];
file_put_contents(__DIR__ . '/runs', "$id\n", FILE_APPEND);
echo 'ran ', $id;`

// onceClient makes requests one after the other on a connection that it keeps;
// it never repeats one.
type onceClient struct {
	g  *gateway
	nc net.Conn
}

// run makes request id and returns what was wrong with its answer.
func (c *onceClient) run(id int, post bool) (err error) {
	if c.nc == nil {
		if c.nc, err = net.Dial("tcp", c.g.addr); err != nil {
			return err
		}
	}
	if err = c.nc.SetDeadline(time.Now().Add(harness.Patience)); err == nil {
		err = c.exchange(id, post)
	}
	if err != nil {
		c.close()
	}
	return err
}

func (c *onceClient) exchange(id int, post bool) error {
	want := "ran " + itoa(id)
	if !post {
		return exchangeOn(c.nc, "GET", fmt.Sprintf("GET /once.php?id=%d HTTP/1.1\r\nHost: ex.test\r\n\r\n", id), want)
	}
	body := "id=" + itoa(id)
	return exchangeOn(c.nc, "POST", fmt.Sprintf("POST /once.php HTTP/1.1\r\nHost: ex.test\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body), want)
}

func (c *onceClient) close() {
	if c.nc != nil {
		c.nc.Close()
		c.nc = nil
	}
}

// runMany makes the requests 0 to n-1, GETs and POSTs mixed, by some clients at
// once, and returns the errors by id.
func runMany(g *gateway, clients, n int) map[int]error {
	var mu sync.Mutex
	failed := map[int]error{}
	var wg sync.WaitGroup
	for first := range clients {
		wg.Go(func() { // ends behind its last request
			rnd := rand.New(rand.NewPCG(uint64(first), 2))
			c := &onceClient{g: g}
			defer c.close()
			for id := first; id < n; id += clients {
				if err := c.run(id, rnd.IntN(2) == 0); err != nil {
					mu.Lock()
					failed[id] = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return failed
}

func TestEveryRequestRunsExactlyOnceWhileWorkersEndAllTheTime(t *testing.T) {
	const clients, children = 16, 4
	// Fewer requests where each of them costs php-fpm a new worker; 3000 in all.
	for i, n := range []int{200, 500, 700, 800, 800} {
		most := i + 1
		t.Run("max_requests "+itoa(most), func(t *testing.T) {
			f := startFPM(t, fpmConf{children: children, maxRequests: most})
			root := docroot(t, "once.php", runsOnce)
			g := startGateway(t, &site{root: root, server: f.server(), conns: children})
			for id, err := range runMany(g, clients, n) {
				t.Errorf("request %d: %v", id, err)
			}
			checkRunOnce(t, readFile(t, root+"/runs"), n)
			if t.Failed() {
				g.logFailures()
			}
		})
	}
}

// checkRunOnce holds the runs noted in a file against one of each request.
func checkRunOnce(t *testing.T, file string, n int) {
	t.Helper()
	runs := map[string]int{}
	for _, id := range strings.Fields(file) {
		runs[id]++
	}
	for id := range n {
		if got := runs[itoa(id)]; got != 1 {
			t.Errorf("request %d ran %d times", id, got)
		}
	}
	if len(runs) > n {
		t.Errorf("%d different requests ran, %d were made", len(runs), n)
	}
}
