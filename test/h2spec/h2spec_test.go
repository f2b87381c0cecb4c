// Package h2spec holds the gateway's binary, with a FastCGI application behind
// it, against every case of the HTTP/2 conformance suite h2spec.
package h2spec

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// cases is how many h2spec has; -S adds to them.
const cases = 145

// limit is how long anything here may take before it counts as hung.
const limit = time.Minute

func TestTheGatewayPassesEveryCase(t *testing.T) {
	tool := h2spec(t)
	plain, secure := freeAddr(t), freeAddr(t)
	startGateway(t, plain, secure)
	t.Run("clear", func(t *testing.T) { check(t, tool, plain, badPreface) })
	t.Run("tls", func(t *testing.T) { check(t, tool, secure, "", "-t", "-k") })
}

// badPreface is the case that a port which speaks HTTP/1.1 as well cannot pass:
// what is not HTTP/2's preface is a bad request of HTTP/1.1 there, and is told
// so in text before the connection is closed.
const badPreface = "Sends invalid connection preface"

// h2spec returns the path of the tool, which is built if need be.
func h2spec(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "-C", "../tools", "tool", "-n", "h2spec").Output()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no h2spec: ", err)
	}
	return strings.TrimSpace(string(out))
}

// report is h2spec's, in JUnit's form.
type report struct {
	Suites []struct {
		Cases []result `xml:"testcase"`
	} `xml:"testsuite"`
}

type result struct {
	Package string `xml:"package,attr"`
	Name    string `xml:"classname,attr"`
	Failure *text  `xml:"failure"`
	Error   *text  `xml:"error"`
	Skipped *text  `xml:"skipped"`
}

type text struct {
	Text string `xml:",innerxml"`
}

// check runs h2spec, in its strict mode, against an address. Only the
// case called except may fail.
func check(t *testing.T, tool, addr, except string, more ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.xml")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := append([]string{"-h", host, "-p", port, "-o", "5", "-P", "/index.php", "-S", "-j", file}, more...)
	out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
	raw, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatalf("no report: %v, %v\n%s", readErr, err, out)
	}
	var r report
	if err := xml.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, s := range r.Suites {
		for _, c := range s.Cases {
			total++
			if (c.Failure != nil || c.Error != nil || c.Skipped != nil) && c.Name != except {
				t.Errorf("%s: %s", c.Package, c.Name)
			}
		}
	}
	if total < cases {
		t.Errorf("%d cases ran", total)
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// startGateway builds and runs the gateway until the test ends.
func startGateway(t *testing.T, plain, secure string) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "fcgigw")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, "../../cmd/fcgigw").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	app := &fcgitest.Server{Forget: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\nhello, world\n") // or the gateway has gone
	}}
	writeFile(t, filepath.Join(dir, "root", "index.php"), "<?php")
	cert, key := certificate(t, dir)
	config := filepath.Join(dir, "gw.toml")
	writeFile(t, config, fmt.Sprintf(`
[log]
access = "off"
[http]
http3 = false
[[site]]
listen = [%q]
root = %q
  [site.tls]
  listen = [%q]
  redirect = false
  certificate = %q
  certificate_key = %q
  [[site.location]]
  match = "/"
  backend = "app"
[backend.app]
servers = [%q]
`, plain, filepath.Join(dir, "root"), secure, cert, key, "unix:"+app.Start(t)))
	log := filepath.Join(dir, "log")
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(binary, "run", "--config", config)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends with the process
		_ = cmd.Wait() // ProcessState tells
		close(ended)
	}()
	t.Cleanup(func() { stop(t, cmd, ended, log) })
	await(t, ended, log)
}

// await waits until the gateway serves.
func await(t *testing.T, ended <-chan struct{}, log string) {
	t.Helper()
	for end := time.Now().Add(limit); ; {
		raw, err := os.ReadFile(log)
		if err == nil && strings.Contains(string(raw), `"msg":"ready"`) {
			return
		}
		select {
		case <-ended:
			t.Fatalf("the gateway ended:\n%s", raw)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("the gateway is not ready\n%s", raw)
		}
	}
}

// stop drains the gateway, which must leave nothing behind.
func stop(t *testing.T, cmd *exec.Cmd, ended <-chan struct{}, log string) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended, which is seen below
	select {
	case <-ended:
		if !cmd.ProcessState.Success() {
			t.Error(cmd.ProcessState)
		}
	case <-time.After(limit):
		_ = cmd.Process.Kill()
		t.Error("the gateway does not end")
	}
	raw, err := os.ReadFile(log)
	if err != nil || strings.Contains(string(raw), "DATA RACE") || strings.Contains(string(raw), `"level":"error"`) || t.Failed() {
		t.Errorf("%v\n%s", err, raw)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// certificate writes one for the loopback address, and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &priv.PublicKey, priv)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	return cert, key
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
