package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnectionsAreFilledBeforeAnotherIsDialled(t *testing.T) {
	bubble(t, config{MaxConns: 3, Streams: 4, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		var all []*slot
		for i := range 12 {
			s := acquire(t, p)
			c, reused := conn(t, s)
			if c.number != int64(i/4+1) || reused != (i%4 != 0) {
				t.Errorf("request %d: connection %d, reused %v", i, c.number, reused)
			}
			all = append(all, s)
		}
		if st := p.Stat(); st.Open != 3 || st.Busy != 12 || st.Capacity != 12 {
			t.Errorf("%+v", st)
		}
		for _, s := range all {
			s.Release(true)
		}
		if c, _ := once(t, p); c.number != 1 {
			t.Errorf("connection %d, want the first", c.number)
		}
	})
}

// joined is what a caller of Conn got.
type joined struct {
	s      *slot
	c      *fake
	reused bool
	err    error
}

// join starts n callers of Conn, one after the other.
func join(t *testing.T, ctx context.Context, p *fakes, n int) <-chan joined {
	t.Helper()
	results := make(chan joined, n)
	for range n {
		s := acquire(t, p)
		go func() { // ends with the dial
			c, reused, err := s.Conn(ctx, 0)
			results <- joined{s, c, reused, err}
		}()
		synctest.Wait()
	}
	return results
}

func TestADialUnderWayIsSharedByThoseWhoWait(t *testing.T) {
	bubble(t, config{MaxConns: 4, Streams: 4, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		release := d.hold()
		results := join(t, context.Background(), p, 4)
		if n := d.dials.Load(); n != 1 {
			t.Errorf("%d dials", n)
		}
		release()
		var fresh int
		for range 4 {
			r := <-results
			if r.err != nil || r.c.number != 1 {
				t.Fatalf("%+v", r)
			}
			if !r.reused {
				fresh++
			}
			r.s.Release(true)
		}
		if fresh != 1 || p.Stat().Open != 1 {
			t.Errorf("%d dialled, %+v", fresh, p.Stat())
		}
	})
}

func TestADialErrorReachesAllWhoWaitForIt(t *testing.T) {
	errRefused := errors.New("refused")
	bubble(t, config{MaxConns: 2, Streams: 4, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		d.fail(errRefused)
		release := d.hold()
		results := join(t, context.Background(), p, 5)
		release()
		for range 5 {
			r := <-results
			if r.err != errRefused || r.reused {
				t.Errorf("%+v", r)
			}
			r.s.Release(false)
		}
		if n := d.dials.Load(); n != 1 {
			t.Errorf("%d dials", n)
		}
		d.fail(nil)
		once(t, p)
	})
}

func TestWhoeverDialsMayLeaveWithoutHarmToOthers(t *testing.T) {
	errGone := errors.New("client gone")
	bubble(t, config{MaxConns: 2, Streams: 4, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		release := d.hold()
		ctx, cancel := context.WithCancelCause(context.Background())
		leaver := join(t, ctx, p, 1)
		others := join(t, context.Background(), p, 2)
		cancel(errGone)
		if r := <-leaver; r.err != errGone {
			t.Errorf("%+v", r)
		} else {
			r.s.Release(false)
		}
		synctest.Wait()
		release()
		for range 2 {
			r := <-others
			if r.err != nil || r.c.number != 2 {
				t.Fatalf("%+v", r)
			}
			r.s.Release(true)
		}
	})
}

func TestWhoeverJoinedADialMayLeave(t *testing.T) {
	errGone := errors.New("client gone")
	bubble(t, config{MaxConns: 2, Streams: 4, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
		release := d.hold()
		dialling := join(t, context.Background(), p, 1)
		ctx, cancel := context.WithCancelCause(context.Background())
		leaver := join(t, ctx, p, 1)
		cancel(errGone)
		r := <-leaver
		if r.err != errGone {
			t.Errorf("%+v", r)
		}
		r.s.Release(false)
		release()
		r = <-dialling
		if r.err != nil || r.c.closed.Load() {
			t.Fatalf("%+v", r)
		}
		r.s.Release(true)
	})
}

func TestAWornConnectionTakesNoNewUsersAndServesItsOwn(t *testing.T) {
	cfg := config{MaxConns: 2, Streams: 4, Keep: true, MaxLifetime: time.Minute}
	bubble(t, cfg, func(t *testing.T, p *fakes, d *dialer) {
		s1, s2 := acquire(t, p), acquire(t, p)
		old, _ := conn(t, s1)
		conn(t, s2)
		time.Sleep(time.Minute)
		s3 := acquire(t, p)
		if c, reused := conn(t, s3); c == old || reused {
			t.Error("a worn connection got a new user")
		}
		s1.Release(true)
		if old.closed.Load() {
			t.Error("closed under its last user")
		}
		s2.Release(true)
		if !old.closed.Load() {
			t.Error("its last user left it open")
		}
		s3.Release(true)
		if p.Stat().Open != 1 {
			t.Errorf("%+v", p.Stat())
		}
	})
}

func TestABrokenConnectionTakesNoNewUsersAndIsClosedByTheLast(t *testing.T) {
	for name, breakIt := range map[string]func(s *slot) (held *slot){
		"Release": func(s *slot) *slot { s.Release(false); return nil },
		"Fail":    func(s *slot) *slot { s.Fail(); return s },
	} {
		bubble(t, config{MaxConns: 2, Streams: 4, Keep: true}, func(t *testing.T, p *fakes, d *dialer) {
			s1, s2 := acquire(t, p), acquire(t, p)
			old, _ := conn(t, s1)
			conn(t, s2)
			held := breakIt(s1)
			if held == nil {
				held = acquire(t, p)
			}
			if c, _ := conn(t, held); c == old {
				t.Errorf("%s: a broken connection got a new user", name)
			}
			if old.closed.Load() {
				t.Errorf("%s: closed under its last user", name)
			}
			s2.Release(true)
			if !old.closed.Load() {
				t.Errorf("%s: its last user left it open", name)
			}
			held.Release(true)
		})
	}
}

func TestAConnectionThatIsNotKeptClosesWithItsLastUser(t *testing.T) {
	bubble(t, config{MaxConns: 1, Streams: 2}, func(t *testing.T, p *fakes, d *dialer) {
		s1, s2 := acquire(t, p), acquire(t, p)
		c, _ := conn(t, s1)
		conn(t, s2)
		s1.Release(true)
		if c.closed.Load() {
			t.Error("closed under its last user")
		}
		s2.Release(true)
		if !c.closed.Load() {
			t.Error("kept")
		}
	})
}
