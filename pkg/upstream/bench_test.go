package upstream_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// parrot answers every request on its connections with the same bytes, without
// allocating. A request must arrive with one read.
func parrot(tb testing.TB, text string) string {
	tb.Helper()
	path := nowhere(tb)
	l := listen(tb, path)
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the cleanup closes l
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { repeat(nc, text) }) // ends with the connection
		}
	})
	tb.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return path
}

func repeat(nc net.Conn, text string) {
	defer nc.Close()
	in := make([]byte, 64<<10)
	out := fcgi.AppendStream(nil, fcgi.TypeStdout, 1, []byte(text))
	end := len(out)
	out = fcgi.AppendEnd(out, 1, fcgi.End{})
	for {
		if _, err := nc.Read(in); err != nil {
			return
		}
		out[2], out[3] = in[2], in[3] // the request's id
		out[end+2], out[end+3] = in[2], in[3]
		if _, err := nc.Write(out); err != nil {
			return
		}
	}
}

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
			cfg := config(parrot(b, hello))
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
