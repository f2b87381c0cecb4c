package integration

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// twoGateways share a php-fpm, each as if it were alone.
func twoGateways(t *testing.T, children int) (a, b *gateway) {
	t.Helper()
	f := startFPM(t, fpmConf{children: children})
	root := docroot(t, "index.php", `<?php usleep(3000); echo 'hello';`)
	one := func() *gateway {
		return startGateway(t, &site{root: root, server: f.server(), conns: children})
	}
	return one(), one()
}

// hello asks for the script.
func (g *gateway) hello(c *http.Client) error {
	resp, err := c.Get(g.url("/index.php"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// pooled keeps a connection for each of many callers, until the test ends.
func pooled(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 20}
	t.Cleanup(transport.CloseIdleConnections) // before the gateways look for what is left
	return &http.Client{Transport: transport}
}

func TestTwoGatewaysDoNotStarveEachOtherInABurst(t *testing.T) {
	a, b := twoGateways(t, 2)
	clients := pooled(t)
	var wg sync.WaitGroup
	for _, g := range []*gateway{a, b} {
		for range 20 {
			wg.Go(func() { // ends with its answer
				if err := g.hello(clients); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
}

func TestABusyGatewayDoesNotStarveAnother(t *testing.T) {
	a, b := twoGateways(t, 2)
	clients := pooled(t)
	stop := make(chan struct{})
	var served atomic.Int64
	var wg sync.WaitGroup
	for range 16 { // more than there are workers: no connection is ever idle
		wg.Go(func() { // ends with stop
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := a.hello(clients); err != nil {
					t.Error(err)
					return
				}
				served.Add(1)
			}
		})
	}
	harness.Eventually(t, "the first gateway is busy", func() bool { return served.Load() > 100 })
	for range 5 {
		if err := b.hello(clients); err != nil { // while the load goes on
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}
