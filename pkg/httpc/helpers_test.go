package httpc

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

// patience bounds every wait of the tests.
const patience = 20 * time.Second

// taker is a Handler that keeps what it gets.
type taker struct {
	r      *exchange.Response
	status int
	body   bytes.Buffer
	begun  bool
	pauses int
	tick   atomic.Pointer[error]
}

func (h *taker) Begun()         { h.begun = true }
func (h *taker) Interim() error { return nil }
func (h *taker) Head() error    { h.status = h.r.Status; return nil }
func (h *taker) Pause() error   { h.pauses++; return nil }

func (h *taker) Body(p []byte) error { h.body.Write(p); return nil }

func (h *taker) Tick() error {
	if err := h.tick.Load(); err != nil {
		return *err
	}
	return nil
}

// pair returns a connection and the server's end of it.
func pair(tb testing.TB, network string) (ours, theirs net.Conn) {
	tb.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(tb.TempDir(), "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	ours, err = net.Dial(network, ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	theirs, err = ln.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ours.Close(); theirs.Close() })
	_ = theirs.SetDeadline(time.Now().Add(patience))
	return ours, theirs
}

// bench is a connection under test with its scripted server.
type bench struct {
	tb testing.TB
	c  *Conn
	nc net.Conn // the server's end
	br *bufio.Reader
}

// eachNetwork runs f over TCP, a unix socket and a connection without a
// descriptor.
func eachNetwork(t *testing.T, f func(t *testing.T, b *bench)) {
	for _, network := range []string{"tcp", "unix", "pipe"} {
		t.Run(network, func(t *testing.T) { f(t, newBench(t, network, Config{})) })
	}
}

func newBench(tb testing.TB, network string, cfg Config) *bench {
	tb.Helper()
	harness.NoLeaks(tb)
	var ours, theirs net.Conn
	if network == "pipe" {
		a, b := pair(tb, "tcp")
		ours, theirs = struct{ net.Conn }{a}, b
	} else {
		ours, theirs = pair(tb, network)
	}
	if cfg.Sweeper == nil {
		cfg.Sweeper = sock.NewSweeper(2 * time.Millisecond)
		tb.Cleanup(cfg.Sweeper.Close)
	}
	c := NewConn(ours, cfg)
	c.grace = patience // a loaded machine may run the writer late
	tb.Cleanup(func() { c.Close() })
	return &bench{tb: tb, c: c, nc: theirs, br: bufio.NewReader(theirs)}
}

// get is a request without a body.
func get() *Request {
	return &Request{Head: []byte("GET / HTTP/1.1\r\nhost: h\r\n\r\n"), Into: new(exchange.Response)}
}

// post is one with.
func post(body []byte) *Request {
	x := exchange.New()
	x.Request.Method, x.Request.Target = []byte("POST"), []byte("/")
	out := Outgoing{Host: "h", BodyLen: int64(len(body))}
	return &Request{Head: AppendHead(nil, x, &out), Body: body, Into: new(exchange.Response)}
}

// do runs req and the server's part at the same time.
func (b *bench) do(req *Request, server func()) (*taker, error) {
	b.tb.Helper()
	done := make(chan struct{})
	go func() { // ends with the script, which has deadlines
		defer close(done)
		server()
	}()
	h := &taker{r: req.Into}
	err := b.c.Do(req, new(Reply), h)
	<-done
	return h, err
}

// hear reads one request and returns its body.
func (b *bench) hear() string {
	req, err := http.ReadRequest(b.br)
	if err != nil {
		b.tb.Errorf("the server gets no request: %v", err)
		return ""
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		b.tb.Errorf("the server gets no whole body: %v", err)
	}
	return string(body)
}

func (b *bench) say(s string) {
	if _, err := io.WriteString(b.nc, s); err != nil {
		b.tb.Errorf("the server cannot write: %v", err)
	}
}

// serve hears one request and answers it.
func (b *bench) serve(reply string) func() {
	return func() {
		b.hear()
		b.say(reply)
	}
}

// brokenBody is a reader whose end is an error.
type brokenBody struct{ left int }

var errBody = errors.New("the body cannot be read")

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errBody
	}
	n := min(len(p), b.left)
	b.left -= n
	return n, nil
}
