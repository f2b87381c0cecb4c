package pool_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fcgigw/fcgigw/pkg/pool"
)

// fake is a connection to nowhere.
type fake struct {
	d      *dialer
	number int64
	dead   atomic.Bool // the peer has closed it
	looks  atomic.Int64
	closed atomic.Bool
}

func (c *fake) Alive() bool {
	c.looks.Add(1)
	return !c.dead.Load() && !c.closed.Load()
}

func (c *fake) Close() {
	if c.closed.CompareAndSwap(false, true) {
		c.d.open.Add(-1)
	}
}

// dialer makes fakes and counts them.
type dialer struct {
	open, most, dials atomic.Int64

	mu   sync.Mutex
	err  error         // of the next dials
	gate chan struct{} // dials wait for it to close
}

func (d *dialer) dial(ctx context.Context) (*fake, error) {
	n := d.dials.Add(1)
	d.mu.Lock()
	gate := d.gate
	d.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, d.err
	}
	open := d.open.Add(1)
	for most := d.most.Load(); open > most && !d.most.CompareAndSwap(most, open); most = d.most.Load() {
	}
	return &fake{d: d, number: n}, nil
}

func (d *dialer) fail(err error) {
	d.mu.Lock()
	d.err = err
	d.mu.Unlock()
}

// hold makes dials wait until release is called.
func (d *dialer) hold() (release func()) {
	gate := make(chan struct{})
	d.mu.Lock()
	d.gate = gate
	d.mu.Unlock()
	return func() {
		d.mu.Lock()
		d.gate = nil
		d.mu.Unlock()
		close(gate)
	}
}

type (
	fakes  = pool.Pool[*fake]
	slot   = pool.Slot[*fake]
	config = pool.Config[*fake]
)

// bubble runs f with a pool of cfg on a clock of its own. It fails if a
// goroutine or a connection is left when f has ended and the pool is closed.
func bubble(t *testing.T, cfg config, f func(t *testing.T, p *fakes, d *dialer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := new(dialer)
		cfg.Dial = d.dial
		p := open(t, cfg)
		f(t, p, d)
		p.Close()
		if n := d.open.Load(); n != 0 {
			t.Errorf("%d connections open behind Close", n)
		}
		if st := p.Stat(); st.Open != 0 || st.Busy != 0 || st.Waiting != 0 {
			t.Errorf("behind Close: %+v", st)
		}
	})
}

func open(tb testing.TB, cfg config) *fakes {
	tb.Helper()
	p, err := pool.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func acquire(tb testing.TB, p *fakes) *slot {
	tb.Helper()
	s, err := p.Acquire(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// conn is Slot.Conn for a request that asks for no rest.
func conn(tb testing.TB, s *slot) (c *fake, reused bool) {
	tb.Helper()
	c, reused, err := s.Conn(context.Background(), 0)
	if err != nil {
		tb.Fatal(err)
	}
	return c, reused
}

// once runs one request that ends well.
func once(tb testing.TB, p *fakes) (c *fake, reused bool) {
	tb.Helper()
	s := acquire(tb, p)
	c, reused = conn(tb, s)
	s.Release(true)
	return c, reused
}

// queue starts n callers that wait, one after the other; each sends its number
// when it has a slot, and holds it until told.
func queue(t *testing.T, p *fakes, n int) (got <-chan int, next chan<- bool, errs <-chan error) {
	t.Helper()
	order, release, failed := make(chan int, n), make(chan bool), make(chan error, n)
	for i := range n {
		go func() { // ends when it was served or turned away
			s, err := p.Acquire(context.Background())
			if err != nil {
				failed <- err
				return
			}
			order <- i
			s.Release(<-release)
		}()
		synctest.Wait()
	}
	return order, release, failed
}

// slept is how long f takes by the bubble's clock.
func slept(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
