package upstream_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/httpc"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// scripted is an HTTP server that answers request n of connection m with what its
// script says.
type scripted struct {
	accepted atomic.Int64
	requests atomic.Int64
	bodies   chan string
}

// serveHTTP hears a request on each connection it accepts, and has script answer it;
// false ends the connection.
func serveHTTP(tb testing.TB, network string, script func(conn, n int, w net.Conn) bool) (*scripted, string) {
	tb.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(tb.TempDir(), "s")
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		tb.Fatal(err)
	}
	s := &scripted{bodies: make(chan string, 1000)}
	tb.Cleanup(func() { ln.Close() })
	go func() { // ends with the listener
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go s.talk(int(s.accepted.Add(1)), nc, script) // ends with the connection
		}
	}()
	return s, ln.Addr().String()
}

func (s *scripted) talk(conn int, nc net.Conn, script func(conn, n int, w net.Conn) bool) {
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	br := bufio.NewReader(nc)
	for n := 1; ; n++ {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		s.requests.Add(1)
		s.bodies <- string(body)
		if !script(conn, n, nc) {
			return
		}
	}
}

func say(w io.Writer, s string) bool {
	_, err := io.WriteString(w, s)
	return err == nil
}

const hiHTTP = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nhi"

func fineHTTP(_, _ int, w net.Conn) bool { return say(w, hiHTTP) }

// overHTTP is config for HTTP.
func overHTTP(addrs ...string) upstream.Config {
	cfg := config(addrs...)
	cfg.Protocol, cfg.Multiplex, cfg.MaxTunnels = upstream.HTTP, upstream.Auto, 2
	return cfg
}

// asHTTP is request with the head that an HTTP server gets.
func asHTTP(method, body string) *call {
	c := request(method, body)
	c.x.Request.Target, c.x.Request.Authority = []byte("/"), []byte("h")
	c.in.Params = nil
	c.in.Encode = func() []byte {
		return httpc.AppendHead(nil, c.x, &httpc.Outgoing{BodyLen: c.in.BodyLen, Upgrade: c.x.Request.Upgrade})
	}
	return c
}

func TestAnHTTPServerAnswersOnKeptConnections(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, conns := range []int{0, 4} { // kept also where the number of workers is unknown
			harness.NoLeaks(t)
			s, addr := serveHTTP(t, network, fineHTTP)
			cfg := overHTTP(addr)
			cfg.MaxConns = conns
			b := newBackend(t, cfg, upstream.Events{})
			for i := range 3 {
				c := asHTTP("GET", "")
				if err := c.do(t, b); err != nil || c.out.status != 200 || c.out.header != "X-A: b" || c.out.body.String() != "hi" || c.x.Trace.Reused != (i > 0) {
					t.Fatalf("%v, %d %q %q, reused %v", err, c.out.status, c.out.header, &c.out.body, c.x.Trace.Reused)
				}
			}
			if n := s.accepted.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
			if st := b.Snapshot()[0]; st.Multiplex != upstream.Off || conns == 0 && st.Pool.MaxConns != 1024 {
				t.Errorf("%+v", st)
			}
		}
	}
}

func TestHTTPConnectionsThatMayNotBeKeptAreNot(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := serveHTTP(t, "unix", fineHTTP)
	cfg := overHTTP(addr)
	cfg.KeepConn = upstream.Off
	b := newBackend(t, cfg, upstream.Events{})
	for range 3 {
		if err := asHTTP("GET", "").do(t, b); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.accepted.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func TestRequestsToAServerThatClosesIdleConnectionsAreNotLost(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, method := range []string{"GET", "POST"} {
			harness.NoLeaks(t)
			// The server ends each connection behind its reply without saying so.
			s, addr := serveHTTP(t, network, func(_, _ int, w net.Conn) bool {
				say(w, hiHTTP)
				return false
			})
			b := newBackend(t, overHTTP(addr), upstream.Events{})
			for range 20 {
				if err := asHTTP("GET", "").do(t, b); err != nil {
					t.Fatal(err)
				}
				c := asHTTP(method, "body")
				if err := c.do(t, b); err != nil {
					t.Fatalf("%s %s: %v", network, method, err)
				}
			}
			if n := s.requests.Load(); n != 40 {
				t.Errorf("%s %s: the server has seen %d requests", network, method, n)
			}
		}
	}
}

func TestARequestThatMayHaveRunIsRepeatedOnlyIfThatDoesNoHarm(t *testing.T) {
	for method, want := range map[string]int64{"GET": 3, "POST": 2} {
		harness.NoLeaks(t)
		// The second request of the first connection is read and not answered.
		s, addr := serveHTTP(t, "tcp", func(conn, n int, w net.Conn) bool {
			return !(conn == 1 && n == 2) && say(w, hiHTTP)
		})
		b := newBackend(t, overHTTP(addr), upstream.Events{})
		if err := asHTTP("GET", "").do(t, b); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "the connection has rested", func() bool { return b.Snapshot()[0].Pool.Idle == 1 })
		time.Sleep(20 * time.Millisecond) // or a POST would get a new connection
		c := asHTTP(method, "x")
		err := c.do(t, b)
		if n := s.requests.Load(); n != want || (err == nil) != (method == "GET") || method == "POST" && upstream.Status(err) != 502 {
			t.Errorf("%s: %v, the server has seen %d requests, want %d", method, err, n, want)
		}
	}
}

func TestAPostIsNotSentOnAConnectionThatWasInUseAMomentAgo(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := serveHTTP(t, "tcp", fineHTTP)
	b := newBackend(t, overHTTP(addr), upstream.Events{})
	if err := asHTTP("GET", "").do(t, b); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	c := asHTTP("POST", "x")
	if err := c.do(t, b); err != nil {
		t.Fatal(err)
	}
	if c.x.Trace.Reused && time.Since(start) < 10*time.Millisecond || !c.x.Trace.Reused && s.accepted.Load() != 2 {
		t.Errorf("reused %v, %d connections", c.x.Trace.Reused, s.accepted.Load())
	}
}

func TestBadHTTPRepliesAreBadGateways(t *testing.T) {
	harness.NoLeaks(t)
	rows := []struct {
		reply  string
		status int
		passed bool // a head went out before the fault was seen
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 502, false},
		{"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 502, false},
		{"HTTP/1.1 200 OK\r\nContent-Le", 502, false},
		{"", 502, false},
		{"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 502, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", 502, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 502, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 502, true},
		{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 1<<16) + "\r\n\r\n", 502, false},
	}
	for _, row := range rows {
		_, addr := serveHTTP(t, "unix", func(_, _ int, w net.Conn) bool {
			say(w, row.reply)
			return false
		})
		cfg := overHTTP(addr)
		cfg.Tries = 1
		c := asHTTP("GET", "")
		err := c.do(t, newBackend(t, cfg, upstream.Events{}))
		if err == nil || upstream.Status(err) != row.status || (c.out.status != 0) != row.passed {
			t.Errorf("%.40q: %v, head %d", row.reply, err, c.out.status)
		}
	}
}

func TestAnotherServerIsAskedAfterAnHTTPStatus(t *testing.T) {
	harness.NoLeaks(t)
	_, full := serveHTTP(t, "tcp", func(_, _ int, w net.Conn) bool {
		return say(w, "HTTP/1.1 503 full\r\nContent-Length: 4\r\n\r\nfull")
	})
	_, free := serveHTTP(t, "tcp", fineHTTP)
	cfg := overHTTP(full, free)
	cfg.Retry |= upstream.RetryHTTP503
	b := newBackend(t, cfg, upstream.Events{})
	for range 4 {
		c := asHTTP("GET", "")
		if err := c.do(t, b); err != nil || c.out.status != 200 || c.out.body.String() != "hi" {
			t.Errorf("%v, %d %q", err, c.out.status, &c.out.body)
		}
	}
}

func TestWhatComesBehindAnHTTPReplyIsReportedAndHurtsNobody(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "unix", func(_, n int, w net.Conn) bool {
		return say(w, hiHTTP+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
	})
	b := newBackend(t, overHTTP(addr), upstream.Events{})
	for range 5 {
		c := asHTTP("GET", "")
		if err := c.do(t, b); err != nil || c.out.body.String() != "hi" {
			t.Fatalf("%v, %q", err, &c.out.body)
		}
		var odd *upstream.ReplyError
		if !errors.As(c.x.Trace.Err, &odd) || c.x.Trace.Reused {
			t.Errorf("%v, reused %v", c.x.Trace.Err, c.x.Trace.Reused)
		}
	}
}

func TestInterimHTTPRepliesArePassedOn(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "unix", func(_, _ int, w net.Conn) bool {
		return say(w, "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 103 x\r\nLink: </a>\r\n\r\n"+hiHTTP)
	})
	c := asHTTP("GET", "")
	if err := c.do(t, newBackend(t, overHTTP(addr), upstream.Events{})); err != nil || fmt.Sprint(c.out.interim) != "[103 Link: </a>]" {
		t.Errorf("%v, %v", err, c.out.interim)
	}
}

func TestAnUnwantedHTTPReplyKeepsItsConnection(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := serveHTTP(t, "unix", fineHTTP)
	b := newBackend(t, overHTTP(addr), upstream.Events{})
	for range 3 {
		c := asHTTP("GET", "")
		c.out.onHead = func() error { return fmt.Errorf("no: %w", upstream.ErrUnwanted) }
		if err := c.do(t, b); !errors.Is(err, upstream.ErrUnwanted) || c.out.body.Len() > 0 {
			t.Errorf("%v, %q", err, &c.out.body)
		}
	}
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestHTTPTimeouts(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "unix", func(_, _ int, w net.Conn) bool {
		_, _ = io.Copy(io.Discard, w) // until the other side has had enough
		return false
	})
	for _, change := range []func(*upstream.Config){
		func(c *upstream.Config) { c.ReadTimeout = 20 * time.Millisecond },
		func(c *upstream.Config) { c.RequestTimeout = 20 * time.Millisecond },
	} {
		cfg := overHTTP(addr)
		change(&cfg)
		if err := asHTTP("GET", "").do(t, newBackend(t, cfg, upstream.Events{})); upstream.Status(err) != 504 {
			t.Errorf("%v", err)
		}
	}
}

func TestAClientThatLeavesEndsItsHTTPRequest(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := serveHTTP(t, "unix", func(_, _ int, w net.Conn) bool {
		_, _ = io.Copy(io.Discard, w)
		return false
	})
	b := newBackend(t, overHTTP(addr), upstream.Events{})
	c := asHTTP("GET", "")
	errs := c.start(t, b)
	await(t, s.bodies)
	gone := exchange.ErrClientGone
	c.out.tickErr.Store(&gone)
	if err := await(t, errs); err != exchange.ErrClientGone {
		t.Error(err)
	}
}
