package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

func TestCloseIdleClosesWhatWasIdleForTooLong(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 3, Streams: streams, Keep: true, IdleTimeout: time.Minute}, func(t *testing.T, p *fakes, d *dialer) {
			var all []*slot
			for range 3 * streams {
				s := acquire(t, p)
				conn(t, s)
				all = append(all, s)
			}
			for _, s := range all[streams:] { // all but the first connection
				s.Release(true)
			}
			time.Sleep(time.Minute)
			p.CloseIdle()
			if d.open.Load() != 3 {
				t.Errorf("%d open at the limit", d.open.Load())
			}
			time.Sleep(time.Nanosecond)
			p.CloseIdle()
			if d.open.Load() != 1 {
				t.Errorf("%d open beyond it", d.open.Load())
			}
			for _, s := range all[:streams] { // was busy, so is idle only now
				s.Release(true)
			}
			p.CloseIdle()
			if d.open.Load() != 1 || p.Stat().Open != 1 {
				t.Errorf("%d open, %+v", d.open.Load(), p.Stat())
			}
		})
	}
}

func TestWithoutAnIdleTimeoutNothingIsTooOld(t *testing.T) {
	bubble(t, config{MaxConns: 1, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		once(t, p)
		time.Sleep(1000 * time.Hour)
		p.CloseIdle()
		if c, reused := once(t, p); c.number != 1 || !reused {
			t.Error("closed")
		}
	})
}

func TestAConnectionServesNoLongerThanItsTurn(t *testing.T) {
	bubble(t, config{MaxConns: 1, Keep: true, Turn: time.Minute, MinIdle: 1}, func(t *testing.T, p *fakes, d *dialer) {
		if err := p.Warm(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the turn begins with the first request
		for i, want := range []struct {
			number int64
			reused bool
		}{{1, true}, {1, true}, {2, false}, {2, true}, {3, false}} {
			if c, reused := once(t, p); c.number != want.number || reused != want.reused {
				t.Errorf("request %d: connection %d, reused %v", i, c.number, reused)
			}
			time.Sleep(30*time.Second + time.Nanosecond)
		}
		if n := p.Stat().Closed[pool.ClosedTurn]; n != 2 {
			t.Errorf("%d closed at the end of their turn", n)
		}
	})
}

// spreadOut has n connections idle at once, the first released first.
func spreadOut(t *testing.T, p *fakes, n int) []*fake {
	t.Helper()
	slots, conns := make([]*slot, n), make([]*fake, n)
	for i := range n {
		slots[i] = acquire(t, p)
		conns[i], _ = conn(t, slots[i])
	}
	for _, s := range slots {
		time.Sleep(time.Second)
		s.Release(true)
	}
	return conns
}

func TestTheMinimumOfIdleConnectionsStays(t *testing.T) {
	cfg := config{MaxConns: 4, Keep: true, IdleTimeout: time.Minute, MinIdle: 2}
	bubble(t, cfg, func(t *testing.T, p *fakes, d *dialer) {
		conns := spreadOut(t, p, 4)
		time.Sleep(time.Hour)
		p.CloseIdle()
		for i, c := range conns {
			if c.closed.Load() != (i < 2) {
				t.Errorf("connection %d: closed %v", i, c.closed.Load())
			}
		}
		if st := p.Stat(); st.Open != 2 || st.Idle != 2 || st.Closed[pool.ClosedIdle] != 2 {
			t.Errorf("%+v", st)
		}
		if c, reused := once(t, p); c != conns[3] || !reused {
			t.Errorf("got connection %d", c.number)
		}
	})
}

func TestTheMinimumCountsSharedConnections(t *testing.T) {
	cfg := config{MaxConns: 3, Streams: 2, Keep: true, IdleTimeout: time.Minute, MinIdle: 1}
	bubble(t, cfg, func(t *testing.T, p *fakes, d *dialer) {
		spreadOut(t, p, 6)
		time.Sleep(time.Hour)
		p.CloseIdle()
		if st := p.Stat(); st.Open != 1 || st.Idle != 1 || d.open.Load() != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestAConnectionThatStaysBeyondItsTimeIsLookedAt(t *testing.T) {
	cfg := config{MaxConns: 1, Keep: true, IdleTimeout: time.Minute, MinIdle: 1, MaxLifetime: 10 * time.Hour}
	bubble(t, cfg, func(t *testing.T, p *fakes, _ *dialer) {
		c, _ := once(t, p)
		time.Sleep(time.Hour)
		p.CloseIdle()
		if c.closed.Load() {
			t.Error("closed before its time")
		}
		c.dead.Store(true)
		p.CloseIdle()
		if !c.closed.Load() || p.Stat().Closed[pool.ClosedByPeer] != 1 {
			t.Errorf("dead and open: %+v", p.Stat())
		}
		once(t, p)
		time.Sleep(10 * time.Hour)
		p.CloseIdle()
		if st := p.Stat(); st.Open != 0 || st.Closed[pool.ClosedLifetime] != 1 {
			t.Errorf("beyond its lifetime and open: %+v", st)
		}
	})
}

func TestSqueezeClosesAllThatIsIdleAndKeepsNoneForAWhile(t *testing.T) {
	for _, streams := range []int{1, 2} {
		cfg := config{MaxConns: 3, Streams: streams, Keep: true, IdleTimeout: time.Hour, MinIdle: 3}
		bubble(t, cfg, func(t *testing.T, p *fakes, d *dialer) {
			spreadOut(t, p, 3*streams)
			busy := acquire(t, p)
			conn(t, busy)
			p.KeepNone(time.Second)
			p.Squeeze()
			if st := p.Stat(); st.Open != 1 || st.Idle != 0 || st.Closed[pool.ClosedSqueezed] != 2 {
				t.Errorf("%d streams: behind Squeeze: %+v", streams, st)
			}
			time.Sleep(time.Second - 1)
			busy.Release(true)
			if st := p.Stat(); st.Open != 0 || st.Closed[pool.ClosedSqueezed] != 3 {
				t.Errorf("%d streams: kept under contention: %+v", streams, st)
			}
			time.Sleep(time.Nanosecond)
			once(t, p)
			if p.Stat().Open != 1 {
				t.Errorf("%d streams: not kept when it was over", streams)
			}
		})
	}
}

func TestASharedConnectionIsNotSqueezedUnderItsUsers(t *testing.T) {
	bubble(t, config{MaxConns: 1, Streams: 2, Keep: true}, func(t *testing.T, p *fakes, _ *dialer) {
		s1, s2 := acquire(t, p), acquire(t, p)
		c, _ := conn(t, s1)
		conn(t, s2)
		p.KeepNone(time.Minute)
		p.Squeeze()
		s1.Release(true)
		s1 = acquire(t, p)
		if again, reused := conn(t, s1); again != c || !reused {
			t.Error("given up under a user")
		}
		s1.Release(true)
		s2.Release(true)
		if !c.closed.Load() {
			t.Error("kept")
		}
	})
}

func TestWarmOpensConnectionsThatRequestsThenUse(t *testing.T) {
	for _, c := range []struct {
		name            string
		streams, n, had int
		want            int64
	}{
		{"some", 1, 2, 0, 2},
		{"no more than the cap", 1, 9, 0, 3},
		{"those that are open count", 1, 2, 1, 2},
		{"enough are open", 1, 1, 2, 2},
		{"shared ones", 2, 2, 0, 2},
		{"shared ones up to the cap", 2, 9, 0, 3},
	} {
		bubble(t, config{MaxConns: 3, Streams: c.streams, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			var busy []*slot
			for range c.had {
				s := acquire(t, p)
				conn(t, s)
				busy = append(busy, s)
			}
			if err := p.Warm(context.Background(), c.n); err != nil || d.open.Load() != c.want {
				t.Errorf("%s: %v, %d open", c.name, err, d.open.Load())
			}
			if st := p.Stat(); st.Idle != int(c.want)-c.had || st.Waits[0] != int64(c.had) || st.Reuses != 0 {
				t.Errorf("%s: %+v", c.name, st)
			}
			for _, s := range busy {
				s.Release(true)
			}
			if _, reused := once(t, p); !reused {
				t.Errorf("%s: the first request dialled", c.name)
			}
		})
	}
}

func TestWarmEndsWithTheFirstDialThatFails(t *testing.T) {
	errRefused := errors.New("refused")
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 3, Streams: streams, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			d.fail(errRefused)
			if err := p.Warm(context.Background(), 3); err != errRefused || d.dials.Load() != 1 {
				t.Errorf("%v after %d dials", err, d.dials.Load())
			}
			if st := p.Stat(); st.Busy != 0 || st.Open != 0 || st.DialFailures != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestWarmTakesNoSlotFromRequests(t *testing.T) {
	bubble(t, config{MaxConns: 2, Keep: true, Queue: 1}, func(t *testing.T, p *fakes, d *dialer) {
		s1, s2 := acquire(t, p), acquire(t, p)
		if err := p.Warm(context.Background(), 2); err != nil || d.dials.Load() != 0 {
			t.Errorf("%v, %d dials", err, d.dials.Load())
		}
		s2.Release(true)
		release := d.hold()
		done := make(chan error, 1)
		go func() { done <- p.Warm(context.Background(), 2) }() // ends with its dial
		synctest.Wait()
		got, next, _ := queue(t, p, 1) // the slot that is being warmed is taken
		s1.Release(true)
		<-got
		next <- true
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAClosedPoolIsNotWarmed(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, config{MaxConns: 2, Streams: streams, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			p.Close()
			if err := p.Warm(context.Background(), 2); err != nil || d.dials.Load() != 0 {
				t.Errorf("%v, %d dials", err, d.dials.Load())
			}
		})
	}
}
