package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
)

// responder answers for one CA.
type responder struct {
	*httptest.Server
	asked atomic.Int32
	say   atomic.Pointer[func(http.ResponseWriter, *ocsp.Request)]
}

func startResponder(t *testing.T) *responder {
	r := &responder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		q, err := ocsp.ParseRequest(body)
		if err != nil || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/ocsp-request" {
			t.Errorf("a bad question: %v %s", err, req.Method)
			return
		}
		(*r.say.Load())(w, q)
		r.asked.Add(1)
	}))
	t.Cleanup(r.Close)
	return r
}

// answer says status of every certificate.
func (r *responder) answer(t *testing.T, ca *certstest.Authority, status int, next time.Duration) {
	f := func(w http.ResponseWriter, q *ocsp.Request) {
		der, err := ocsp.CreateResponse(ca.Cert, ca.Cert, ocsp.Response{
			Status: status, SerialNumber: q.SerialNumber, RevokedAt: time.Now(),
			ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(next),
		}, ca.Key)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(der)
	}
	r.say.Store(&f)
}

// stapled is a site whose certificate names the responder.
func (r *rig) stapled(url string) *certs.Site {
	cert, key := r.ca.Issue(func(t *x509.Certificate) {
		t.DNSNames, t.OCSPServer = []string{"s.test"}, []string{url}
	}).Write(r.tb, r.dir, "stapled")
	return &certs.Site{Name: "s", Hosts: []string{"s.test"}, Certificate: cert, Key: key}
}

func (r *rig) staple(tb testing.TB) []byte {
	tb.Helper()
	s, err := r.shake(&tls.Config{ServerName: "s.test"})
	if err != nil {
		tb.Fatal(err)
	}
	return s.OCSPResponse
}

func TestAGoodAnswerIsStapledAndKeptOverReloads(t *testing.T) {
	r, o := start(t, certs.Options{}), startResponder(t)
	o.answer(t, r.ca, ocsp.Good, time.Hour)
	cfg := certs.Config{Listens: listens(r.stapled(o.URL)), Staple: true}
	r.useConfig(cfg)
	eventually(t, patient, "an answer is stapled", func() bool { return r.Staples()[0] != nil })
	got, err := ocsp.ParseResponse(r.staple(t), r.ca.Cert)
	if err != nil || got.Status != ocsp.Good {
		t.Errorf("%v %v", got, err)
	}
	r.useConfig(cfg)
	if r.staple(t) == nil || o.asked.Load() != 1 {
		t.Errorf("after a reload: asked %d times", o.asked.Load())
	}
}

func TestOnlyGoodVerifiedAndSmallAnswersAreStapled(t *testing.T) {
	for name, set := range map[string]func(*testing.T, *rig, *responder){
		"revoked": func(t *testing.T, r *rig, o *responder) { o.answer(t, r.ca, ocsp.Revoked, time.Hour) },
		"old":     func(t *testing.T, r *rig, o *responder) { o.answer(t, r.ca, ocsp.Good, -time.Second) },
		"other's": func(t *testing.T, r *rig, o *responder) {
			o.answer(t, certstest.NewAuthority(t, "a CA"), ocsp.Good, time.Hour)
		},
		"too large":  func(t *testing.T, r *rig, o *responder) { o.write(200, bytes.Repeat([]byte("x"), 70<<10)) },
		"no success": func(t *testing.T, r *rig, o *responder) { o.write(500, nil) },
		"junk":       func(t *testing.T, r *rig, o *responder) { o.write(200, []byte("junk")) },
	} {
		t.Run(name, func(t *testing.T) {
			r, o := start(t, certs.Options{}), startResponder(t)
			set(t, r, o)
			r.useConfig(certs.Config{Listens: listens(r.stapled(o.URL)), Staple: true})
			eventually(t, patient, "a warning", func() bool { return r.logged("no OCSP answer for a certificate") == 1 })
			if r.staple(t) != nil {
				t.Error("something is stapled")
			}
		})
	}
}

func (r *responder) write(status int, body []byte) {
	f := func(w http.ResponseWriter, _ *ocsp.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
	r.say.Store(&f)
}

func TestANewCertificateGetsAnAnswerOfItsOwn(t *testing.T) {
	r, o := start(t, certs.Options{}), startResponder(t)
	o.answer(t, r.ca, ocsp.Good, time.Hour)
	r.useConfig(certs.Config{Listens: listens(r.stapled(o.URL)), Staple: true})
	eventually(t, patient, "an answer is stapled", func() bool { return r.Staples()[0] != nil })
	r.stapled(o.URL) // writes the files anew
	r.Reread()
	eventually(t, patient, "another question", func() bool { return o.asked.Load() == 2 && r.Staples()[0] != nil })
	s, err := r.shake(&tls.Config{ServerName: "s.test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ocsp.ParseResponseForCert(s.OCSPResponse, s.PeerCertificates[0], r.ca.Cert); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsAskedWithoutAResponderOrWhenStaplingIsOff(t *testing.T) {
	r, o := start(t, certs.Options{}), startResponder(t)
	o.answer(t, r.ca, ocsp.Good, time.Hour)
	r.useConfig(certs.Config{Listens: listens(r.stapled(o.URL))})
	r.useConfig(certs.Config{Listens: listens(r.site("plain", []string{"s.test"}, "s.test")), Staple: true})
	if got := r.staple(t); got != nil || o.asked.Load() != 0 || r.logged("no OCSP answer for a certificate") != 0 {
		t.Errorf("%x, asked %d times", got, o.asked.Load())
	}
}
