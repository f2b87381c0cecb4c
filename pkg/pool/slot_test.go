package pool_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestAKeptConnectionIsUsedAgain(t *testing.T) {
	bubble(t, config{MaxConns: 3, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		first, reused := once(t, p)
		if reused {
			t.Error("the first connection is not a kept one")
		}
		for range 5 {
			if c, reused := once(t, p); c != first || !reused {
				t.Fatalf("connection %d, reused %v", c.number, reused)
			}
		}
		if st := p.Stat(); st.Dials != 1 || st.Reuses != 5 || st.Open != 1 || st.Capacity != 3 {
			t.Errorf("%+v", st)
		}
	})
}

func TestAReleasedConnectionIsClosedUnlessKept(t *testing.T) {
	for _, c := range []struct {
		name             string
		poolKeeps, keeps bool
		wantOpen         int64
	}{
		{"kept", true, true, 1},
		{"the request spoilt it", true, false, 0},
		{"the pool keeps none", false, true, 0},
		{"neither", false, false, 0},
	} {
		for _, streams := range []int{1, 2} {
			bubble(t, config{MaxConns: 1, Streams: streams, Keep: c.poolKeeps}, func(t *testing.T, p *fakes, d *dialer) {
				s := acquire(t, p)
				conn(t, s)
				s.Release(c.keeps)
				if open := d.open.Load(); open != c.wantOpen || p.Stat().Open != int(open) {
					t.Errorf("%s, %d streams: %d open, %+v", c.name, streams, open, p.Stat())
				}
			})
		}
	}
}

func TestAConnectionEndsAfterMaxRequests(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true, MaxRequests: 3}, func(t *testing.T, p *fakes, d *dialer) {
			for i := range 9 {
				if c, _ := once(t, p); c.number != int64(i/3+1) {
					t.Errorf("%d streams: request %d ran on connection %d", streams, i, c.number)
				}
			}
			if d.most.Load() != 1 {
				t.Errorf("%d open at once", d.most.Load())
			}
		})
	}
}

func TestAConnectionEndsAfterMaxLifetime(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true, MaxLifetime: time.Minute}, func(t *testing.T, p *fakes, _ *dialer) {
			once(t, p)
			time.Sleep(54*time.Second - 1)
			if c, _ := once(t, p); c.number != 1 {
				t.Error("ended too early")
			}
			time.Sleep(6*time.Second + 1)
			if c, reused := once(t, p); c.number != 2 || reused {
				t.Error("ended too late")
			}
		})
	}
}

// spread checks that limits are between 90 and 100, and not all the same.
func spread(t *testing.T, limits map[int]int) {
	t.Helper()
	for limit := range limits {
		if limit < 90 || limit > 100 {
			t.Errorf("a connection ended at %d", limit)
		}
	}
	if len(limits) < 4 {
		t.Errorf("100 connections ended at %v", limits)
	}
}

func TestConnectionsThatWereDialledTogetherDoNotEndTogether(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true, MaxRequests: 100}, func(t *testing.T, p *fakes, _ *dialer) {
			uses := map[int64]int{}
			for len(uses) <= 100 {
				c, _ := once(t, p)
				uses[c.number]++
			}
			limits := map[int]int{}
			for number, n := range uses {
				if number <= 100 { // the last has not ended
					limits[n]++
				}
			}
			spread(t, limits)
		})
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true, MaxLifetime: 100 * time.Second}, func(t *testing.T, p *fakes, _ *dialer) {
			limits := map[int]int{}
			for range 100 {
				c, _ := once(t, p)
				age := 0
				for next := c; next == c; next, _ = once(t, p) {
					time.Sleep(time.Second)
					age++
				}
				limits[age]++
				p.Squeeze()
			}
			spread(t, limits)
		})
	}
}

func TestTheMostRecentlyUsedConnectionGoesOutFirst(t *testing.T) {
	bubble(t, config{MaxConns: 3, Keep: true, IdleTimeout: time.Hour}, func(t *testing.T, p *fakes, _ *dialer) {
		slots, conns := make([]*slot, 3), make([]*fake, 3)
		for i := range slots {
			slots[i] = acquire(t, p)
			conns[i], _ = conn(t, slots[i])
		}
		for _, i := range []int{1, 2, 0} {
			time.Sleep(time.Second)
			slots[i].Release(true)
		}
		for range 2 { // a look at the idle ones does not change the order
			p.CloseIdle()
			if c, _ := once(t, p); c != conns[0] {
				t.Fatalf("got connection %d", c.number)
			}
		}
		for _, i := range []int{0, 2, 1} {
			slots[i] = acquire(t, p)
			if c, _ := conn(t, slots[i]); c != conns[i] {
				t.Errorf("got connection %d, want %d", c.number, conns[i].number)
			}
		}
		for _, s := range slots {
			s.Release(true)
		}
	})
}

func TestARequestMayAskForARestedConnection(t *testing.T) {
	bubble(t, config{MaxConns: 1, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		once(t, p)
		use := func(rest time.Duration) (int64, bool) {
			s := acquire(t, p)
			defer s.Release(true)
			c, reused, err := s.Conn(context.Background(), rest)
			if err != nil {
				t.Fatal(err)
			}
			return c.number, reused
		}
		time.Sleep(9 * time.Millisecond)
		if n, reused := use(10 * time.Millisecond); n != 2 || reused {
			t.Errorf("not rested: connection %d, reused %v", n, reused)
		}
		time.Sleep(10 * time.Millisecond)
		if n, reused := use(10 * time.Millisecond); n != 2 || !reused {
			t.Errorf("rested: connection %d, reused %v", n, reused)
		}
		if n, reused := use(1<<63 - 1); n != 3 || reused {
			t.Errorf("never rested: connection %d, reused %v", n, reused)
		}
		if d.most.Load() != 1 {
			t.Errorf("%d open at once", d.most.Load())
		}
	})
}

func TestADeadConnectionIsReplaced(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			c, _ := once(t, p)
			c.dead.Store(true)
			if c2, reused := once(t, p); c2 == c || reused || !c.closed.Load() {
				t.Errorf("%d streams: the dead connection came again", streams)
			}
		})
	}
}

func TestAConnectionUsedAMomentAgoIsTrusted(t *testing.T) {
	cfg := config{MaxConns: 1, Keep: true, Trust: 100 * time.Millisecond}
	bubble(t, cfg, func(t *testing.T, p *fakes, _ *dialer) {
		c, _ := once(t, p)
		looks := func(after, rest time.Duration) int64 {
			before := c.looks.Load()
			time.Sleep(after)
			s := acquire(t, p)
			if got, _, err := s.Conn(context.Background(), rest); got != c || err != nil {
				t.Fatal("another connection", err)
			}
			s.Release(true)
			return c.looks.Load() - before
		}
		for _, step := range []struct {
			after, rest time.Duration
			want        int64
		}{
			{99 * time.Millisecond, 0, 0},
			{100 * time.Millisecond, 0, 1},
			{50 * time.Millisecond, 10 * time.Millisecond, 1}, // must not run twice: always looked at
		} {
			if got := looks(step.after, step.rest); got != step.want {
				t.Errorf("%+v: %d looks", step, got)
			}
		}
	})
}

func TestFailClosesTheConnectionAndKeepsTheSlot(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			s := acquire(t, p)
			c, _ := conn(t, s)
			s.Fail()
			if !c.closed.Load() || p.Stat().Busy != 1 || p.Stat().Open != 0 {
				t.Errorf("%+v", p.Stat())
			}
			if c2, reused := conn(t, s); c2 == c || reused {
				t.Error("the failed connection came again")
			}
			s.Release(true)
		})
	}
}

func TestAFailedDialLeavesTheSlotUsable(t *testing.T) {
	errRefused := errors.New("refused")
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			s := acquire(t, p)
			d.fail(errRefused)
			if _, reused, err := s.Conn(context.Background(), 0); err != errRefused || reused {
				t.Errorf("%v, reused %v", err, reused)
			}
			d.fail(nil)
			conn(t, s)
			s.Release(true)
			if st := p.Stat(); st.Dials != 1 || st.Open != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestASlotReleasedWithoutAConnectionLeavesNothing(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 1, Streams: streams, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			acquire(t, p).Release(true)
			acquire(t, p).Release(false)
			if d.dials.Load() != 0 || p.Stat().Busy != 0 {
				t.Errorf("%d dials, %+v", d.dials.Load(), p.Stat())
			}
		})
	}
}

// What is measured by one clock must not be compared with another.
func TestReleasesAreTimedByThePoolsOwnClock(t *testing.T) {
	var clock atomic.Int64
	clock.Store(1000)
	cfg := config{MaxConns: 1, Keep: true, Trust: time.Second, Now: clock.Load, At: func(time.Time) int64 { return clock.Load() }}
	bubble(t, cfg, func(t *testing.T, p *fakes, _ *dialer) {
		first, _ := once(t, p)
		if once(t, p); first.looks.Load() != 0 {
			t.Error("a connection was looked at that was in use just now")
		}
		clock.Add(int64(time.Second))
		if once(t, p); first.looks.Load() != 1 {
			t.Error("a connection was not looked at after its time of trust")
		}
		p.KeepNone(time.Minute)
		if once(t, p); !first.closed.Load() {
			t.Error("a connection was kept")
		}
		clock.Add(int64(time.Minute))
		if c, _ := once(t, p); c.closed.Load() {
			t.Error("a connection was not kept")
		}
	})
}
