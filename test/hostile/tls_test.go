package hostile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// secure is a TLS listener of the site beside its plain one.
type secure struct {
	addr  string
	site  string // lines of the configuration
	roots *x509.CertPool
}

func newSecure(t testing.TB) *secure {
	t.Helper()
	dir := harness.Dir(t)
	s := &secure{addr: harness.FreeAddr(t), roots: x509.NewCertPool()}
	cert, key := certificate(t)
	files := map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}}
	for name, block := range files {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.roots.AppendCertsFromPEM(pem.EncodeToMemory(files["cert.pem"]))
	s.site = fmt.Sprintf("  [site.tls]\n  listen = [%q]\n  redirect = false\n  certificate = %q\n  certificate_key = %q\n",
		s.addr, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	return s
}

// certificate is one for ex.test, signed by itself.
func certificate(t testing.TB) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ex.test"}, DNSNames: []string{"ex.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	if cert, err = x509.CreateCertificate(rand.Reader, tmpl, tmpl, private.Public(), private); err != nil {
		t.Fatal(err)
	}
	if key, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// over is TLS with one protocol.
func (s *secure) over(g *gateway, alpn, protocol string) *transport {
	_, port, err := net.SplitHostPort(s.addr)
	g.must(err)
	cfg := &tls.Config{RootCAs: s.roots, ServerName: "ex.test", NextProtos: []string{alpn}}
	return &transport{
		name: "tls", scene: scene{port: port, scheme: "https", protocol: protocol},
		dial: func() (net.Conn, error) { return tls.Dial("tcp", s.addr, cfg) },
	}
}
