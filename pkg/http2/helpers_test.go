package http2_test

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

// limit is how long anything in a test may take before it counts as hung.
const limit = 20 * time.Second

// rig is a server on loopback with its own sweeper.
type rig struct {
	t       testing.TB
	ln      net.Listener
	srv     *http2.Server
	sweeper *sock.Sweeper
	serving sync.WaitGroup

	mu       sync.Mutex
	sessions map[*http2.Conn]struct{}
	ended    []string // what Events.Ended told
	refused  []string
	panics   []any
}

// tick is the test sweeper's period.
const tick = 5 * time.Millisecond

// start serves h on a plain listener, or on a TLS one with cert.
func start(t testing.TB, cfg http2.Config, h exchange.Handler, tlsConfig *tls.Config) *rig {
	t.Helper()
	before := runtime.NumGoroutine()
	r := &rig{t: t, sweeper: sock.NewSweeper(tick), sessions: make(map[*http2.Conn]struct{})}
	if cfg.KeepaliveTimeout == 0 {
		cfg.KeepaliveTimeout = time.Minute
	}
	r.srv = http2.New(cfg, h, r.sweeper, http2.Events{
		Ended: func(_ *exchange.ConnInfo, code http2.ErrCode, reason string, closed int) {
			r.note(&r.ended, strconv.Itoa(closed)+" "+strconv.Itoa(int(code))+" "+reason)
		},
		Refused: func(_ *exchange.Exchange, status int, reason string) {
			r.note(&r.refused, strconv.Itoa(status)+" "+reason)
		},
		Panic: func(_ *exchange.Exchange, v any, _ []byte) {
			r.mu.Lock()
			r.panics = append(r.panics, v)
			r.mu.Unlock()
		},
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.ln = ln
	r.serving.Go(func() { r.accept(tlsConfig) }) // ends when the listener is closed
	t.Cleanup(func() {
		r.stop()
		checkGoroutines(t, before)
	})
	return r
}

func (r *rig) note(list *[]string, s string) {
	r.mu.Lock()
	*list = append(*list, s)
	r.mu.Unlock()
}

func (r *rig) accept(tlsConfig *tls.Config) {
	for {
		nc, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.serving.Go(func() { // ends with the connection
			r.serve(nc, tlsConfig)
		})
	}
}

func (r *rig) serve(nc net.Conn, tlsConfig *tls.Config) {
	info := &exchange.ConnInfo{ID: 1, Scheme: "http", Listen: "test"}
	if tlsConfig != nil {
		tc := tls.Server(nc, tlsConfig)
		if err := tc.Handshake(); err != nil {
			nc.Close()
			return
		}
		nc = tc
	}
	c := r.srv.Session(nc, nil, info)
	r.mu.Lock()
	r.sessions[c] = struct{}{}
	r.mu.Unlock()
	c.Serve()
	r.mu.Lock()
	delete(r.sessions, c)
	r.mu.Unlock()
	nc.Close()
}

// each calls f for every session there is.
func (r *rig) each(f func(c *http2.Conn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.sessions {
		f(c)
	}
}

// session waits for the one session.
func (r *rig) session() (found *http2.Conn) {
	r.t.Helper()
	harness.Eventually(r.t, "a session", func() bool {
		r.each(func(c *http2.Conn) { found = c })
		return found != nil
	})
	return found
}

func (r *rig) stop() {
	r.ln.Close()
	done := make(chan struct{})
	go func() { // ends when all sessions have
		r.serving.Wait()
		close(done)
	}()
	for end := time.Now().Add(limit); ; {
		r.each(func(c *http2.Conn) { c.Cut() })
		select {
		case <-done:
			r.srv.Close()
			r.sweeper.Close()
			return
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			r.t.Error("sessions do not end")
			return
		}
	}
}

func checkGoroutines(t testing.TB, before int) {
	for end := time.Now().Add(limit); runtime.NumGoroutine() > before; {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Errorf("goroutines leaked: %d, were %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			return
		}
		time.Sleep(tick)
	}
}

// testTLS returns a server's configuration with a certificate of its own.
func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	return &tls.Config{
		Certificates: []tls.Certificate{certstest.ForServer(t, "localhost")},
		NextProtos:   []string{"h2"},
	}
}

// small answers every request with a few bytes, after its body.
func small(x *exchange.Exchange) {
	if _, err := io.Copy(io.Discard, x.Request.Body); err != nil {
		x.Sink.Abort()
		return
	}
	reply(x, 200, "hello, world\n")
}

func reply(x *exchange.Exchange, status int, body string) {
	r := &x.Response
	r.Status = status
	r.Header.AddString("Content-Type", "text/plain")
	r.ContentLength = int64(len(body))
	if x.Sink.Start(r) == nil {
		_ = x.Sink.Write([]byte(body), true)
	}
}

// describe answers with what the handler was told of the request.
func describe(x *exchange.Exchange) {
	body, err := io.ReadAll(x.Request.Body)
	r := &x.Request
	var b strings.Builder
	b.WriteString(string(r.Method) + " " + string(r.Target) + " @" + string(r.Host) + "\n")
	for _, f := range r.Header.All() {
		b.WriteString(string(f.Name) + ": " + string(f.Value) + "\n")
	}
	b.WriteString("\n" + strconv.FormatInt(r.ContentLength, 10) + " " + string(body))
	if err != nil {
		x.Sink.Abort()
		return
	}
	reply(x, 200, b.String())
}
