package proxy_test

import (
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

// blind is a Sink that only counts.
type blind struct {
	started bool
	sent    int64
	ended   int
}

func (b *blind) Interim(int, *exchange.Header) error { return nil }
func (b *blind) Start(*exchange.Response) error      { return nil }
func (b *blind) TryWrite(p []byte, last bool) (int, error) {
	return len(p), b.Write(p, last)
}

func (b *blind) Write(p []byte, last bool) error {
	b.started = true
	b.sent += int64(len(p))
	if last {
		b.ended++
	}
	return nil
}
func (b *blind) Abort()           {}
func (b *blind) Started() bool    { return b.started }
func (b *blind) ClientGone() bool { return false }
func (b *blind) Sent() int64      { return b.sent }

// fixedParams is an Encoder with the same variables for every request.
type fixedParams []byte

func (p fixedParams) EncodeParams(dst []byte, _ int64) []byte { return append(dst, p...) }

func TestASmallGetAllocatesNothingOnceEverythingIsWarm(t *testing.T) {
	if harness.Race {
		t.Skip("sync.Pool forgets at random under the race detector")
	}
	const text = "Content-Type: text/html\r\nX-Powered-By: PHP\r\n\r\nhello, world"
	sweeper := sock.NewSweeper(time.Second)
	defer sweeper.Close()
	up, err := upstream.New(upstream.Config{
		Name: "app", Servers: []upstream.Address{{Network: "unix", Addr: fcgitest.Parrot(t, text)}}, MaxConns: 2,
		Multiplex: upstream.Off, Queue: 8, QueueTimeout: patience, ConnectTimeout: patience,
		ReadTimeout: patience, SendTimeout: patience, RequestTimeout: patience, IdleTimeout: time.Minute,
		MaxRequests: 1 << 30, MaxLifetime: time.Hour, Retry: upstream.RetrySafe, Tries: 3, RetryTimeout: patience,
	}, sweeper, upstream.Events{})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	p := proxy.New(spool.New(spool.Config{Dir: t.TempDir()}))
	cfg := &proxy.Config{Backend: up, MaxBody: 1 << 20, RequestBuffer: 1 << 16, ResponseBuffer: 1 << 16, StderrLines: 9, StderrBytes: 999}
	var enc proxy.Encoder = fixedParams(fcgi.AppendPair(fcgi.AppendPair(nil, "REQUEST_METHOD", "GET"), "SCRIPT_FILENAME", "/srv/index.php"))
	x, sink, method, job := exchange.New(), new(blind), []byte("GET"), new(proxy.Job)
	requests := 0
	one := func() {
		x.Reset()
		x.Request.Method, x.Sink = method, sink
		*sink = blind{}
		requests++
		if err := p.Serve(x, cfg, enc, job); err != nil || sink.sent != 12 || sink.ended != 1 || x.Trace.Reused != (requests > 1) {
			t.Fatalf("request %d: %v, %d bytes, %+v", requests, err, sink.sent, x.Trace)
		}
	}
	for range 50 {
		one()
	}
	// The call, the job, the FastCGI buffers and the slot are all kept; whatever
	// shows up here is new.
	if allocs := testing.AllocsPerRun(500, one); allocs != 0 {
		t.Errorf("%v allocations per request", allocs)
	}
}
