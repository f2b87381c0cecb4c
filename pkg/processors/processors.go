// Package processors lets the number of processors that run Go code follow the
// load.
//
// A processor of the Go scheduler that has nothing to do looks for work for a
// while before it sleeps. Under a load that one processor carries easily, every
// request wakes a second one for nothing, and that search costs more than the
// request. So a process with little to do is given one processor, and all of
// them as soon as it has more to do or something has to wait.
package processors

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Governor sets GOMAXPROCS for the whole process. It is swept (sock.Swept); its
// methods may be called from any goroutine.
type Governor struct {
	mu    sync.Mutex
	on    bool
	load  load
	at    int64         // when it last looked; 0: not yet
	cpu   time.Duration // the process's processor time then
	waits waits
}

// New returns a governor that is off. Its ceiling is what the runtime has chosen:
// the processors of the machine or of the container, or the environment variable
// GOMAXPROCS.
func New() *Governor {
	n := runtime.GOMAXPROCS(0)
	return &Governor{load: load{all: n, now: n}, waits: newWaits()}
}

// Follow switches the governor on or off. Off gives the process all its
// processors.
func (g *Governor) Follow(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.on = on && g.load.all > 1
	g.at = 0
	if !on {
		g.load.now = g.load.all
		g.set()
	}
}

// Raise gives the process all its processors for a while: there is much to do, or
// will be in a moment.
func (g *Governor) Raise() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.on {
		g.load.raise(g.at)
		g.set()
	}
}

// Sweep looks at the load since the last call and changes the number of
// processors if it should be another. now is in nanoseconds. A change stops the
// program for some microseconds; mostly there is none.
func (g *Governor) Sweep(now int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.on {
		return
	}
	cpu, late := cpuTime(), g.waits.late()
	passed, used := now-g.at, cpu-g.cpu
	first := g.at == 0
	g.at, g.cpu = now, cpu
	if first || passed <= 0 {
		return
	}
	g.load.decide(now, float64(used)/float64(passed), late)
	g.set()
}

// set makes the decision true.
func (g *Governor) set() {
	if runtime.GOMAXPROCS(0) != g.load.now {
		runtime.GOMAXPROCS(g.load.now)
	}
}

// cpuTime returns the processor time that the process has used.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const (
	// full is the share of its processors' time that a process may use before it
	// gets all of them: the queue in front of one that is busier grows long.
	full = 0.6
	// idle is the share that is left to the processors which stay, when others
	// are taken away. It lies well below full, so that no load swings between.
	idle = 0.3
	// settle is how long a load must have been low.
	settle = 2 * time.Second
)

// load decides how many processors a process should have.
type load struct {
	all  int // the ceiling
	now  int
	peak float64 // of processors in use since from
	from int64
}

// decide sets the number of processors for a process that used busy of them since
// the last call; late says that work had to wait for one.
func (l *load) decide(now int64, busy float64, late bool) {
	if late || busy > full*float64(l.now) {
		l.raise(now)
	}
	l.peak = max(l.peak, busy)
	if now-l.from < int64(settle) {
		return
	}
	l.now = min(l.now, max(1, int(math.Ceil(l.peak/idle))))
	l.peak, l.from = busy, now
}

// raise gives all processors from now on.
func (l *load) raise(now int64) { l.now, l.peak, l.from = l.all, 0, now }

// waits tells whether goroutines that could run had to wait for a processor.
type waits struct {
	sample [1]metrics.Sample
	all    uint64
	long   uint64
}

const (
	longWait = 1e-3 // seconds
	// longShare of the waits looked at may be long, and longFew of them: a collection
	// of garbage, or a system that gives its processors to others for a moment.
	longShare = 0.05
	longFew   = 4
)

func newWaits() waits {
	w := waits{}
	w.sample[0].Name = "/sched/latencies:seconds"
	return w
}

// late reports whether too many waits since the last call were long.
func (w *waits) late() bool {
	metrics.Read(w.sample[:])
	if w.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return false // a runtime that does not tell
	}
	h := w.sample[0].Value.Float64Histogram()
	var all, long uint64
	for i, n := range h.Counts {
		all += n
		if h.Buckets[i] >= longWait {
			long += n
		}
	}
	newAll, newLong := all-w.all, long-w.long
	w.all, w.long = all, long
	return newLong > longFew && float64(newLong) > longShare*float64(newAll)
}
