package upstream_test

import (
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// blind is a Reply that keeps nothing.
type blind struct{}

func (blind) Interim(int, *exchange.Header) error { return nil }
func (blind) Head() error                         { return nil }
func (blind) Body([]byte) error                   { return nil }
func (blind) Stderr([]byte)                       {}
func (blind) Pause() error                        { return nil }
func (blind) Tick() error                         { return nil }
func (blind) Done(err error) error                { return err }

// BenchmarkRequests runs requests of several clients on one worker: alone a
// client never waits, the others do for nearly every request. What the queue
// costs is the difference.
func BenchmarkRequests(b *testing.B) {
	for name, clients := range map[string]int{"alone": 1, "queued": 4} {
		b.Run(name, func(b *testing.B) {
			sweeper := sock.NewSweeper(0)
			cfg := config(fcgitest.Parrot(b, hello))
			cfg.MaxConns, cfg.QueueTimeout, cfg.RequestTimeout = 1, time.Minute, time.Minute
			up, err := upstream.New(cfg, sweeper, upstream.Events{})
			if err != nil {
				b.Fatal(err)
			}
			defer sweeper.Close()
			defer up.Close()
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() { // ends with its share of the requests
					r, c := request("GET", ""), new(upstream.Call)
					for range share(b.N, clients, i) {
						r.x.Reset()
						r.x.Request.Method = get1
						if err := up.Do(r.x, &r.in, blind{}, c); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

var get1 = []byte("GET")

// share is how many of n requests client i of several makes.
func share(n, clients, i int) int { return (n + i) / clients }
