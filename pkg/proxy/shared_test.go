package proxy_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/spool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// flood answers a request that has a body with 50 MB, as fast as they are
// taken, and others with a greeting. It multiplexes.
func flood(tb testing.TB) (*fcgitest.Server, string) {
	tb.Helper()
	s := &fcgitest.Server{Mpxs: true, Forget: true, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		if len(r.Stdin) == 0 {
			_, _ = w.WriteString(hello)
			return
		}
		_, _ = w.WriteString("Content-Length: 52428800\r\n\r\n")
		piece := pattern(64 << 10)
		for sent := 0; sent < 50<<20; sent += len(piece) {
			select {
			case <-r.Aborted:
				return
			default:
				_, _ = w.Write(piece)
			}
		}
	}}
	return s, s.Start(tb)
}

func TestClientsThatNeverReadHoldNobodyUpOnASharedConnection(t *testing.T) {
	const slow, normal = 20, 100
	for name, c := range map[string]struct {
		limit, temp int64
		why         error
	}{
		"each has its bound":       {0, 1 << 20, proxy.ErrFull},
		"together they have one":   {8 << 20, 1 << 30, spool.ErrNoSpace},
		"there is room for nobody": {1, 1 << 20, spool.ErrNoSpace},
	} {
		t.Run(name, func(t *testing.T) {
			server, addr := flood(t)
			b := newBench(t, addr, func(u *upstream.Config) {
				u.Multiplex, u.Streams, u.Queue = upstream.On, 32, normal
			})
			b.cfg.ResponseTemp = c.temp
			store := spool.New(spool.Config{Dir: t.TempDir(), Limit: c.limit})
			b.proxy = proxy.New(store)

			reads := make(chan struct{})
			clients, done := make([]*client, slow), make([]<-chan error, slow)
			for i := range clients {
				x, client := b.exchange("POST", inMemory("x"))
				client.takes, client.reads = 1000, reads
				clients[i], done[i] = client, b.start(x)
			}
			most := quick(t, b, store, normal)
			bound := slow * (b.cfg.ResponseBuffer + c.temp + 64<<10)
			if c.limit > 0 {
				bound = c.limit + slow*64<<10 // a reader gets its chunk in any case
			}
			if most > bound {
				t.Errorf("%d bytes stored, at most %d allowed", most, bound)
			}
			harness.Eventually(t, "the clients have not read, and what was stored for them is gone", func() bool {
				return server.Aborts() == slow && store.Stats() == spool.Stats{}
			})
			close(reads)
			for i, d := range done {
				err := await(t, d)
				if !errors.Is(err, proxy.ErrFull) || !errors.Is(err, c.why) || proxy.Status(err) != 503 {
					t.Errorf("client %d: %v", i, err)
				}
				if !clients[i].aborted || clients[i].ended || clients[i].status != 200 {
					t.Errorf("client %d: aborted %v, ended %v", i, clients[i].aborted, clients[i].ended)
				}
			}
			quick(t, b, store, 3)
			if server.Accepted() != 1 {
				t.Errorf("%d connections", server.Accepted())
			}
		})
	}
}

// The room that one client's replies fill is everybody's: what does not fit any
// more is broken off at once, so that the worker is there for the others.
func TestNoWorkerWaitsForAClientWhenTheRoomOfAllIsFull(t *testing.T) {
	_, addr := app(t, func(w *fcgitest.Response, r *fcgitest.Request) {
		if len(r.Stdin) == 0 {
			_, _ = w.WriteString(hello)
			return
		}
		_, _ = w.WriteString("A: b\r\n\r\n")
		_, _ = w.Write(pattern(1 << 20)) // within response_temp
	})
	b := newBench(t, addr)
	b.cfg.ResponseTemp = 1 << 30
	store := spool.New(spool.Config{Dir: t.TempDir(), Limit: 1536 << 10})
	b.proxy = proxy.New(store)

	reads := make(chan struct{})
	begin := func() (*client, <-chan error) {
		x, c := b.exchange("POST", inMemory("x"))
		c.takes, c.reads = 0, reads
		return c, b.start(x)
	}
	first, firstDone := begin()
	harness.Eventually(t, "the first reply is stored", func() bool { st := store.Stats(); return st.Memory+st.Disk >= 900<<10 })
	quick(t, b, store, 1) // behind the first on the one worker
	second, secondDone := begin()
	harness.Eventually(t, "the second reply has begun", func() bool { return len(second.got()) > 0 })
	quick(t, b, store, 3) // behind the second, and nobody has read anything
	close(reads)
	if err := await(t, firstDone); err != nil || first.body.Len() != 1<<20 {
		t.Errorf("what was stored: %v, %d bytes", err, first.body.Len())
	}
	if err := await(t, secondDone); !errors.Is(err, proxy.ErrFull) || !errors.Is(err, spool.ErrNoSpace) || !second.aborted {
		t.Errorf("what did not fit: %v, aborted %v", err, second.aborted)
	}
}

// quick makes n requests, several at a time, which must be answered, and returns
// the most that was stored meanwhile.
func quick(t *testing.T, b *bench, store *spool.Store, n int) (most int64) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex // guards most
	for worker := range 10 {
		wg.Go(func() { // ends with its requests
			for i := worker; i < n; i += 10 {
				x, c := b.exchange("GET", nil)
				err := b.proxy.Serve(x, &b.cfg, new(params), new(proxy.Job))
				if err != nil || c.body.String() != "hello" {
					t.Errorf("request %d: %v, %q", i, err, c.body.String())
				}
				st := store.Stats()
				mu.Lock()
				most = max(most, st.Memory+st.Disk)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return most
}
