package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
)

const patient = 15 * time.Second // no test comes near it unless it fails

const address = ":443" // of the listener in all tests

// rig is a store behind a listener.
type rig struct {
	*certs.Store
	tb   testing.TB
	dir  string
	ca   *certstest.Authority
	logs *observer.ObservedLogs
	at   string // the listener's address
}

// start makes a store that looks at its files only when it is told to, and a
// listener that shakes hands.
func start(tb testing.TB, opt certs.Options) *rig {
	tb.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	if opt.Poll == 0 {
		opt.Poll = time.Hour
	}
	r := &rig{Store: certs.New(zap.New(core), opt), tb: tb, dir: directory(tb), ca: certstest.NewAuthority(tb, "a CA"), logs: logs}
	tb.Cleanup(func() {
		r.Close()
		if tb.Failed() {
			for _, e := range logs.All() {
				tb.Log(e.Level, e.Message, e.ContextMap())
			}
		}
	})
	r.at = r.listen(address, "127.0.0.1:0").Addr().String()
	return r
}

// directory is one that certmagic may still write to when the test ends: its work
// in the background is told to end, but cannot be waited for.
func directory(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "certs-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		eventually(tb, patient, "the directory is removed", func() bool { return os.RemoveAll(dir) == nil })
	})
	return dir
}

// listen opens a listener at addr that the store knows as name.
func (r *rig) listen(name, addr string) net.Listener {
	r.tb.Helper()
	ln, err := tls.Listen("tcp", addr, r.TLS(name))
	if err != nil {
		r.tb.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() { // ends when the listener is closed
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { // ends when the client has closed
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patient))
				buf := make([]byte, 1)
				if _, err := c.Read(buf); err == nil {
					_, _ = c.Write(buf)
				}
			})
		}
	})
	r.tb.Cleanup(func() {
		ln.Close()
		conns.Wait()
	})
	return ln
}

// use makes sites those of the listener, the first being the fallback.
func (r *rig) use(sites ...*certs.Site) {
	r.tb.Helper()
	r.useConfig(certs.Config{Listens: listens(sites...), Tickets: true})
}

func (r *rig) useConfig(cfg certs.Config) {
	r.tb.Helper()
	set, err := r.Prepare(cfg)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.Use(set)
}

func listens(sites ...*certs.Site) map[string]certs.Listen {
	for _, s := range sites {
		if s.MinVersion == 0 {
			s.MinVersion = tls.VersionTLS12
		}
	}
	return map[string]certs.Listen{address: {Sites: sites, Fallback: sites[0]}}
}

// site has a certificate of its own for names.
func (r *rig) site(name string, hosts []string, names ...string) *certs.Site {
	r.tb.Helper()
	cert, key := r.ca.Server(names...).Write(r.tb, r.dir, name)
	return &certs.Site{Name: name, Hosts: hosts, Certificate: cert, Key: key}
}

// shake shakes hands as cfg says and exchanges a byte, so that the server's
// verdict and its tickets have come.
func (r *rig) shake(cfg *tls.Config) (tls.ConnectionState, error) {
	r.tb.Helper()
	if cfg.RootCAs == nil {
		cfg.RootCAs = r.ca.Pool()
	}
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: patient}, "tcp", r.at, cfg)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patient))
	if _, err := c.Write([]byte("x")); err != nil {
		return tls.ConnectionState{}, err
	}
	// The byte may come together with the end.
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return c.ConnectionState(), nil
}

// served returns the certificate that a client of name gets.
func (r *rig) served(name string) *x509.Certificate {
	r.tb.Helper()
	s, err := r.shake(&tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		r.tb.Fatalf("%s: %v", name, err)
	}
	return s.PeerCertificates[0]
}

func (r *rig) logged(message string) int { return r.logs.FilterMessage(message).Len() }

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// eventually waits for cond.
func eventually(tb testing.TB, limit time.Duration, what string, cond func() bool) {
	tb.Helper()
	end := time.After(limit)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !cond() {
		select {
		case <-poll.C:
		case <-end:
			tb.Fatalf("it did not come to pass: %s", what)
		}
	}
}
