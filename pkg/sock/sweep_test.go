package sock_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// swept remembers the clocks it was given.
type swept struct {
	clocks  []int64
	running atomic.Bool
	removed atomic.Bool
	late    atomic.Int64 // calls after removed was set
}

func (s *swept) Sweep(now int64) {
	s.running.Store(true)
	s.clocks = append(s.clocks, now)
	if s.removed.Load() {
		s.late.Add(1)
	}
	s.running.Store(false)
}

func TestSweepRunsOncePerTickWithTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sock.NewSweeper(0)
		defer s.Close()
		var x swept
		s.Add(&x)
		s.Add(&x) // twice is once
		begin := s.Now()
		time.Sleep(3*sock.DefaultTick + sock.DefaultTick/2)
		s.Remove(&x)
		tick := int64(sock.DefaultTick)
		if len(x.clocks) != 3 || x.clocks[0] != begin+tick || x.clocks[2] != begin+3*tick {
			t.Fatalf("swept at %v, began at %d", x.clocks, begin)
		}
		if now := s.Now(); now != x.clocks[2] {
			t.Errorf("clock %d, last sweep %d", now, x.clocks[2])
		}
	})
}

func TestNoSweepAfterRemoveOrClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sock.NewSweeper(time.Millisecond)
		var gone, stays swept
		s.Add(&gone)
		s.Add(&stays)
		s.Remove(&gone)
		s.Remove(&gone) // again does nothing
		time.Sleep(2*time.Millisecond + time.Microsecond)
		s.Close()
		time.Sleep(time.Second)
		if len(gone.clocks) != 0 || len(stays.clocks) != 2 {
			t.Errorf("removed %d, closed %d sweeps", len(gone.clocks), len(stays.clocks))
		}
	})
}

func TestAfterOfNothingIsNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sock.NewSweeper(time.Second)
		defer s.Close()
		for _, d := range []time.Duration{0, -time.Second} {
			if got := s.After(d); got != 0 {
				t.Errorf("After(%v) = %d", d, got)
			}
		}
		if got, want := s.After(time.Minute), s.Now()+int64(time.Minute); got != want {
			t.Errorf("After(1m) = %d, want %d", got, want)
		}
	})
}

// Remove promises that no Sweep runs when it returns: the fields of swept
// would race otherwise.
func TestAddAndRemoveMayRaceWithSweeps(t *testing.T) {
	s := sock.NewSweeper(50 * time.Microsecond)
	defer s.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				x := new(swept)
				s.Add(x)
				_ = s.Now()
				s.Remove(x)
				x.removed.Store(true)
				if x.running.Load() {
					t.Error("a Sweep was running after Remove")
				}
				x.clocks = nil // the race detector would see a Sweep
				if x.late.Load() != 0 {
					t.Error("a Sweep came after Remove")
				}
			}
		})
	}
	wg.Wait()
}

// stepped returns t as time.Now would have with a time of day that was set by d.
func stepped(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	const seconds = 30 // where the time of day has them, next to a monotonic reading
	*(*uint64)(unsafe.Pointer(&at)) += uint64(d/time.Second) << seconds
	return at
}

func TestSettingTheTimeOfDayMovesNoDeadline(t *testing.T) {
	s := sock.NewSweeper(time.Hour)
	defer s.Close()
	now := time.Now()
	for _, d := range []time.Duration{2 * time.Hour, -2 * time.Hour} {
		set := stepped(t, now, d)
		if set.UnixNano() != now.UnixNano()+int64(d) || set.Sub(now) != 0 {
			t.Skip("package time keeps its clocks in another way")
		}
		if got := s.At(set) - s.At(now); got != 0 {
			t.Errorf("set by %v, the sweeper's clock moves by %v", d, time.Duration(got))
		}
	}
	if d := s.At(now.Add(time.Minute)) - s.At(now); d != int64(time.Minute) {
		t.Errorf("a minute has %v", time.Duration(d))
	}
	if d := time.Duration(s.At(now) - s.Now()); d < 0 || d > time.Minute {
		t.Errorf("%v from the start until now", d)
	}
}
