package upstream_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// patience bounds every wait of the tests.
const patience = 20 * time.Second

// tick is the period of the tests' sweepers.
const tick = 2 * time.Millisecond

// answer is a Reply that keeps what it gets.
type answer struct {
	x        *exchange.Exchange
	interim  []string
	status   int
	header   string
	body     bytes.Buffer
	stderr   bytes.Buffer
	calls    []string
	doneErr  error
	onHead   func() error
	onBody   func() error
	tickErr  atomic.Pointer[error]
	done     int
	onDone   func()
	ticks    atomic.Int64
	onPaused func()
}

func (a *answer) note(call string) {
	if n := len(a.calls); n == 0 || a.calls[n-1] != call {
		a.calls = append(a.calls, call)
	}
}

func (a *answer) Interim(status int, h *exchange.Header) error {
	a.note("interim")
	a.interim = append(a.interim, fmt.Sprint(status, " ", text(h)))
	return nil
}

func (a *answer) Head() error {
	a.note("head")
	a.status, a.header = a.x.Response.Status, text(&a.x.Response.Header)
	if a.onHead != nil {
		return a.onHead()
	}
	return nil
}

func (a *answer) Body(p []byte) error {
	a.note("body")
	a.body.Write(p)
	if a.onBody != nil {
		return a.onBody()
	}
	return nil
}

func (a *answer) Stderr(p []byte) { a.note("stderr"); a.stderr.Write(p) }

func (a *answer) Pause() error {
	a.note("pause")
	if a.onPaused != nil {
		a.onPaused()
	}
	return nil
}

func (a *answer) Tick() error {
	a.ticks.Add(1)
	if err := a.tickErr.Load(); err != nil {
		return *err
	}
	return nil
}

func (a *answer) Done(err error) error {
	a.note("done")
	a.doneErr = err
	a.done++
	if a.onDone != nil {
		a.onDone()
	}
	return err
}

func text(h *exchange.Header) string {
	var s []string
	for _, f := range h.All() {
		s = append(s, string(f.Name)+": "+string(f.Value))
	}
	return strings.Join(s, "; ")
}

// call is one request of a test: set it up, then do it.
type call struct {
	x   *exchange.Exchange
	in  upstream.Input
	out answer
}

func request(method string, body string) *call {
	c := &call{x: exchange.New()}
	c.x.Reset()
	c.x.Request.Method = []byte(method)
	c.in.Params = fcgi.AppendPair(nil, "REQUEST_METHOD", method)
	c.in.Params = fcgi.AppendPair(c.in.Params, "CONTENT_LENGTH", fmt.Sprint(len(body)))
	c.in.Body, c.in.BodyLen = []byte(body), int64(len(body))
	c.out.x = c.x
	return c
}

// do runs the request and checks what holds of every one: Done came once, last,
// with the error that Do returned.
func (c *call) do(tb testing.TB, b *upstream.Backend) error {
	tb.Helper()
	c.in.At = time.Now()
	err := b.Do(c.x, &c.in, &c.out, new(upstream.Call))
	if c.out.done != 1 || c.out.doneErr != err || c.out.calls[len(c.out.calls)-1] != "done" {
		tb.Errorf("Done: %d times, %v; Do: %v; calls %v", c.out.done, c.out.doneErr, err, c.out.calls)
	}
	return err
}

// start runs the request on a goroutine of its own.
func (c *call) start(tb testing.TB, b *upstream.Backend) <-chan error {
	errs := make(chan error, 1)
	go func() { errs <- c.do(tb, b) }() // ends with the request
	return errs
}

func get(tb testing.TB, b *upstream.Backend) (*call, error) {
	tb.Helper()
	c := request("GET", "")
	return c, c.do(tb, b)
}

// fine is get that must succeed.
func fine(tb testing.TB, b *upstream.Backend) *call {
	tb.Helper()
	c, err := get(tb, b)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// await returns what comes from ch.
func await[T any](tb testing.TB, ch <-chan T) T {
	tb.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		tb.Fatalf("waited in vain:\n%s", buf[:runtime.Stack(buf, true)])
		panic("unreachable")
	}
}

// at makes addresses of socket paths and host:port.
func at(addrs ...string) []upstream.Address {
	var list []upstream.Address
	for _, a := range addrs {
		network := "tcp"
		if strings.HasPrefix(a, "/") {
			network = "unix"
		}
		list = append(list, upstream.Address{Network: network, Addr: a})
	}
	return list
}

// config is a backend as tests usually want it: connections are kept, nothing
// is multiplexed or asked for, and attempts may be repeated.
func config(addrs ...string) upstream.Config {
	return upstream.Config{
		Name: "app", Servers: at(addrs...), MaxConns: 4, Multiplex: upstream.Off, Streams: 4,
		Queue: 16, QueueTimeout: patience, ConnectTimeout: patience, ReadTimeout: patience,
		SendTimeout: patience, Retry: upstream.RetrySafe, Tries: 3, RetryTimeout: 0,
	}
}

// newBackend returns a backend that is closed when the test ends; goroutines
// that are left then fail the test.
func newBackend(tb testing.TB, cfg upstream.Config, ev upstream.Events) *upstream.Backend {
	tb.Helper()
	sweeper := sock.NewSweeper(tick)
	b, err := upstream.New(cfg, sweeper, ev)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		b.Close()
		sweeper.Close()
	})
	return b
}
