package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// lines is a session of a protocol for tests: it says hello, answers each line
// with the same, and "bye" when it is drained.
type lines struct {
	nc      net.Conn
	in      *bufio.Reader
	info    *exchange.ConnInfo
	idle    atomic.Bool
	stalled atomic.Int64
	drained sync.Once
	cut     atomic.Bool
	panics  bool
}

func newLines(nc net.Conn, first []byte, info *exchange.ConnInfo) *lines {
	return &lines{nc: nc, in: bufio.NewReader(io.MultiReader(strings.NewReader(string(first)), nc)), info: info}
}

func (l *lines) Serve() {
	if l.panics {
		panic("session")
	}
	_, _ = io.WriteString(l.nc, "hello\n")
	for {
		line, err := l.in.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := l.nc.(sock.TryWriter).TryWrite([]byte(line)); err != nil {
			return
		}
	}
}

func (l *lines) Idle() bool { return l.idle.Load() }

func (l *lines) Stalled() int { return int(l.stalled.Load()) }

func (l *lines) Drain() {
	l.drained.Do(func() {
		_, _ = io.WriteString(l.nc, "bye\n")
		_ = l.nc.SetReadDeadline(time.Unix(1, 0))
	})
}

func (l *lines) Cut() {
	l.cut.Store(true)
	_ = l.nc.SetDeadline(time.Unix(1, 0))
}

// startSessions serves echo, and sessions of lines, which it returns as they
// begin.
func startSessions(t *testing.T, cfg server.Config, conf *tls.Config) (*rig, chan *lines) {
	t.Helper()
	cfg.HTTP2 = true
	l := server.Listener{Name: "here", TLS: conf}
	if conf != nil {
		conf.Certificates = []tls.Certificate{certstest.ForServer(t, "example.org")}
	}
	r := startListener(t, cfg, echo, loopback(t), l, server.Events{})
	made := make(chan *lines, 8)
	r.SetSessions(func(nc net.Conn, first []byte, info *exchange.ConnInfo) server.Session {
		l := newLines(nc, first, info)
		l.panics = strings.Contains(string(first), "panic")
		made <- l
		return l
	})
	return r, made
}

func (c *client) line(want string) {
	c.tb.Helper()
	if got, err := c.br.ReadString('\n'); got != want+"\n" {
		c.tb.Fatalf("got %q, %v; want %q", got, err, want)
	}
}

func TestThePrefaceMakesASession(t *testing.T) {
	for _, tt := range []struct{ name, send string }{
		{"at once", preface + "one\n"},
		{"the head alone", preface[:18]},
		{"cut within", preface[:20]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, made := startSessions(t, config(), nil)
			c := r.dial(t)
			c.send(tt.send)
			l := <-made
			c.line("hello")
			c.send((preface + "one\n")[len(tt.send):] + "two\n")
			for _, want := range []string{"PRI * HTTP/2.0\r", "\r", "SM\r", "\r", "one", "two"} {
				c.line(want)
			}
			if l.info.Listen != "here" || l.info.Scheme != "http" || string(l.info.PeerAddr) != "127.0.0.1" {
				t.Errorf("info %+v", l.info)
			}
			c.Close()
			harness.Eventually(t, "it is gone", func() bool { return r.Connections() == 0 })
		})
	}
}

func TestThePrefaceByteByByteMakesASession(t *testing.T) {
	r, _ := startSessions(t, config(), nil)
	c := r.dial(t)
	for _, b := range []byte(preface) {
		c.send(string([]byte{b}))
	}
	c.line("hello")
	c.line("PRI * HTTP/2.0\r")
}

func TestThePrefaceIsRefusedWhereNoSessionMayBegin(t *testing.T) {
	t.Run("switched off", func(t *testing.T) {
		r, _ := startSessions(t, config(), nil)
		r.Configure(config())
		c := r.dial(t)
		c.send(preface)
		if a := c.answer("GET"); a.StatusCode < 400 || !a.Close {
			t.Errorf("got %d", a.StatusCode)
		}
	})
	t.Run("nobody makes one", func(t *testing.T) {
		r, _ := startSessions(t, config(), nil)
		r.SetSessions(nil)
		c := r.dial(t)
		c.send(preface)
		if a := c.answer("GET"); a.StatusCode < 400 || !a.Close {
			t.Errorf("got %d", a.StatusCode)
		}
	})
	t.Run("behind a request", func(t *testing.T) {
		r, _ := startSessions(t, config(), nil)
		c := r.dial(t)
		c.send(get("/") + preface)
		c.want(200, "/")
		if a := c.answer("GET"); a.StatusCode < 400 || !a.Close {
			t.Errorf("got %d", a.StatusCode)
		}
	})
	t.Run("something alike", func(t *testing.T) {
		r, _ := startSessions(t, config(), nil)
		c := r.dial(t)
		c.send("PRI * HTTP/2.0\r\n\r\nSX")
		if a := c.answer("GET"); a.StatusCode < 400 || !a.Close {
			t.Errorf("got %d", a.StatusCode)
		}
	})
	t.Run("agreed on HTTP/1.1", func(t *testing.T) {
		r, _ := startSessions(t, config(), &tls.Config{NextProtos: []string{"h2", "http/1.1"}})
		c := r.dialTLS(t, &tls.Config{NextProtos: []string{"http/1.1"}})
		c.send(preface)
		if a := c.answer("GET"); a.StatusCode < 400 || !a.Close {
			t.Errorf("got %d", a.StatusCode)
		}
	})
}

func TestALPNMakesASession(t *testing.T) {
	for _, tt := range []struct {
		name  string
		alpn  []string
		first string
	}{
		{"agreed", []string{"h2", "http/1.1"}, ""},
		{"not asked, but known", nil, preface},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, made := startSessions(t, config(), &tls.Config{NextProtos: []string{"h2", "http/1.1"}})
			c := r.dialTLS(t, &tls.Config{NextProtos: tt.alpn})
			c.send(tt.first)
			c.line("hello")
			if l := <-made; l.info.Scheme != "https" || l.info.TLS == nil {
				t.Errorf("info %+v", l.info)
			}
			c.send("one\n")
			if tt.first != "" {
				for range 4 {
					_, _ = c.br.ReadString('\n')
				}
			}
			c.line("one")
		})
	}
}

// A CA has seen what it wants with the handshake (RFC 8737, 3).
func TestAChallengeEndsWithItsHandshake(t *testing.T) {
	r, _ := startSessions(t, config(), &tls.Config{NextProtos: []string{"acme-tls/1"}})
	c := r.dialTLS(t, &tls.Config{NextProtos: []string{"acme-tls/1"}})
	if rest, err := io.ReadAll(c.br); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	harness.Eventually(t, "it is gone", func() bool { return r.Connections() == 0 })
}

func TestSessionsAreToldOfTheEndAndCut(t *testing.T) {
	r, made := startSessions(t, config(), nil)
	polite := r.dial(t)
	polite.send(preface)
	<-made
	polite.line("hello")
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	rest, _ := io.ReadAll(polite.br)
	if !strings.HasSuffix(string(rest), "bye\n") {
		t.Errorf("got %q", rest)
	}
	r, made = startSessions(t, config(), nil)
	stubborn := r.dial(t)
	stubborn.send(preface)
	l := <-made
	l.drained.Do(func() {}) // it does not react
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !l.cut.Load() {
		t.Errorf("got %v, cut %v", err, l.cut.Load())
	}
	if n := r.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

func TestAFullServerClosesAnIdleSessionForANewConnection(t *testing.T) {
	cfg := config()
	cfg.MaxConnections = 1
	r, made := startSessions(t, cfg, nil)
	c := r.dial(t)
	c.send(preface)
	l := <-made
	c.line("hello")
	turned := r.dial(t)
	if _, err := turned.br.ReadByte(); err == nil {
		t.Error("a connection was served while the session was busy")
	}
	l.idle.Store(true)
	next := r.dial(t)
	next.send(get("/"))
	next.want(200, "/")
	if !l.cut.Load() {
		t.Error("the idle session was not cut")
	}
}

func TestASessionThatPanicsCostsItsConnectionOnly(t *testing.T) {
	r, _ := startSessions(t, config(), nil)
	c := r.dial(t)
	c.send(preface + "panic")
	if v := <-r.panics; v != "session" {
		t.Errorf("event %v", v)
	}
	harness.Eventually(t, "it is gone", func() bool { return r.Connections() == 0 })
	c = r.dial(t)
	c.send(get("/"))
	c.want(200, "/")
}

// A request's deadlines are none of a session's.
func TestASessionMayRestForLong(t *testing.T) {
	cfg := config()
	cfg.HeaderTimeout = 20 * time.Millisecond
	cfg.KeepaliveTimeout = 20 * time.Millisecond
	r, _ := startSessions(t, cfg, nil)
	c := r.dial(t)
	c.send(preface)
	c.line("hello")
	for range 4 {
		_, _ = c.br.ReadString('\n')
	}
	<-time.After(1200 * time.Millisecond) // beyond all of them, and the second until a connection parks
	c.send("still here\n")
	c.line("still here")
}
