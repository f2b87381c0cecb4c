package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/test/harness"
)

// failures collects what TLSError and ProxyError tell.
type failures chan error

func (f failures) event(_ string, err error, _ int) {
	select {
	case f <- err:
	default:
	}
}

// startTLS serves h with the given configuration of TLS.
func startTLS(t *testing.T, cfg server.Config, h exchange.HandlerFunc, conf *tls.Config, failed failures) *rig {
	t.Helper()
	if conf.Certificates == nil {
		conf.Certificates = []tls.Certificate{certstest.ForServer(t, "example.org")}
	}
	return startListener(t, cfg, h, loopback(t), server.Listener{Name: "here", TLS: conf}, server.Events{TLSError: failed.event})
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// dialTLS connects to r with TLS.
func (r *rig) dialTLS(t *testing.T, cfg *tls.Config) *client {
	t.Helper()
	c := r.dial(t)
	cfg.InsecureSkipVerify = true
	c.Conn = shake(t, c.Conn, cfg)
	c.br.Reset(c.Conn)
	return c
}

func TestAnExchangeOverTLSSaysSo(t *testing.T) {
	r := startTLS(t, config(), func(x *exchange.Exchange) {
		c := x.Request.Conn
		respond(x, 200, strings.Join([]string{c.Scheme, c.Listen, c.TLS.ServerName, tls.VersionName(c.TLS.Version), string(c.PeerAddr)}, " "))
	}, &tls.Config{}, nil)
	c := r.dialTLS(t, &tls.Config{ServerName: "example.org"})
	c.send(get("/"))
	c.want(200, "https here example.org TLS 1.3 127.0.0.1")
}

func TestPlainHTTPOnATLSPortIsToldSo(t *testing.T) {
	failed := make(failures, 1)
	r := startTLS(t, config(), echo, &tls.Config{}, failed)
	c := r.dial(t)
	c.send(get("/") + strings.Repeat("x", 100_000)) // more than TLS looked at
	a := c.answer("GET")
	if a.StatusCode != 400 || !strings.Contains(a.body, "https://") || !a.Close || a.err != nil {
		t.Errorf("got %d %q, %v", a.StatusCode, a.body, a.err)
	}
	if err := <-failed; !strings.Contains(err.Error(), "does not look like") {
		t.Errorf("reported %v", err)
	}
}

func TestAHandshakeThatFailsCostsItsConnectionOnly(t *testing.T) {
	for _, tt := range []struct{ name, send, want string }{
		{"garbage", "\x00\x01\x02\x03garbage", "does not look like"},
		{"a cut hello", "\x16\x03\x01\x02\x00\x01", "took too long"},
		{"nothing", "", "took too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config()
			if strings.Contains(tt.want, "long") {
				cfg.HeaderTimeout = 100 * time.Millisecond
			}
			failed := make(failures, 1)
			r := startTLS(t, cfg, echo, &tls.Config{}, failed)
			c := r.dial(t)
			c.send(tt.send)
			if err := <-failed; !strings.Contains(err.Error(), tt.want) {
				t.Errorf("reported %v", err)
			}
			_, _ = io.Copy(io.Discard, c.br)
			harness.Eventually(t, "it is forgotten", func() bool { return r.Connections() == 0 })
		})
	}
}

func TestAClientThatOnlyConnectsIsNoFailure(t *testing.T) {
	failed := make(failures, 1)
	r := startTLS(t, config(), echo, &tls.Config{}, failed)
	for range 3 {
		r.dial(t).Close()
	}
	harness.Eventually(t, "they are gone", func() bool { return r.Connections() == 0 })
	select {
	case err := <-failed:
		t.Errorf("reported %v", err)
	default:
	}
}

func TestAPanicInTheChoiceOfACertificateCostsItsConnectionOnly(t *testing.T) {
	r := startTLS(t, config(), echo, &tls.Config{
		Certificates: []tls.Certificate{certstest.ForServer(t, "example.org")},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if hello.ServerName == "bad" {
				panic("bad")
			}
			return nil, nil //nolint:nilnil // the configuration as it is
		},
	}, nil)
	c := r.dial(t)
	tc := tls.Client(c.Conn, &tls.Config{ServerName: "bad", InsecureSkipVerify: true})
	if err := tc.HandshakeContext(t.Context()); err == nil {
		t.Error("the handshake worked")
	}
	if v := <-r.panics; v != "bad" {
		t.Errorf("event %v", v)
	}
	c = r.dialTLS(t, &tls.Config{ServerName: "good"})
	c.send(get("/"))
	c.want(200, "/")
	c.Close()
	harness.Eventually(t, "both are gone", func() bool { return r.Connections() == 0 })
}

// A record that never ends must not keep an idle connection for ever.
func TestASlowRecordIsBoundedAsASlowHeadIs(t *testing.T) {
	cfg := config()
	cfg.HeaderTimeout = time.Second // the handshake must not take as long
	r := startTLS(t, cfg, echo, &tls.Config{}, nil)
	raw := r.dial(t)
	tc := shake(t, raw.Conn, &tls.Config{InsecureSkipVerify: true})
	raw.send("\x17\x03\x03\x40\x00") // the header of a record, past tc
	go func() {                      // ends when the server closes
		for {
			if _, err := raw.Write([]byte("x")); err != nil {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	}()
	got, _ := io.ReadAll(tc)
	if !strings.HasPrefix(string(got), "HTTP/1.1 408") {
		t.Errorf("got %q", got)
	}
}

func TestConnectionsThatShakeHandsAreInTheBooks(t *testing.T) {
	r := startTLS(t, config(), echo, &tls.Config{}, nil)
	c := r.dial(t)
	harness.Eventually(t, "it is counted", func() bool { return r.Connections() == 1 })
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := c.br.ReadByte(); err == nil {
		t.Error("it is open")
	}
	if n := r.Connections(); n != 0 {
		t.Errorf("%d are left", n)
	}
}
