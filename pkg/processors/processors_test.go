package processors

import (
	"runtime"
	"testing"
	"time"
)

const tick = int64(100 * time.Millisecond)

// steps feeds l one tick after another with the same load and returns how many it
// took until the number of processors was want, at most most.
func steps(l *load, now *int64, busy float64, late bool, want, most int) int {
	for n := range most {
		if l.now == want {
			return n
		}
		*now += tick
		l.decide(*now, busy, late)
	}
	return most
}

func TestAProcessWithLittleToDoComesDownToOneProcessor(t *testing.T) {
	for _, all := range []int{2, 4, 64} {
		l, now := load{all: all, now: all}, int64(0)
		if n := steps(&l, &now, 0.1, false, 1, 100); n > 21 {
			t.Errorf("%d processors: still %d after %d ticks", all, l.now, n)
		}
	}
}

func TestALoadBeyondItsProcessorsGetsAllAtOnce(t *testing.T) {
	l, now := load{all: 8, now: 1}, int64(0)
	if n := steps(&l, &now, 0.7, false, 8, 10); n != 1 {
		t.Errorf("%d ticks", n)
	}
}

func TestWorkThatWaitsGetsAllProcessorsAtOnce(t *testing.T) {
	l, now := load{all: 8, now: 1}, int64(0)
	if n := steps(&l, &now, 0.05, true, 8, 10); n != 1 {
		t.Errorf("%d ticks", n)
	}
}

func TestAMiddleLoadKeepsWhatItNeeds(t *testing.T) {
	l, now := load{all: 16, now: 16}, int64(0)
	steps(&l, &now, 1, false, 4, 100)
	if l.now != 4 {
		t.Errorf("%d processors for a load of 1", l.now)
	}
	steps(&l, &now, 1, false, 0, 100) // and stays there
	if l.now != 4 {
		t.Errorf("%d processors later", l.now)
	}
}

func TestALoadOfTwoHeightsDoesNotSwing(t *testing.T) {
	l, now := load{all: 4, now: 4}, int64(0)
	changes, last := 0, l.now
	for i := range 1000 {
		busy := 0.1
		if i%10 == 0 {
			busy = 0.9
		}
		now += tick
		if l.decide(now, busy, false); l.now != last {
			changes++
			last = l.now
		}
	}
	if changes > 1 {
		t.Errorf("changed %d times", changes)
	}
}

func TestAGovernorFollowsTheProcess(t *testing.T) {
	all := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(all)
	g := New()
	g.Follow(true)
	defer g.Follow(false)
	now := time.Now().UnixNano()
	g.Sweep(now)
	for range 30 { // hours in which next to nothing happened
		now += int64(time.Hour)
		g.Sweep(now)
	}
	if n := runtime.GOMAXPROCS(0); n != 1 {
		t.Errorf("%d processors when idle", n)
	}
	for begun := cpuTime(); cpuTime() < begun+20*time.Millisecond; {
		spin++
	}
	g.Sweep(now + int64(20*time.Millisecond))
	if n := runtime.GOMAXPROCS(0); n != 4 {
		t.Errorf("%d processors when busy", n)
	}
	now += int64(time.Hour)
	for range 30 {
		now += int64(time.Hour)
		g.Sweep(now)
	}
	if n := runtime.GOMAXPROCS(0); n != 1 {
		t.Errorf("%d processors when idle again", n)
	}
	g.Raise()
	if n := runtime.GOMAXPROCS(0); n != 4 {
		t.Errorf("%d processors after Raise", n)
	}
	for range 30 {
		now += int64(time.Hour)
		g.Sweep(now)
	}
	g.Follow(false)
	g.Raise() // nothing to raise
	g.Sweep(now + int64(time.Hour))
	if n := runtime.GOMAXPROCS(0); n != 4 {
		t.Errorf("%d processors when off", n)
	}
}

var spin int

func TestALookAllocatesNothing(t *testing.T) {
	all := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(all)
	g := New()
	g.Follow(true)
	defer g.Follow(false)
	now := time.Now().UnixNano()
	g.Sweep(now)
	if n := testing.AllocsPerRun(10, func() { now += tick; g.Sweep(now) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
