package certstest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// Pebble is a running ACME server (github.com/letsencrypt/pebble), to which every
// host is at 127.0.0.1.
type Pebble struct {
	Directory string // URL of the directory
	CARoot    string // file with the certificate that its server is trusted by
	admin     string
	client    *http.Client
	tb        testing.TB
}

// StartPebble runs pebble until the test ends. It sends its challenges to these
// ports and issues certificates that are good for so long. Without pebble the
// test is skipped, but fails in CI.
func StartPebble(tb testing.TB, httpPort, tlsPort int, validity time.Duration) *Pebble {
	tb.Helper()
	program := harness.Tool(tb, "pebble")
	dir := tb.TempDir()
	ca := NewAuthority(tb, "pebble's own")
	cert, key := ca.Server("localhost", "127.0.0.1").Write(tb, dir, "pebble")
	p := &Pebble{
		CARoot: WriteFile(tb, filepath.Join(dir, "ca.pem"), ca.PEM()), tb: tb,
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, DisableKeepAlives: true,
		}},
	}
	at, admin := harness.FreeAddr(tb), harness.FreeAddr(tb)
	p.Directory, p.admin = "https://"+at+"/dir", "https://"+admin
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": at, "managementListenAddress": admin, "certificate": cert, "privateKey": key,
		"httpPort": httpPort, "tlsPort": tlsPort, "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{
			"description": "for tests", "validityPeriod": int(validity / time.Second),
		}},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	file := WriteFile(tb, filepath.Join(dir, "pebble.json"), config)
	p.run(exec.Command(program, "-config", file, "-dnsserver", startDNS(tb)))
	return p
}

// run starts pebble and waits until it answers.
func (p *Pebble) run(cmd *exec.Cmd) {
	p.tb.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=5")
	if err := cmd.Start(); err != nil {
		p.tb.Fatal(err)
	}
	p.tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if p.tb.Failed() {
			p.tb.Logf("pebble:\n%s", out.String())
		}
	})
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if resp, err := p.client.Get(p.Directory); err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			p.tb.Fatal("pebble does not answer")
		}
	}
}

// Roots returns the CA that certificates are issued by.
func (p *Pebble) Roots() *x509.CertPool {
	p.tb.Helper()
	resp, err := p.client.Get(p.admin + "/roots/0")
	if err != nil {
		p.tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(body) {
		p.tb.Fatalf("pebble's root: %v %q", err, body)
	}
	return pool
}

// Port returns the port of a listener.
func Port(ln net.Listener) int {
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		panic(fmt.Sprintf("certstest: %v has no port", ln.Addr()))
	}
	return addr.Port
}
