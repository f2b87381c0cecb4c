package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
)

// clientsRig has two CAs, of which the first is trusted.
type clientsRig struct {
	good, bad *certstest.Authority
	dir, ca   string
}

func newClientsRig(t *testing.T) *clientsRig {
	r := &clientsRig{good: certstest.NewAuthority(t, "good"), bad: certstest.NewAuthority(t, "good"), dir: t.TempDir()}
	r.ca = certstest.WriteFile(t, r.dir+"/ca.pem", r.good.PEM())
	return r
}

func (r *clientsRig) load(t *testing.T, crl string) *certs.Clients {
	t.Helper()
	c, err := certs.LoadClients(r.ca, crl)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func chain(list ...*x509.Certificate) []*x509.Certificate { return list }

func TestOnlyCertificatesOfTheCAThatAreForClientsAndGoodNowPass(t *testing.T) {
	r := newClientsRig(t)
	c := r.load(t, "")
	now := time.Now()
	client := r.good.Client(pkix.Name{CommonName: "c"}).Cert
	between := r.good.Issue(func(t *x509.Certificate) {
		t.Subject.CommonName = "between"
		t.IsCA, t.BasicConstraintsValid, t.KeyUsage, t.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	})
	deep := (&certstest.Authority{Cert: between.Cert, Key: between.Key}).In(t).Client(pkix.Name{CommonName: "deep"}).Cert
	for name, test := range map[string]struct {
		chain []*x509.Certificate
		at    time.Time
		want  bool
	}{
		"good":                {chain(client), now, true},
		"with more behind it": {chain(client, r.bad.Cert), now, true},
		"too late":            {chain(client), now.Add(2 * time.Hour), false},
		"too early":           {chain(r.good.Client(pkix.Name{}).Cert), now.Add(-2 * time.Hour), false},
		"other CA of a name":  {chain(r.bad.Client(pkix.Name{CommonName: "c"}).Cert), now, false},
		"brings its CA":       {chain(r.bad.Client(pkix.Name{CommonName: "c"}).Cert, r.bad.Cert), now, false},
		"for servers":         {chain(r.good.Server("c").Cert), now, false},
		"with the link":       {chain(deep, between.Cert), now, true},
		"without the link":    {chain(r.deepOf(t, between)), now, false},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time it may be remembered
				if err := c.Verify(test.chain, test.at); (err == nil) != test.want {
					t.Error(err)
				}
			}
		})
	}
}

func (r *clientsRig) deepOf(t *testing.T, between *certstest.Issued) *x509.Certificate {
	return (&certstest.Authority{Cert: between.Cert, Key: between.Key}).In(t).Client(pkix.Name{CommonName: "alone"}).Cert
}

func TestARememberedCertificateStillEnds(t *testing.T) {
	r := newClientsRig(t)
	c := r.load(t, "")
	client := chain(r.good.Client(pkix.Name{}).Cert)
	if err := c.Verify(client, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(client, time.Now().Add(2*time.Hour)); err == nil {
		t.Error("it passes after its end")
	}
}

func TestRevokedCertificatesFail(t *testing.T) {
	r := newClientsRig(t)
	revoked, fine := r.good.Client(pkix.Name{CommonName: "revoked"}), r.good.Client(pkix.Name{CommonName: "fine"})
	next := time.Now().Add(30 * time.Minute)
	c := r.load(t, certstest.WriteFile(t, r.dir+"/crl.pem", r.good.CRL(next, revoked)))
	if err := c.Verify(chain(revoked.Cert), time.Now()); !errors.Is(err, certs.ErrRevoked) {
		t.Error(err)
	}
	if err := c.Verify(chain(fine.Cert), time.Now()); err != nil {
		t.Error(err)
	}
	if err := c.Verify(chain(fine.Cert), next.Add(time.Minute)); !errors.Is(err, certs.ErrOldCRL) {
		t.Error(err)
	}
}

func TestListsOfOthersAreRefused(t *testing.T) {
	r := newClientsRig(t)
	for want, data := range map[string][]byte{
		"signed by none": r.bad.CRL(time.Now().Add(time.Hour)),
		"holds no list":  r.good.PEM(),
	} {
		if _, err := certs.LoadClients(r.ca, certstest.WriteFile(t, r.dir+"/crl.pem", data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestTheMemoryOfGoodCertificatesIsBounded(t *testing.T) {
	r := newClientsRig(t)
	c := r.load(t, "")
	client := r.good.Client(pkix.Name{}).Cert
	if err := c.Verify(chain(client), time.Now()); err != nil || c.Seen() != 1 {
		t.Fatal(err, c.Seen())
	}
	for range 4096 + 10 {
		other := *client // another pointer, as another connection has
		c.Remember(&other)
	}
	if n := c.Seen(); n > 4096 || n == 0 {
		t.Errorf("%d are remembered", n)
	}
}

func TestHandshakesTakeAnyClientCertificateAndNone(t *testing.T) {
	r := start(t, certs.Options{})
	s := r.site("s", []string{"s.test"}, "s.test")
	s.ClientCA = certstest.WriteFile(t, r.path("ca.pem"), r.ca.PEM())
	r.use(s)
	stranger := certstest.NewAuthority(t, "stranger").Client(pkix.Name{})
	for name, cert := range map[string]*certstest.Issued{"good": r.ca.Client(pkix.Name{}), "stranger": stranger, "none": nil} {
		cfg := &tls.Config{ServerName: "s.test"}
		var hint [][]byte
		cfg.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			hint = info.AcceptableCAs
			if cert == nil {
				return &tls.Certificate{}, nil
			}
			return &tls.Certificate{Certificate: [][]byte{cert.Cert.Raw}, PrivateKey: cert.Key}, nil
		}
		if _, err := r.shake(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(hint) != 1 || string(hint[0]) != string(r.ca.Cert.RawSubject) {
			t.Errorf("%s: asked for certificates of %q", name, hint)
		}
	}
	// A certificate without its key is not one's own.
	a, b := r.ca.Client(pkix.Name{}), r.ca.Client(pkix.Name{})
	_, err := r.shake(&tls.Config{ServerName: "s.test", Certificates: []tls.Certificate{{Certificate: [][]byte{a.Cert.Raw}, PrivateKey: b.Key}}})
	if err == nil {
		t.Error("a stolen certificate passes the handshake")
	}
}

// A CA that has changed its key is two CAs of one name, each with its list.
func TestAnIssuerMayHaveSeveralLists(t *testing.T) {
	r := newClientsRig(t)
	r.ca = certstest.WriteFile(t, r.dir+"/both.pem", append(r.good.PEM(), r.bad.PEM()...))
	revoked, fine := r.good.Client(pkix.Name{CommonName: "revoked"}), r.good.Client(pkix.Name{CommonName: "fine"})
	other := r.bad.Client(pkix.Name{CommonName: "other"})
	next := time.Now().Add(30 * time.Minute)
	past := time.Now().Add(-time.Minute)
	for name, row := range map[string]struct {
		lists [][]byte
		fine  error // of a certificate in no list; that of the other key is good
	}{
		"its list first":       {[][]byte{r.good.CRL(next, revoked), r.bad.CRL(next)}, nil},
		"its list last":        {[][]byte{r.bad.CRL(next), r.good.CRL(next, revoked)}, nil},
		"listed by the other":  {[][]byte{r.good.CRL(next), r.bad.CRL(next, revoked)}, nil},
		"an old list and new":  {[][]byte{r.good.CRL(past, revoked), r.good.CRL(next), r.bad.CRL(next)}, nil},
		"its list out of date": {[][]byte{r.bad.CRL(next), r.good.CRL(past, revoked)}, certs.ErrOldCRL},
	} {
		t.Run(name, func(t *testing.T) {
			c := r.load(t, certstest.WriteFile(t, r.dir+"/crl.pem", bytes.Join(row.lists, nil)))
			if err := c.Verify(chain(revoked.Cert), time.Now()); !errors.Is(err, certs.ErrRevoked) {
				t.Errorf("revoked: %v", err)
			}
			if err := c.Verify(chain(fine.Cert), time.Now()); !errors.Is(err, row.fine) {
				t.Errorf("fine: %v, want %v", err, row.fine)
			}
			if err := c.Verify(chain(other.Cert), time.Now()); err != nil {
				t.Errorf("other: %v", err)
			}
		})
	}
}
