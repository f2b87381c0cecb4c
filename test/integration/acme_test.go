package integration

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/test/harness"
)

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// acmePatience is the longest that a certificate may take on a busy machine.
const acmePatience = time.Minute

func TestCertificatesComeByACME(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			s := &tlsSite{ca: certstest.NewAuthority(t, "unused"), secure: harness.FreeAddr(t)}
			s.gateway = newGateway(t, &site{
				root: docroot(t, "file.txt", "text"),
				kept: 2, // certmagic's to the CA
			})
			pebble := certstest.StartPebble(t, portOf(t, s.addr), portOf(t, s.secure), time.Hour)
			s.write(s.fill(strings.NewReplacer("{challenge}", challenge, "{url}", pebble.Directory, "{ca}", pebble.CARoot).Replace(`
[acme]
email = "admin@example.test"
directory = "{url}"
ca_root = "{ca}"
storage = "{dir}/acme"
challenges = ["{challenge}"]
[[site]]
listen = ["{plain}"]
hosts = ["one.acme.test", "two.acme.test"]
root = "{root}"
[site.tls]
listen = ["{tls}"]
acme = true
[[site]]
listen = []
hosts = ["file.test"]
root = "{root}"
[site.tls]
listen = ["{tls}"]
{cert file.test}
`)))
			s.run()
			// The others are served meanwhile.
			if resp, _ := fetchTLS(t, s.https(&tls.Config{}, true), "https://file.test/file.txt", ""); resp.StatusCode != 200 {
				t.Error(resp.StatusCode)
			}
			trusting := s.https(&tls.Config{RootCAs: pebble.Roots()}, true)
			for _, host := range []string{"one.acme.test", "two.acme.test"} {
				s.awaitCertificate(trusting, host)
			}
			c := s.dial()
			c.send("GET /.well-known/acme-challenge/made-up HTTP/1.1\r\nHost: one.acme.test\r\n\r\n")
			if a := c.answer(http.MethodGet); a.StatusCode != 301 {
				t.Errorf("a challenge that nobody expects: %d", a.StatusCode)
			}
		})
	}
}

// awaitCertificate waits until host is served with a certificate that c trusts.
func (s *tlsSite) awaitCertificate(c *http.Client, host string) {
	s.t.Helper()
	ok := harness.Poll(acmePatience, func() bool {
		resp, err := c.Get("https://" + host + "/file.txt")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if !ok {
		s.t.Fatalf("no certificate for %s", host)
	}
}
