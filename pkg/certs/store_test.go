package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
)

func TestTheNameInTheHandshakeChoosesTheCertificate(t *testing.T) {
	r := start(t, certs.Options{})
	r.use(
		r.site("first", []string{"first.test"}, "first.test"),
		r.site("exact", []string{"a.wild.test"}, "exact"),
		r.site("wild", []string{"*.wild.test"}, "wild"),
		r.site("ends", []string{"www.ends.*"}, "ends"),
		r.site("regex", []string{`~^r\d+\.test$`}, "regex"),
	)
	for name, want := range map[string]string{
		"first.test":   "first.test",
		"FIRST.Test":   "first.test",
		"a.wild.test":  "exact",
		"b.wild.test":  "wild",
		"B.Wild.TEST":  "wild",
		"www.ends.org": "ends",
		"r12.test":     "regex",
		"other.test":   "first.test",
		"":             "first.test",
	} {
		if got := r.served(name).DNSNames[0]; got != want {
			t.Errorf("%q gets the certificate for %s, want %s", name, got, want)
		}
	}
}

func TestTheFallbackNeedNotBeTheFirstSite(t *testing.T) {
	r := start(t, certs.Options{})
	a, b := r.site("a", []string{"a.test"}, "a.test"), r.site("b", []string{"b.test"}, "b.test")
	l := listens(a, b)
	l[address] = certs.Listen{Sites: []*certs.Site{a, b}, Fallback: b}
	r.useConfig(certs.Config{Listens: l})
	if got := r.served("x.test").DNSNames[0]; got != "b.test" {
		t.Errorf("got %s", got)
	}
}

func TestAChangedCertificateIsServedAndOldOnesStayWhileItIsBroken(t *testing.T) {
	r := start(t, certs.Options{})
	s := r.site("s", []string{"s.test"}, "s.test")
	r.use(s)
	before := r.served("s.test")

	next := r.ca.Server("s.test")
	certstest.WriteFile(t, s.Certificate, next.CertPEM) // its key comes later
	for range 3 {
		r.Reread()
	}
	if !r.served("s.test").Equal(before) {
		t.Error("a certificate without its key is served")
	}
	const broken = "a changed certificate cannot be used; the one before stays"
	if n := r.logged(broken); n != 1 {
		t.Errorf("it was said %d times", n)
	}
	certstest.WriteFile(t, s.Key, next.KeyPEM)
	r.Reread()
	if !r.served("s.test").Equal(next.Cert) {
		t.Error("the new certificate is not served")
	}
	if err := os.Remove(s.Key); err != nil {
		t.Fatal(err)
	}
	r.Reread()
	r.Reread()
	if !r.served("s.test").Equal(next.Cert) || r.logged(broken) != 2 {
		t.Errorf("without its file, another certificate is served; said %d times", r.logged(broken))
	}
}

func TestASymbolicLinkThatLeadsElsewhereIsAChange(t *testing.T) {
	r := start(t, certs.Options{})
	one, two := r.ca.Server("s.test"), r.ca.Server("s.test")
	link := func(i *certstest.Issued, name string) {
		cert, key := i.Write(t, r.dir, name)
		for from, to := range map[string]string{"live.pem": cert, "live.key": key} {
			if err := os.Symlink(to, r.path("new")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(r.path("new"), r.path(from)); err != nil {
				t.Fatal(err)
			}
		}
	}
	link(one, "one")
	r.use(&certs.Site{Name: "s", Hosts: []string{"s.test"}, Certificate: r.path("live.pem"), Key: r.path("live.key")})
	link(two, "two")
	r.Reread()
	if !r.served("s.test").Equal(two.Cert) {
		t.Error("the new certificate is not served")
	}
}

func TestWhatCannotBeReadIsRefusedByNameAndNothingChanges(t *testing.T) {
	r := start(t, certs.Options{})
	good := r.site("good", []string{"good.test"}, "good.test")
	r.use(good)
	other := r.ca.Server("x.test")
	otherCert, otherKey := other.Write(t, r.dir, "other")
	junk := certstest.WriteFile(t, r.path("junk.pem"), []byte("junk"))
	locked := certstest.WriteFile(t, r.path("locked.key"), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	reversed := certstest.WriteFile(t, r.path("reversed.pem"), append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.ca.Server("y.test").Cert.Raw}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Cert.Raw})...))
	for want, s := range map[string]*certs.Site{
		"certificate: " + r.path("none.pem") + ": no such file":     {Name: "none", Certificate: r.path("none.pem"), Key: otherKey},
		"certificate_key: " + r.path("none.key") + ": no such file": {Name: "nokey", Certificate: otherCert, Key: r.path("none.key")},
		good.Key + ": the key is not that of the certificate in":    {Name: "mismatch", Certificate: otherCert, Key: good.Key},
		"client_ca: " + junk + ": it holds no certificate":          {Name: "ca", Certificate: otherCert, Key: otherKey, ClientCA: junk},
		"certificate: " + junk + ": it holds no certificate":        {Name: "junk", Certificate: junk, Key: otherKey},
		"certificate_key: " + junk + ": it holds no private key":    {Name: "junkkey", Certificate: otherCert, Key: junk},
		"are the two files swapped?":                                {Name: "swapped", Certificate: otherKey, Key: otherCert},
		"the key is encrypted":                                      {Name: "locked", Certificate: otherCert, Key: locked},
		"begins with the certificate of an issuer":                  {Name: "order", Certificate: reversed, Key: otherKey},
	} {
		set, err := r.Prepare(certs.Config{Listens: listens(good, s)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `site "`+s.Name+`"`) {
			t.Errorf("%s: %v, want %q", s.Name, err, want)
		}
		r.Drop(set)
	}
	if got := r.served("x.test").DNSNames[0]; got != "good.test" {
		t.Errorf("%s is served", got)
	}
}

func TestEachSiteHasItsOldestVersion(t *testing.T) {
	r := start(t, certs.Options{})
	strict := r.site("strict", []string{"strict.test"}, "strict.test")
	strict.MinVersion = tls.VersionTLS13
	r.use(r.site("easy", []string{"easy.test"}, "easy.test"), strict)
	for name, want := range map[string]bool{"easy.test": true, "strict.test": false} {
		_, err := r.shake(&tls.Config{ServerName: name, MaxVersion: tls.VersionTLS12})
		if (err == nil) != want {
			t.Errorf("%s by TLS 1.2: %v", name, err)
		}
		if s, err := r.shake(&tls.Config{ServerName: name}); err != nil || s.Version != tls.VersionTLS13 {
			t.Errorf("%s: %v %x", name, err, s.Version)
		}
	}
	if _, err := r.shake(&tls.Config{ServerName: "easy.test", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestProtocolsAreAgreedOnAndOthersRefused(t *testing.T) {
	r := start(t, certs.Options{})
	r.useConfig(certs.Config{Listens: listens(r.site("s", []string{"s.test"}, "s.test")), Protocols: []string{"h2", "http/1.1"}})
	for _, c := range []struct {
		offered []string
		want    string
		fails   bool
	}{
		{[]string{"http/1.1", "h2"}, "h2", false},
		{[]string{"http/1.1"}, "http/1.1", false},
		{nil, "", false},
		{[]string{"ftp"}, "", true},
		{[]string{certs.ProtocolACME}, "", true}, // nobody asked for a certificate
	} {
		s, err := r.shake(&tls.Config{ServerName: "s.test", NextProtos: c.offered})
		if (err != nil) != c.fails || s.NegotiatedProtocol != c.want {
			t.Errorf("%q: %v %q", c.offered, err, s.NegotiatedProtocol)
		}
	}
}

func TestSessionsOutliveAReloadUnlessTicketsAreOff(t *testing.T) {
	r := start(t, certs.Options{})
	s := r.site("s", []string{"s.test"}, "s.test")
	client := &tls.Config{ServerName: "s.test", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	resumed := func(tickets bool) bool {
		t.Helper()
		r.useConfig(certs.Config{Listens: listens(s), Tickets: tickets})
		state, err := r.shake(client)
		if err != nil {
			t.Fatal(err)
		}
		return state.DidResume
	}
	if got := []bool{resumed(true), resumed(true), resumed(false), resumed(false)}; !slices.Equal(got, []bool{false, true, false, false}) {
		t.Errorf("resumed: %v", got)
	}
}

func TestASiteThatAsksForCertificatesResumesNoSession(t *testing.T) {
	r := start(t, certs.Options{})
	asking := r.site("asking", []string{"asking.test"}, "asking.test", "open.test")
	asking.ClientCA = certstest.WriteFile(t, r.path("ca.pem"), r.ca.PEM())
	r.use(r.site("open", []string{"open.test"}, "asking.test", "open.test"), asking)

	cache := tls.NewLRUClientSessionCache(4)
	shake := func(name string) tls.ConnectionState {
		t.Helper()
		s, err := r.shake(&tls.Config{ServerName: name, ClientSessionCache: everyName{cache}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	shake("open.test")
	if !shake("open.test").DidResume {
		t.Fatal("the open site resumes nothing, so the test shows nothing")
	}
	if shake("asking.test").DidResume {
		t.Error("a session of another site was resumed")
	}
	if shake("asking.test").DidResume {
		t.Error("a session was resumed")
	}
}

// everyName offers the sessions of all hosts to every host, as an attacker would.
type everyName struct{ tls.ClientSessionCache }

func (e everyName) Get(string) (*tls.ClientSessionState, bool) { return e.ClientSessionCache.Get("") }
func (e everyName) Put(_ string, s *tls.ClientSessionState)    { e.ClientSessionCache.Put("", s) }

func TestAnAddressWithoutSitesRefusesHandshakes(t *testing.T) {
	r := start(t, certs.Options{})
	if _, err := r.shake(&tls.Config{ServerName: "s.test"}); err == nil {
		t.Error("a handshake without any site")
	}
	r.use(r.site("s", []string{"s.test"}, "s.test"))
	r.useConfig(certs.Config{})
	if _, err := r.shake(&tls.Config{ServerName: "s.test"}); err == nil {
		t.Error("a handshake with a site that is gone")
	}
}

func TestAListenerKeepsItsConfiguration(t *testing.T) {
	r := start(t, certs.Options{})
	a, b := r.TLS("a"), r.TLS("b")
	if r.TLS("a") != a || a == b {
		t.Error("one configuration for each address, and the same one always")
	}
}

func TestAnExpiredCertificateIsServedAndReported(t *testing.T) {
	r := start(t, certs.Options{})
	cert, key := r.ca.Issue(func(c *x509.Certificate) {
		c.DNSNames, c.NotAfter = []string{"old.test"}, time.Now().Add(-time.Minute)
	}).Write(t, r.dir, "old")
	r.use(&certs.Site{Name: "old", Hosts: []string{"old.test"}, Certificate: cert, Key: key})
	warned := r.logs.FilterMessage("a certificate has expired; clients refuse it")
	if warned.Len() != 1 || warned.All()[0].ContextMap()["file"] != cert {
		t.Errorf("the log has %v", r.logs.All())
	}
}
