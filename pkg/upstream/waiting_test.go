package upstream

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// quiet is a Reply that looks at nothing.
type quiet struct{ ticks int }

func (*quiet) Interim(int, *exchange.Header) error { return nil }
func (*quiet) Head() error                         { return nil }
func (*quiet) Body([]byte) error                   { return nil }
func (*quiet) Stderr([]byte)                       {}
func (*quiet) Pause() error                        { return nil }
func (q *quiet) Tick() error                       { q.ticks++; return nil }
func (*quiet) Done(err error) error                { return err }

// waiter is a call that could wait.
func waiter(b *Backend) (*call, *quiet) {
	c, x, q := new(call), exchange.New(), new(quiet)
	x.Reset()
	c.begin(b, x, new(Input), q)
	return c, q
}

func backend(t *testing.T) *Backend {
	t.Helper()
	s := sock.NewSweeper(time.Hour)
	b, err := New(Config{
		Name: "app", Servers: []Address{{"unix", "/nonexistent"}},
		Retry: RetrySafe, Tries: 3, RetryTimeout: time.Minute,
	}, s, Events{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		s.Close()
	})
	return b
}

func TestTheListOfThoseWhoWaitHoldsWhoeverAskedForTheEnd(t *testing.T) {
	b := backend(t)
	var calls [3]*call
	var ticks [3]*quiet
	for i := range calls {
		calls[i], ticks[i] = waiter(b)
		calls[i].watch.Done()
		calls[i].watch.Done() // again changes nothing
	}
	// Taken out from the middle, the front and the end.
	for out, i := range []int{1, 2, 0} {
		b.Sweep(1)
		calls[i].watch.rest()
		calls[i].watch.rest()
		if ticks[i].ticks != out+1 {
			t.Errorf("call %d was looked at %d times, want %d", i, ticks[i].ticks, out+1)
		}
	}
	b.Sweep(2)
	if b.waiting.first != nil || ticks[0].ticks != 3 {
		t.Error("somebody is left in the list")
	}
	calls[1].watch.Done()
	b.Sweep(3)
	if ticks[1].ticks != 2 {
		t.Error("nobody comes back into the list")
	}
	calls[1].end()
	if b.waiting.first != nil {
		t.Error("a call that has ended waits")
	}
}

func TestComingAndGoingAllocatesNothing(t *testing.T) {
	b := backend(t)
	c, _ := waiter(b)
	c.watch.Done() // makes the exchange's channel
	if n := testing.AllocsPerRun(100, func() {
		c.watch.rest()
		c.watch.Done()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	c.end()
}

func TestTheSweepEndsWhatIsDerivedFromAWatch(t *testing.T) {
	b := backend(t)
	c, _ := waiter(b)
	defer c.end()
	errGone := errors.New("gone")
	one, stop := context.WithCancel(&c.watch)
	two, stopTwo := context.WithTimeout(&c.watch, time.Hour)
	three, stopThree := context.WithCancel(&c.watch)
	defer stop()
	defer stopTwo()
	stopThree()
	c.x.Cancel(errGone)
	b.Sweep(1)
	for _, ctx := range []context.Context{one, two} {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
		if context.Cause(ctx) != errGone {
			t.Errorf("cause %v", context.Cause(ctx))
		}
	}
	if context.Cause(three) != context.Canceled {
		t.Errorf("the one that was over: %v", context.Cause(three))
	}
}

// A server that refuses now and then is never away for long, and would keep a
// request that it always refuses for ever.
func TestARequestsOwnTimeBoundsItsDials(t *testing.T) {
	b := backend(t)
	s := b.servers[0]
	refused := &DialError{Server: s.name, Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	c, _ := waiter(b)
	defer c.end()
	s.markDown(refused) // a moment ago, whoever was refused before
	if !c.dialAgain(s, refused) {
		t.Error("not even one more dial")
	}
	c.failedAt -= int64(time.Minute)
	if c.dialAgain(s, refused) {
		t.Error("another dial after retry_timeout")
	}
	b.cfg.Retry &^= RetryRefused
	c.failedAt = 0
	if c.dialAgain(s, refused) {
		t.Error("another dial against the list")
	}
}
