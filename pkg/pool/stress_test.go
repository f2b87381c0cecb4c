package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

func TestNoMoreConnectionsThanTheCapAreEverOpen(t *testing.T) {
	for _, cfg := range []config{
		{MaxConns: 4, Streams: 1},
		{MaxConns: 4, Streams: 1, QueueTimeout: 50 * time.Microsecond},
		{MaxConns: 4, Streams: 1, MaxRequests: 3},
		{MaxConns: 2, Streams: 3},
		{MaxConns: 2, Streams: 3, QueueTimeout: 50 * time.Microsecond},
	} {
		cfg.Keep, cfg.Queue, cfg.IdleTimeout = true, 8, time.Nanosecond
		d := new(dialer)
		cfg.Dial = d.dial
		p := open(t, cfg)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() { stress(t, p, rand.New(rand.NewPCG(1, uint64(i)))) })
		}
		wg.Wait()
		if st := p.Stat(); st.Busy != 0 || st.Waiting != 0 || st.Open != int(d.open.Load()) || st.Idle != st.Open || st.Dialling != 0 {
			t.Errorf("%+v, %d open", st, d.open.Load())
		}
		held := make([]*slot, p.Stat().Capacity)
		for i := range held { // no slot was lost
			held[i] = acquire(t, p)
		}
		for _, s := range held {
			s.Release(true)
		}
		allowed := int64(cfg.MaxConns)
		if cfg.Streams > 1 { // broken ones with users left come on top
			allowed *= int64(cfg.Streams)
		}
		if most := d.most.Load(); most > allowed {
			t.Errorf("%d streams: %d connections open at once, %d allowed", cfg.Streams, most, allowed)
		}
		p.Close()
		if n := d.open.Load(); n != 0 {
			t.Errorf("%d open behind Close", n)
		}
	}
}

// stress does at random what requests do.
func stress(t *testing.T, p *fakes, r *rand.Rand) {
	for range 300 {
		ctx, cancel := context.WithCancel(context.Background())
		if r.IntN(4) == 0 {
			time.AfterFunc(time.Duration(r.IntN(100))*time.Microsecond, cancel)
		}
		s, err := p.Acquire(ctx)
		switch {
		case err == nil:
			useAtRandom(t, ctx, s, r)
		case !errors.Is(err, pool.ErrQueueFull) && !errors.Is(err, pool.ErrQueueTimeout) && !errors.Is(err, context.Canceled):
			t.Error(err)
		}
		switch r.IntN(40) {
		case 0, 1, 2, 3:
			p.CloseIdle()
		case 4:
			p.KeepNone(time.Duration(r.IntN(20)) * time.Microsecond)
			p.Squeeze()
		case 5:
			if err := p.Warm(ctx, 3); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		cancel()
	}
}

func useAtRandom(t *testing.T, ctx context.Context, s *slot, r *rand.Rand) {
	c, _, err := s.Conn(ctx, 0)
	if err == nil && r.IntN(8) == 0 {
		s.Fail()
		c, _, err = s.Conn(ctx, 0)
	}
	if err == nil && r.IntN(20) == 0 {
		c.dead.Store(true)
	}
	if err == nil && c.closed.Load() {
		t.Error("got a closed connection")
	}
	s.Release(err == nil && r.IntN(8) != 0)
}

// A slot that comes back while somebody begins to wait must reach him: the two
// look at each other's word in turn, and meet here at ever other moments.
func TestNoReleaseMissesWhoBeginsToWait(t *testing.T) {
	const rounds = 10_000
	d := new(dialer)
	p := open(t, config{Dial: d.dial, MaxConns: 1, Keep: true, Queue: 1})
	defer p.Close()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second) // it did not hang
	defer stop()
	var round, waited atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() { // ends with the last round, or ctx
		for i := int64(1); i <= rounds && ctx.Err() == nil; i++ {
			for round.Load() < i {
				runtime.Gosched()
			}
			s, err := p.Acquire(ctx)
			if err != nil {
				t.Errorf("round %d: %v", i, err)
				return
			}
			s.Release(true)
			waited.Store(i)
		}
	})
	for i := int64(1); i <= rounds && ctx.Err() == nil; i++ {
		s := acquire(t, p)
		round.Store(i)
		for range i % 500 {
			_ = waited.Load() // passes the time
		}
		s.Release(true)
		for waited.Load() < i && ctx.Err() == nil {
			runtime.Gosched()
		}
	}
	wg.Wait()
}

func TestARequestOnAKeptConnectionAllocatesNothing(t *testing.T) {
	for _, streams := range []int{1, 4} {
		d := new(dialer)
		p := open(t, config{
			Dial: d.dial, MaxConns: 2, Streams: streams, Keep: true, Queue: 9, QueueTimeout: time.Second,
			MaxRequests: 1 << 30, MaxLifetime: time.Hour, IdleTimeout: time.Minute, Trust: time.Millisecond,
		})
		ctx := context.Background()
		allocs := testing.AllocsPerRun(200, func() {
			s, err := p.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Conn(ctx, 0); err != nil {
				t.Fatal(err)
			}
			s.Release(true)
		})
		if allocs != 0 {
			t.Errorf("%d streams: %v allocations", streams, allocs)
		}
		if d.dials.Load() != 1 {
			t.Errorf("%d dials", d.dials.Load())
		}
		p.Close()
	}
}
