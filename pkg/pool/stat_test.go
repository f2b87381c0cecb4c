package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

func TestEveryConnectionIsClosedForOneReason(t *testing.T) {
	keeps := config{MaxConns: 2, Keep: true, IdleTimeout: time.Minute, MaxRequests: 3, MaxLifetime: time.Hour}
	keepsNone := config{MaxConns: 2}
	for want, c := range map[pool.Reason]struct {
		cfg config
		end func(t *testing.T, p *fakes, c *fake)
	}{
		pool.ClosedIdle:     {keeps, func(t *testing.T, p *fakes, _ *fake) { time.Sleep(2 * time.Minute); p.CloseIdle() }},
		pool.ClosedLifetime: {keeps, func(t *testing.T, p *fakes, _ *fake) { time.Sleep(2 * time.Hour); once(t, p) }},
		pool.ClosedRequests: {keeps, func(t *testing.T, p *fakes, _ *fake) { once(t, p); once(t, p); once(t, p) }},
		pool.ClosedSqueezed: {keeps, func(t *testing.T, p *fakes, _ *fake) { p.Squeeze() }},
		pool.ClosedFailed: {keeps, func(t *testing.T, p *fakes, _ *fake) {
			s := acquire(t, p)
			conn(t, s)
			s.Release(false)
		}},
		pool.ClosedByPeer: {keeps, func(t *testing.T, p *fakes, c *fake) { c.dead.Store(true); once(t, p) }},
		pool.ClosedUnrested: {keeps, func(t *testing.T, p *fakes, _ *fake) {
			s := acquire(t, p)
			if _, _, err := s.Conn(context.Background(), time.Second); err != nil {
				t.Error(err)
			}
			s.Release(true)
		}},
		pool.ClosedNotKept:  {keepsNone, func(*testing.T, *fakes, *fake) {}},
		pool.ClosedWithPool: {keeps, func(_ *testing.T, p *fakes, _ *fake) { p.Close() }},
	} {
		for _, streams := range []int{1, 2} {
			if streams == 2 && want == pool.ClosedUnrested {
				continue // a stream does not say that its worker means to end
			}
			c.cfg.Streams = streams
			bubble(t, c.cfg, func(t *testing.T, p *fakes, d *dialer) {
				first, _ := once(t, p)
				c.end(t, p, first)
				synctest.Wait()
				st := p.Stat()
				if !first.closed.Load() || st.Closed[want] != 1 {
					t.Errorf("%v, %d streams: %+v", want, streams, st)
				}
				var all int64
				for _, n := range st.Closed {
					all += n
				}
				if int(st.Dials-all) != st.Open || st.Open != int(d.open.Load()) {
					t.Errorf("%v, %d streams: %d open, %+v", want, streams, d.open.Load(), st)
				}
			})
		}
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range pool.Reasons {
		name := pool.Reason(r).String()
		if name == "unknown" || seen[name] {
			t.Errorf("%d is called %q", r, name)
		}
		seen[name] = true
	}
	if got := pool.Reason(pool.Reasons).String(); got != "unknown" {
		t.Error(got)
	}
}

func TestASnapshotShowsEveryState(t *testing.T) {
	for _, streams := range []int{1, 2} {
		cfg := config{MaxConns: 3, Streams: streams, Keep: true, Queue: 5}
		bubble(t, cfg, func(t *testing.T, p *fakes, d *dialer) {
			spreadOut(t, p, 2*streams) // two connections are idle
			all := []*slot{acquire(t, p)}
			conn(t, all[0])
			if st := p.Stat(); st.MaxConns != 3 || st.Streams != streams || st.Capacity != 3*streams ||
				st.Busy != 1 || st.Open != 2 || st.Idle != 1 || st.Waiting != 0 || st.Dialling != 0 {
				t.Errorf("%d streams: %+v", streams, st)
			}
			for len(all) < 3*streams {
				all = append(all, acquire(t, p))
			}
			for _, s := range all[1 : 2*streams] {
				conn(t, s) // no connection has room for more
			}
			release := d.hold()
			dialled := make(chan error, 1)
			go func() { // ends with the dial
				_, _, err := all[2*streams].Conn(context.Background(), 0)
				dialled <- err
			}()
			got, next, _ := queue(t, p, 2)
			if st := p.Stat(); st.Busy != 3*streams || st.Idle != 0 || st.Waiting != 2 || st.Dialling != 1 {
				t.Errorf("%d streams: with all busy: %+v", streams, st)
			}
			if now, ended := p.Dialling(); now != 1 || ended != 2 {
				t.Errorf("%d dials under way, %d ended", now, ended)
			}
			release()
			if err := <-dialled; err != nil {
				t.Error(err)
			}
			for _, s := range all {
				s.Release(true)
			}
			for range 2 {
				<-got
				next <- true
			}
			synctest.Wait()
			if st := p.Stat(); st.Busy != 0 || st.Open != 3 || st.Idle != 3 || st.Dialling != 0 || st.Dials != 3 {
				t.Errorf("%d streams: at rest: %+v", streams, st)
			}
		})
	}
}

func TestWaitsAreCountedByTheirLength(t *testing.T) {
	const ms = time.Millisecond
	for i, c := range []struct {
		wait time.Duration
		want int
	}{
		{0, 1},
		{ms, 1},
		{ms + 1, 2},
		{5 * ms, 2},
		{10 * ms, 3},
		{50 * ms, 4},
		{100 * ms, 5},
		{500 * ms, 6},
		{1000 * ms, 7},
		{5000 * ms, 8},
		{10000 * ms, 9},
		{10000*ms + 1, 10},
		{time.Hour, 10},
	} {
		bubble(t, config{MaxConns: 1, Keep: true, Queue: 1}, func(t *testing.T, p *fakes, _ *dialer) {
			s := acquire(t, p)
			got, next, _ := queue(t, p, 1)
			time.Sleep(c.wait)
			s.Release(true)
			<-got
			next <- true
			synctest.Wait()
			want := pool.Waits{0: 1}
			want[c.want]++
			if st := p.Stat(); st.Waits != want {
				t.Errorf("case %d: a wait of %v counts in %v, want %v", i, c.wait, st.Waits, want)
			}
		})
	}
}

func TestWaitBoundsGrowAndTheLastHasNone(t *testing.T) {
	last := len(pool.Waits{}) - 1
	if pool.WaitBound(0) != 0 || pool.WaitBound(1) != time.Millisecond || pool.WaitBound(last-1) != 10*time.Second || pool.WaitBound(last) != -1 {
		t.Error(pool.WaitBound(0), pool.WaitBound(1), pool.WaitBound(last-1), pool.WaitBound(last))
	}
	for i := 1; i < last; i++ {
		if pool.WaitBound(i) <= pool.WaitBound(i-1) {
			t.Errorf("bound %d is %v behind %v", i, pool.WaitBound(i), pool.WaitBound(i-1))
		}
	}
}

func TestWaitsInVainAreCountedByTheirEnd(t *testing.T) {
	cfg := config{MaxConns: 1, Keep: true, Queue: 2, QueueTimeout: 20 * time.Millisecond}
	bubble(t, cfg, func(t *testing.T, p *fakes, _ *dialer) {
		s := acquire(t, p)
		if _, err := p.Acquire(context.Background()); !errors.Is(err, pool.ErrQueueTimeout) {
			t.Error(err)
		}
		for _, cause := range []error{pool.ErrQueueTimeout, errors.New("client gone")} { // the caller may keep the time itself
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(2*time.Millisecond, func() { cancel(cause) })
			if _, err := p.Acquire(ctx); err != cause {
				t.Error(err)
			}
		}
		if st := p.Stat(); st.TimedOut != 2 || st.Left != 1 || st.Waits != (pool.Waits{0: 1, 2: 2, 4: 1}) {
			t.Errorf("%+v", st)
		}
		s.Release(true)
	})
}

func TestTheReuseRatioIsThatOfAllConnectionsHad(t *testing.T) {
	bubble(t, config{MaxConns: 1, Keep: true}, func(t *testing.T, p *fakes, _ *dialer) {
		if st := p.Stat(); st.ReuseRatio() != 0 {
			t.Error("of none: ", st.ReuseRatio())
		}
		for range 4 {
			once(t, p)
		}
		if st := p.Stat(); st.ReuseRatio() != 0.75 || st.Reuses != 3 {
			t.Errorf("%v of %+v", st.ReuseRatio(), st)
		}
	})
}
