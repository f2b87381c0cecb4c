package certs_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// acmeTime is the longest that a certificate may take on a busy machine.
const acmeTime = 50 * time.Second

// acmeRig is a store with a listener for challenges of each kind.
type acmeRig struct {
	*rig
	pebble  *certstest.Pebble
	cfg     certs.ACME
	answers chan string // hosts whose http-01 challenge was answered
}

func startACME(t *testing.T, validity time.Duration) *acmeRig {
	r := &acmeRig{rig: start(t, certs.Options{Renew: 500 * time.Millisecond}), answers: make(chan string, 100)}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		host, _, _ := net.SplitHostPort(req.Host)
		if text, ok := r.Challenge([]byte(host), []byte(req.URL.Path)); ok {
			r.answers <- host
			_, _ = io.WriteString(w, text)
			return
		}
		http.NotFound(w, req)
	}))
	t.Cleanup(front.Close)
	_, port, _ := net.SplitHostPort(r.at)
	var tlsPort int
	_, _ = fmt.Sscan(port, &tlsPort)
	r.pebble = certstest.StartPebble(t, certstest.Port(front.Listener), tlsPort, validity)
	r.cfg = certs.ACME{
		Email: "admin@example.test", Directory: r.pebble.Directory, Storage: r.path("acme"), CARoot: r.pebble.CARoot,
		HTTPAddr: front.Listener.Addr().String(), TLSAddr: r.at,
	}
	return r
}

// use has a certificate for each host of one site.
func (r *acmeRig) use(hosts ...string) {
	r.tb.Helper()
	r.useConfig(certs.Config{Listens: listens(&certs.Site{Name: "s", Hosts: hosts}), ACME: r.cfg, Protocols: []string{"http/1.1"}})
}

// wait waits until host has a certificate and returns its state.
func (r *acmeRig) wait(host string) (s tls.ConnectionState) {
	r.tb.Helper()
	eventually(r.tb, acmeTime, "a certificate for "+host, func() bool {
		var err error
		s, err = r.shake(&tls.Config{ServerName: host, RootCAs: r.pebble.Roots()})
		return err == nil
	})
	return s
}

func TestCertificatesComeByEitherChallenge(t *testing.T) {
	t.Parallel() // it mostly waits
	for _, only := range []string{"http-01", "tls-alpn-01"} {
		t.Run(only, func(t *testing.T) {
			r := startACME(t, time.Hour)
			if only == "http-01" {
				r.cfg.TLSAddr = ""
			} else {
				r.cfg.HTTPAddr = ""
			}
			r.use("www.acme.test", "other.acme.test")
			r.wait("www.acme.test")
			r.wait("other.acme.test")
			if by := len(r.answers) > 0; by != (only == "http-01") {
				t.Errorf("by http-01: %t", by)
			}
		})
	}
}

func TestHostsComeAndGoWithTheConfigurationAndStorageIsUsedAgain(t *testing.T) {
	t.Parallel() // it mostly waits
	r := startACME(t, time.Hour)
	r.use("one.acme.test")
	first := r.wait("one.acme.test").PeerCertificates[0]
	r.use("one.acme.test", "two.acme.test")
	r.wait("two.acme.test")
	if got := r.wait("one.acme.test").PeerCertificates[0]; !got.Equal(first) {
		t.Error("the first host has another certificate")
	}
	r.use("two.acme.test")
	s, err := r.shake(&tls.Config{ServerName: "one.acme.test", InsecureSkipVerify: true})
	if err != nil || s.PeerCertificates[0].DNSNames[0] != "two.acme.test" {
		t.Errorf("a host that is gone: %v", err)
	}
	r.useConfig(certs.Config{}) // as at the end of the process
	r.use("one.acme.test")
	if got := r.wait("one.acme.test").PeerCertificates[0]; !got.Equal(first) {
		t.Error("the stored certificate is not used again")
	}
}

func TestACertificateIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel() // it mostly waits
	r := startACME(t, 20*time.Second)
	r.use("short.acme.test")
	first := r.wait("short.acme.test").PeerCertificates[0]
	eventually(t, acmeTime, "a renewed certificate", func() bool {
		return !r.wait("short.acme.test").PeerCertificates[0].Equal(first)
	})
}

func TestWithoutItsCertificateAHandshakeFailsAndOthersDoNot(t *testing.T) {
	r := start(t, certs.Options{})
	nobody := harness.FreeAddr(t)
	waiting := &certs.Site{Name: "waiting", Hosts: []string{"waiting.test"}}
	r.useConfig(certs.Config{
		Listens: listens(waiting, r.site("file", []string{"file.test"}, "file.test")),
		ACME:    certs.ACME{Directory: "https://" + nobody + "/dir", Storage: r.path("acme"), TLSAddr: r.at},
	})
	if _, err := r.shake(&tls.Config{ServerName: "waiting.test"}); err == nil {
		t.Error("a handshake without a certificate")
	}
	eventually(t, acmeTime, "it is said that it failed", func() bool { return r.logged("will retry") > 0 })
	if got := r.served("file.test").DNSNames[0]; got != "file.test" {
		t.Errorf("got %s", got)
	}
	if _, ok := r.Challenge([]byte("waiting.test"), []byte("/.well-known/acme-challenge/x")); ok {
		t.Error("a challenge that nobody expects is answered")
	}
	for _, c := range r.logs.All() {
		if strings.Contains(c.Message, "panic") {
			t.Error(c.Message)
		}
	}
}

func TestAStorageThatCannotBeMadeIsRefused(t *testing.T) {
	r := start(t, certs.Options{})
	file := certstest.WriteFile(t, r.path("file"), nil)
	_, err := r.Prepare(certs.Config{
		Listens: listens(&certs.Site{Name: "s", Hosts: []string{"s.test"}}),
		ACME:    certs.ACME{Directory: "https://ca.test", Storage: file + "/acme", TLSAddr: r.at},
	})
	if err == nil || !strings.Contains(err.Error(), "storage") {
		t.Error(err)
	}
}
