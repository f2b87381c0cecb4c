package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/pkg/spool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// patience bounds every wait of the tests.
const patience = 20 * time.Second

// client is a Sink that records what it gets and reads as fast as told.
type client struct {
	mu      sync.Mutex
	calls   []string // "start 200 5", "try 5 false", ...
	status  int
	length  int64
	body    bytes.Buffer
	started bool
	ended   bool
	aborted bool

	takes   int           // bytes TryWrite takes; below 0: all
	reads   chan struct{} // Write waits for one token each; nil: it does not
	gone    atomic.Bool
	tryErr  error
	failErr error // of Write, instead of what reads allows
}

func newClient() *client { return &client{takes: -1} }

func (c *client) note(format string, args ...any) {
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

func (c *client) Interim(status int, _ *exchange.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("interim %d", status)
	return nil
}

func (c *client) Start(r *exchange.Response) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("start")
	c.status, c.length = r.Status, r.ContentLength
	return nil
}

func (c *client) TryWrite(p []byte, last bool) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("try %d %v", len(p), last)
	if c.tryErr != nil {
		return 0, c.tryErr
	}
	n := len(p)
	if c.takes >= 0 {
		n = min(n, c.takes)
		c.takes -= n
	}
	c.take(p[:n], last && n == len(p))
	return n, nil
}

func (c *client) Write(p []byte, last bool) error {
	if c.reads != nil {
		<-c.reads
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note("write %d %v", len(p), last)
	if c.failErr != nil {
		return c.failErr
	}
	c.take(p, last)
	return nil
}

func (c *client) take(p []byte, last bool) {
	c.started = true
	c.body.Write(p)
	c.ended = c.ended || last
}

func (c *client) Abort()           { c.aborted = true }
func (c *client) Started() bool    { return c.started }
func (c *client) ClientGone() bool { return c.gone.Load() }
func (c *client) Sent() int64      { return int64(c.body.Len()) }

func (c *client) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// params is an Encoder with the little that a worker needs.
type params struct{ lens []int64 }

func (p *params) EncodeParams(dst []byte, bodyLen int64) []byte {
	p.lens = append(p.lens, bodyLen)
	return fcgi.AppendPair(dst, "CONTENT_LENGTH", fmt.Sprint(bodyLen))
}

// upload is a request body that comes in pieces and may end badly.
type upload struct {
	r      io.Reader
	err    error
	onRead func()
}

func (u *upload) Buffered() ([]byte, bool) { return nil, false }

func (u *upload) Read(p []byte) (int, error) {
	if u.onRead != nil {
		u.onRead()
	}
	n, err := u.r.Read(p)
	if err == io.EOF && u.err != nil {
		err = u.err
	}
	return n, err
}

// inMemory is a body that the listener has already.
type inMemory []byte

func (b inMemory) Buffered() ([]byte, bool) { return b, true }
func (b inMemory) Read([]byte) (int, error) { return 0, errors.New("read although buffered") }

// bench is a proxy with one backend. When the test ends nothing may be left in
// its store, and no goroutine.
type bench struct {
	t     *testing.T
	store *spool.Store
	proxy *proxy.Proxy
	cfg   proxy.Config
	enc   params
}

func newBench(t *testing.T, addr string, change ...func(*upstream.Config)) *bench {
	t.Helper()
	harness.NoLeaks(t)
	network := "unix"
	sweeper := sock.NewSweeper(2 * time.Millisecond)
	cfg := upstream.Config{
		Name: "app", Servers: []upstream.Address{{Network: network, Addr: addr}}, MaxConns: 1, MaxConnsFrom: upstream.PoolFile,
		Multiplex: upstream.Off, Queue: 8, QueueTimeout: patience, ConnectTimeout: patience,
		ReadTimeout: patience, SendTimeout: patience, Retry: upstream.RetrySafe, Tries: 3,
	}
	for _, f := range change {
		f(&cfg)
	}
	up, err := upstream.New(cfg, sweeper, upstream.Events{})
	if err != nil {
		t.Fatal(err)
	}
	store := spool.New(spool.Config{Dir: t.TempDir()})
	b := &bench{t: t, store: store, proxy: proxy.New(store)}
	b.cfg = proxy.Config{
		Backend: up, MaxBody: 1 << 20, RequestBuffer: 64 << 10, ResponseBuffer: 64 << 10,
		ResponseTemp: 1 << 20, StderrLines: 10, StderrBytes: 1000,
	}
	t.Cleanup(func() {
		if st := store.Stats(); st != (spool.Stats{}) {
			t.Errorf("left in the store: %+v", st)
		}
		up.Close()
		sweeper.Close()
	})
	return b
}

// exchange returns a request with a body of unknown length; nil: none.
func (b *bench) exchange(method string, body exchange.Body) (*exchange.Exchange, *client) {
	x := exchange.New()
	x.Reset()
	c := newClient()
	x.Request.Method, x.Sink = []byte(method), c
	if body != nil {
		x.Request.Body, x.Request.ContentLength = body, -1
	}
	return x, c
}

func (b *bench) serve(x *exchange.Exchange) error {
	b.t.Helper()
	return b.proxy.Serve(x, &b.cfg, &b.enc, new(proxy.Job))
}

// start is serve on a goroutine of its own.
func (b *bench) start(x *exchange.Exchange) <-chan error {
	errs := make(chan error, 1)
	go func() { errs <- b.proxy.Serve(x, &b.cfg, new(params), new(proxy.Job)) }() // ends with the request
	return errs
}

// get is a GET that must be answered completely.
func (b *bench) get() *client {
	b.t.Helper()
	x, c := b.exchange("GET", nil)
	if err := b.serve(x); err != nil || !c.ended || c.aborted {
		b.t.Fatalf("%v, ended %v, aborted %v", err, c.ended, c.aborted)
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

func app(tb testing.TB, h fcgitest.Handler) (*fcgitest.Server, string) {
	tb.Helper()
	s := &fcgitest.Server{Handler: h}
	return s, s.Start(tb)
}

// says answers with text.
func says(text string) fcgitest.Handler {
	return func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(text) }
}

const hello = "Content-Type: text/plain\r\n\r\nhello"

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}
