package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

func TestNewWantsADialAndASize(t *testing.T) {
	d := new(dialer)
	for name, cfg := range map[string]config{
		"no dial":       {MaxConns: 1},
		"no size":       {Dial: d.dial},
		"negative size": {Dial: d.dial, MaxConns: -1},
		"too many":      {Dial: d.dial, MaxConns: 1 << 60, Streams: 1 << 4},
	} {
		if p, err := pool.New(cfg); err == nil || p != nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestWaitersAreServedInTheOrderTheyCame(t *testing.T) {
	bubble(t, config{MaxConns: 1, Keep: true, Queue: 9}, func(t *testing.T, p *fakes, _ *dialer) {
		s := acquire(t, p)
		got, next, _ := queue(t, p, 9)
		if st := p.Stat(); st.Waiting != 9 || st.Busy != 1 {
			t.Errorf("%+v", st)
		}
		s.Release(true)
		for want := range 9 {
			if i := <-got; i != want {
				t.Fatalf("caller %d came in place %d", i, want)
			}
			next <- true
		}
	})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	for _, size := range []int{0, 3} {
		bubble(t, config{MaxConns: 1, Queue: size, QueueTimeout: time.Hour}, func(t *testing.T, p *fakes, _ *dialer) {
			s := acquire(t, p)
			got, next, _ := queue(t, p, size)
			var err error
			if took := slept(func() { _, err = p.Acquire(context.Background()) }); took != 0 {
				t.Errorf("waited %v", took)
			}
			if st := p.Stat(); !errors.Is(err, pool.ErrQueueFull) || st.QueueFull != 1 || st.Waiting != size {
				t.Errorf("%v, %+v", err, st)
			}
			s.Release(true)
			for range size {
				<-got
				next <- true
			}
			once(t, p) // there is room again
		})
	}
}

func TestAWaiterGivesUpAfterTheQueueTimeout(t *testing.T) {
	bubble(t, config{MaxConns: 1, Queue: 5, QueueTimeout: 3 * time.Second}, func(t *testing.T, p *fakes, _ *dialer) {
		s := acquire(t, p)
		var err error
		took := slept(func() { _, err = p.Acquire(context.Background()) })
		if !errors.Is(err, pool.ErrQueueTimeout) || took != 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		if st := p.Stat(); st.TimedOut != 1 || st.Waiting != 0 || st.Busy != 1 {
			t.Errorf("%+v", st)
		}
		s.Release(true)
		once(t, p)
	})
}

func TestWithoutAQueueTimeoutTheContextDecides(t *testing.T) {
	bubble(t, config{MaxConns: 1, Queue: 5}, func(t *testing.T, p *fakes, _ *dialer) {
		s := acquire(t, p)
		ctx, stop := context.WithTimeout(context.Background(), 24*time.Hour)
		defer stop()
		var err error
		took := slept(func() { _, err = p.Acquire(ctx) })
		if !errors.Is(err, context.DeadlineExceeded) || took != 24*time.Hour {
			t.Errorf("%v after %v", err, took)
		}
		s.Release(true)
	})
}

func TestACancelledWaiterLeavesNoTrace(t *testing.T) {
	errGone := errors.New("client gone")
	for _, timeout := range []time.Duration{0, time.Hour} {
		bubble(t, config{MaxConns: 1, Queue: 2, QueueTimeout: timeout}, func(t *testing.T, p *fakes, _ *dialer) {
			s := acquire(t, p)
			ctx, cancel := context.WithCancelCause(context.Background())
			failed := make(chan error, 1)
			go func() { // ends with its cancel
				_, err := p.Acquire(ctx)
				failed <- err
			}()
			synctest.Wait()
			got, next, _ := queue(t, p, 1)
			cancel(errGone)
			if err := <-failed; err != errGone {
				t.Errorf("got %v, want the cause", err)
			}
			if st := p.Stat(); st.Waiting != 1 || st.TimedOut != 0 {
				t.Errorf("one still waits: %+v", st)
			}
			s.Release(true)
			<-got // who stood behind is next
			next <- true
			synctest.Wait()
			if st := p.Stat(); st.Waiting != 0 || st.Busy != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestAThousandCancelledWaitersLeaveNoTrace(t *testing.T) {
	const leave, stay = 1000, 20
	for _, timeout := range []time.Duration{0, time.Hour} {
		cfg := config{MaxConns: 1, Keep: true, Queue: leave + stay, QueueTimeout: timeout}
		bubble(t, cfg, func(t *testing.T, p *fakes, _ *dialer) {
			s := acquire(t, p)
			var cancels []context.CancelFunc
			errs, order := make(chan error, leave), make(chan int, stay)
			for i := range leave + stay {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				stays := i%(leave/stay+1) == 0
				if !stays {
					cancels = append(cancels, cancel)
				}
				go func() { // ends when it was cancelled or served
					s, err := p.Acquire(ctx)
					switch {
					case !stays:
						errs <- err
					case err == nil:
						order <- i
					}
					if err == nil {
						s.Release(true)
					}
				}()
				synctest.Wait()
			}
			if st := p.Stat(); st.Waiting != leave+stay {
				t.Fatalf("%+v", st)
			}
			cancelAll(cancels)
			for range leave {
				if err := <-errs; err != context.Canceled {
					t.Errorf("a cancelled waiter got %v", err)
				}
			}
			if st := p.Stat(); st.Waiting != stay || st.Busy != 1 || st.Left != leave {
				t.Errorf("%d should wait: %+v", stay, st)
			}
			s.Release(true)
			for want := range stay {
				if i := <-order; i != want*(leave/stay+1) {
					t.Errorf("caller %d came in place %d", i, want)
				}
			}
			synctest.Wait()
			exact(t, p, leave+stay)
		})
	}
}

// cancelAll calls all of them in random order from several goroutines.
func cancelAll(cancels []context.CancelFunc) {
	rand.Shuffle(len(cancels), func(i, j int) { cancels[i], cancels[j] = cancels[j], cancels[i] })
	var wg sync.WaitGroup
	for part := range slices.Chunk(cancels, 100) {
		wg.Go(func() {
			for _, cancel := range part {
				cancel()
			}
		})
	}
	wg.Wait()
}

// exact checks that a pool at rest has all its slots, and room for exactly so
// many in its queue.
func exact(t *testing.T, p *fakes, room int) {
	t.Helper()
	if st := p.Stat(); st.Waiting != 0 || st.Busy != 0 {
		t.Errorf("at rest: %+v", st)
	}
	var all []*slot
	for range p.Stat().Capacity {
		s, err := p.TryAcquire(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	got, next, _ := queue(t, p, room)
	if _, err := p.Acquire(context.Background()); !errors.Is(err, pool.ErrQueueFull) {
		t.Errorf("one more than may wait: %v", err)
	}
	for _, s := range all {
		s.Release(true)
	}
	for range room {
		<-got
		next <- true
	}
}

func TestACancelledContextGetsNoSlot(t *testing.T) {
	bubble(t, config{MaxConns: 1}, func(t *testing.T, p *fakes, _ *dialer) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 3 {
			if _, err := p.Acquire(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
		synctest.Wait()
		once(t, p)
	})
}

func TestCloseWaitsForBusySlots(t *testing.T) {
	for _, streams := range []int{1, 4} {
		bubble(t, config{MaxConns: 2, Streams: streams, Keep: true}, func(t *testing.T, p *fakes, _ *dialer) {
			s := acquire(t, p)
			c, _ := conn(t, s)
			closed := make(chan struct{})
			go func() { // ends when s is released
				p.Close()
				close(closed)
			}()
			synctest.Wait()
			select {
			case <-closed:
				t.Fatal("closed under a request")
			default:
			}
			if c.closed.Load() {
				t.Error("a busy connection was closed")
			}
			if _, err := p.Acquire(context.Background()); !errors.Is(err, pool.ErrClosed) {
				t.Errorf("Acquire on a closed pool: %v", err)
			}
			s.Release(true)
			<-closed
			if !c.closed.Load() {
				t.Error("the connection outlived the pool")
			}
		})
	}
}

func TestCloseTurnsWaitersAway(t *testing.T) {
	bubble(t, config{MaxConns: 1, Queue: 3, Keep: true}, func(t *testing.T, p *fakes, _ *dialer) {
		s := acquire(t, p)
		_, _, errs := queue(t, p, 3)
		go p.Close() // ends when s is released
		synctest.Wait()
		s.Release(true)
		for range 3 {
			if err := <-errs; !errors.Is(err, pool.ErrClosed) {
				t.Errorf("%v", err)
			}
		}
		p.Close() // again does nothing
	})
}

func TestTryAcquireNeverWaits(t *testing.T) {
	bubble(t, config{MaxConns: 2, Queue: 5, Keep: true}, func(t *testing.T, p *fakes, _ *dialer) {
		ctx := context.Background()
		s1, err1 := p.TryAcquire(ctx)
		s2, err2 := p.TryAcquire(ctx)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		for range 3 {
			if took := slept(func() {
				if s, err := p.TryAcquire(ctx); s != nil || !errors.Is(err, pool.ErrTaken) {
					t.Errorf("%v, %v", s, err)
				}
			}); took != 0 {
				t.Errorf("waited %v", took)
			}
		}
		if st := p.Stat(); st.Waiting != 0 || st.QueueFull != 0 {
			t.Errorf("%+v", st)
		}
		s1.Release(true)
		s3, err := p.TryAcquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		s2.Release(true)
		s3.Release(true)
	})
}

func TestTryAcquireTakesNoSlotThatOthersWaitFor(t *testing.T) {
	bubble(t, config{MaxConns: 1, Queue: 1}, func(t *testing.T, p *fakes, _ *dialer) {
		s := acquire(t, p)
		got, next, _ := queue(t, p, 1)
		s.Release(true)
		if _, err := p.TryAcquire(context.Background()); !errors.Is(err, pool.ErrTaken) {
			t.Errorf("%v", err)
		}
		<-got
		next <- true
	})
}
