package sock

import (
	"sync"
	"sync/atomic"
	"time"
)

// Swept is something with deadlines of its own that it checks when told the
// time. Sweep runs on the sweeper's goroutine with its lock held: it must not
// block, and must not call Add or Remove.
type Swept interface {
	// Sweep gets the sweeper's clock, in nanoseconds as Now returns it.
	Sweep(now int64)
}

// Sweeper calls every registered Swept once per tick. It replaces a runtime
// timer per request by one pass over all connections, so deadlines are late by
// up to one tick.
type Sweeper struct {
	tick time.Duration
	born time.Time
	base int64 // Unix nanoseconds when born
	now  atomic.Int64
	stop chan struct{}
	done chan struct{}

	mu  sync.Mutex // guards set; held while Sweep runs
	set map[Swept]struct{}
}

// DefaultTick is the sweeper's usual period.
const DefaultTick = 100 * time.Millisecond

// NewSweeper starts a sweeper with the given period (DefaultTick when zero).
// Close stops it.
func NewSweeper(tick time.Duration) *Sweeper {
	if tick <= 0 {
		tick = DefaultTick
	}
	s := &Sweeper{
		tick: tick,
		stop: make(chan struct{}),
		done: make(chan struct{}),
		set:  make(map[Swept]struct{}),
		born: time.Now(),
	}
	s.base = s.born.UnixNano()
	s.now.Store(s.base)
	go s.run() // ends when Close closes s.stop
	return s
}

// Add registers t until Remove.
func (s *Sweeper) Add(t Swept) {
	s.mu.Lock()
	s.set[t] = struct{}{}
	s.mu.Unlock()
}

// Remove forgets t; when it returns, no Sweep of t is running.
func (s *Sweeper) Remove(t Swept) {
	s.mu.Lock()
	delete(s.set, t)
	s.mu.Unlock()
}

// Now returns the sweeper's clock in nanoseconds, at most one tick old.
// Deadlines for Sweep are computed from it, at the price of an atomic load.
//
// The clock began with the Unix time when the sweeper was made and has been
// running since, whatever becomes of the time of day: a clock that is set
// neither ends nor prolongs what has a deadline. It is no time to show.
func (s *Sweeper) Now() int64 { return s.now.Load() }

// At returns the sweeper's clock at a moment that time.Now returned, exactly.
func (s *Sweeper) At(t time.Time) int64 { return s.base + int64(t.Sub(s.born)) }

// After returns the clock value d from now, for a deadline; zero or less means
// none and gives 0.
func (s *Sweeper) After(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return s.Now() + int64(d)
}

// Close stops the sweeper and waits for its goroutine.
func (s *Sweeper) Close() {
	close(s.stop)
	<-s.done
}

func (s *Sweeper) run() {
	defer close(s.done)
	t := time.NewTicker(s.tick)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-t.C:
			s.sweep(s.At(now))
		}
	}
}

func (s *Sweeper) sweep(now int64) {
	s.now.Store(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.set {
		t.Sweep(now)
	}
}
