package fcgi_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// patience bounds every wait of the tests.
const patience = 20 * time.Second

// collect is a Handler that keeps what it gets.
type collect struct {
	out, err bytes.Buffer
	pauses   int
	onOut    func([]byte) error
	onErr    func([]byte) error
	onPause  func() error
	onTick   func() error
	ticks    atomic.Int64
}

func (c *collect) Stdout(p []byte) error {
	c.out.Write(p)
	if c.onOut != nil {
		return c.onOut(p)
	}
	return nil
}

func (c *collect) Stderr(p []byte) error {
	c.err.Write(p)
	if c.onErr != nil {
		return c.onErr(p)
	}
	return nil
}

func (c *collect) Pause() error {
	c.pauses++
	if c.onPause != nil {
		return c.onPause()
	}
	return nil
}

func (c *collect) Tick() error {
	c.ticks.Add(1)
	if c.onTick != nil {
		return c.onTick()
	}
	return nil
}

// discard is a Handler that keeps nothing.
type discard struct{ n int }

func (d *discard) Stdout(p []byte) error { d.n += len(p); return nil }
func (d *discard) Stderr([]byte) error   { return nil }
func (d *discard) Pause() error          { return nil }
func (d *discard) Tick() error           { return nil }

// params encodes name, value, name, value...
func params(kv ...string) []byte {
	var b []byte
	for i := 0; i < len(kv); i += 2 {
		b = fcgi.AppendPair(b, kv[i], kv[i+1])
	}
	return b
}

// post is a keep-alive POST of body.
func post(body []byte, kv ...string) *fcgi.Request {
	kv = append(kv, "REQUEST_METHOD", "POST", "CONTENT_LENGTH", fmt.Sprint(len(body)))
	return &fcgi.Request{KeepConn: true, Params: params(kv...), Stdin: body}
}

func dial(tb testing.TB, addr string) net.Conn {
	tb.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	nc, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		tb.Fatal(err)
	}
	return nc
}

func newConn(tb testing.TB, nc net.Conn, cfg fcgi.Config) *fcgi.Conn {
	tb.Helper()
	c := fcgi.NewConn(nc, cfg)
	tb.Cleanup(func() { c.Close() })
	return c
}

func sweeper(tb testing.TB, tick time.Duration) *sock.Sweeper {
	tb.Helper()
	s := sock.NewSweeper(tick)
	tb.Cleanup(s.Close)
	return s
}

// echo answers with what it got.
func echo(w *fcgitest.Response, r *fcgitest.Request) {
	fmt.Fprintf(w, "Status: 200\r\n\r\n%s %d:", r.Params["NAME"], len(r.Stdin))
	w.Write(r.Stdin)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

// attack is n bytes that read as records where a length was cut.
func attack(n int) []byte {
	return bytes.Repeat(fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: 1}), n/16+1)[:n]
}

// must fails when a test's own tool fails.
func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}
