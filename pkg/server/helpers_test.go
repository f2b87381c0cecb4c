package server_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/listen"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

const (
	tick    = 5 * time.Millisecond
	patient = 15 * time.Second // no test comes near it unless it fails
)

// refusal is one Refused event.
type refusal struct {
	status int
	reason string
}

// rig is a running server.
type rig struct {
	*server.Server
	addr   string
	panics chan any

	mu      sync.Mutex // guards refused
	refused []refusal
}

// config returns limits that no test runs into by accident.
func config() server.Config {
	return server.Config{
		HeaderTimeout: patient, KeepaliveTimeout: patient, BodyTimeout: patient, SendTimeout: patient,
		ServerHeader: "test",
	}
}

// start serves h on a loopback port until the test ends.
func start(tb testing.TB, cfg server.Config, h exchange.HandlerFunc) *rig {
	tb.Helper()
	ln, err := listen.Open(tb.Context(), "127.0.0.1:0", listen.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return startOn(tb, cfg, h, ln)
}

func startOn(tb testing.TB, cfg server.Config, h exchange.HandlerFunc, ln net.Listener) *rig {
	tb.Helper()
	return startListener(tb, cfg, h, ln, server.Listener{Name: "here", TLS: serverTLS(tb)}, server.Events{})
}

// startListener is startOn for connections as l says; ev's Refused and Panic are
// the rig's.
func startListener(tb testing.TB, cfg server.Config, h exchange.HandlerFunc, ln net.Listener, l server.Listener, ev server.Events) *rig {
	tb.Helper()
	sweeper := sock.NewSweeper(tick)
	r := &rig{addr: ln.Addr().String(), panics: make(chan any, 8)}
	ev.Refused = func(_ *exchange.Exchange, status int, reason string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.refused = append(r.refused, refusal{status, reason})
	}
	ev.Panic = func(_ *exchange.Exchange, v any, _ []byte) { r.panics <- v }
	s, err := server.New(cfg, h, sweeper, ev)
	if err != nil {
		tb.Fatal(err)
	}
	r.Server = s
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln, l) }() // ends with Shutdown
	tb.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer stop()
		_ = s.Shutdown(ctx) // handlers that a failed test left behind are cut
		if err := <-done; err != nil {
			tb.Error(err)
		}
		sweeper.Close()
	})
	return r
}

func (r *rig) refusals() []refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]refusal(nil), r.refused...)
}

// client is one raw connection.
type client struct {
	net.Conn
	tb testing.TB
	br *bufio.Reader
}

func (r *rig) dial(tb testing.TB) *client { return dial(tb, "tcp", r.addr) }

// dial connects to a rig, over TLS if the test is one that does.
func dial(tb testing.TB, network, addr string) *client {
	tb.Helper()
	nc, err := net.Dial(network, addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patient))
	nc = clientTLS(tb, nc)
	return &client{Conn: nc, tb: tb, br: bufio.NewReader(nc)}
}

func (c *client) send(text string) {
	c.tb.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.tb.Fatalf("write: %v", err)
	}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
	err  error // of the body
}

// answer reads the response to a request with the given method.
func (c *client) answer(method string) answer {
	c.tb.Helper()
	resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		c.tb.Fatalf("read response: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	return answer{resp, string(body), err}
}

// want reads the response to a GET and holds it against status and body.
func (c *client) want(status int, body string) answer {
	c.tb.Helper()
	a := c.answer("GET")
	if a.StatusCode != status || a.body != body || a.err != nil {
		c.tb.Fatalf("got %d %.80q (%v), want %d %.80q", a.StatusCode, a.body, a.err, status, body)
	}
	return a
}

// wantEnd checks that the server closes and sends nothing more.
func (c *client) wantEnd() {
	c.tb.Helper()
	if rest, err := io.ReadAll(c.br); err != nil || len(rest) > 0 {
		c.tb.Fatalf("got %.80q, %v; want the end", rest, err)
	}
}

func respond(x *exchange.Exchange, status int, body string) {
	x.Response.Status = status
	x.Response.ContentLength = int64(len(body))
	_ = x.Sink.Start(&x.Response)
	_ = x.Sink.Write([]byte(body), true)
}

// echo answers with the path, and the body behind a colon if there is one.
func echo(x *exchange.Exchange) {
	text := string(x.Request.Path)
	if x.Request.ContentLength != 0 {
		body, err := io.ReadAll(x.Request.Body)
		if err != nil {
			respond(x, 400, err.Error())
			return
		}
		text += ":" + string(body)
	}
	respond(x, 200, text)
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

func chunked(path string, parts ...string) string {
	var b strings.Builder
	b.WriteString("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, p := range parts {
		b.WriteString(strings.ToLower(hex(len(p))) + "\r\n" + p + "\r\n")
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

func hex(n int) string {
	const digits = "0123456789ABCDEF"
	if n < 16 {
		return digits[n : n+1]
	}
	return hex(n/16) + digits[n%16:n%16+1]
}
