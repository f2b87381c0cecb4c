package integration

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// posts is clients that post without a pause, each request with a number of its
// own; every one must be answered.
type posts struct {
	g    *gateway
	stop chan struct{} // closed by finish
	wg   sync.WaitGroup
	last atomic.Int64 // number of the latest request
	good atomic.Int64 // requests answered

	mu  sync.Mutex // guards bad
	bad []string
}

func startPosts(g *gateway, clients int) *posts {
	p := &posts{g: g, stop: make(chan struct{})}
	hc := g.httpClient()
	for range clients {
		p.wg.Go(func() { p.run(hc) }) // ends when finish closes stop
	}
	return p
}

func (p *posts) run(hc *http.Client) {
	for {
		select {
		case <-p.stop:
			return
		default:
		}
		n := itoa(int(p.last.Add(1)))
		resp, err := hc.Post(p.g.url("/once.php"), "application/x-www-form-urlencoded", strings.NewReader("n="+n))
		if err == nil {
			err = compare(resp, "ran "+n)
		}
		if err == nil {
			p.good.Add(1)
			continue
		}
		p.mu.Lock()
		p.bad = append(p.bad, "POST "+n+": "+err.Error())
		p.mu.Unlock()
	}
}

// goOn waits for n more answers.
func (p *posts) goOn(n int64) {
	p.g.t.Helper()
	n += p.good.Load()
	harness.Eventually(p.g.t, "the posts do not go on", func() bool { return p.good.Load() >= n })
}

// finish returns how many posts there were.
func (p *posts) finish() int {
	p.g.t.Helper()
	close(p.stop)
	p.wg.Wait()
	if len(p.bad) > 0 {
		p.g.t.Errorf("%d posts were answered, %d failed: %q", p.good.Load(), len(p.bad), p.bad[:min(len(p.bad), 5)])
	}
	return int(p.last.Load())
}

// slowly makes one of some scripts take long enough for others to come meanwhile.
const slowly = once + `
if ($_POST['n'] % 97 == 0) usleep(100000);`

func TestEveryPostRunsExactlyOnceWhilePHPIsRestarted(t *testing.T) {
	for name, conns := range map[string]int{"connections are kept": 4, "a connection for each": 0} {
		t.Run(name, func(t *testing.T) {
			f := startFPM(t, fpmConf{children: 4})
			root := docroot(t, "once.php", slowly)
			g := startGateway(t, &site{root: root, server: f.server(), conns: conns})
			p := startPosts(g, 6)
			for range 4 {
				p.goOn(150)
				f.stop() // lets requests end, and drops what it has not accepted
				f.start()
			}
			p.goOn(50)
			n := p.finish()
			checkRan(t, readFile(t, root+"/ran"), n)
			if t.Failed() {
				g.logFailures()
			}
		})
	}
}
