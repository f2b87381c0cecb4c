package hostile

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
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
	s := &secure{addr: harness.FreeAddr(t)}
	ca := certstest.NewAuthority(t, "ex.test's")
	s.roots = ca.Pool()
	cert, key := ca.Server("ex.test").Write(t, dir, "ex.test")
	s.site = fmt.Sprintf("  [site.tls]\n  listen = [%q]\n  redirect = false\n  certificate = %q\n  certificate_key = %q\n",
		s.addr, cert, key)
	return s
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
