package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/crypto/ocsp"
)

const (
	ocspTick    = time.Minute      // between two looks at what is due
	ocspTimeout = 10 * time.Second // for one responder
	ocspMax     = 64 << 10         // bytes of an answer; real ones have about 1 KiB
	ocspRetry   = 10 * time.Minute // after a failure
	ocspForever = 12 * time.Hour   // for an answer that names no next update
)

// errNoResponder: nothing in the certificate says whom to ask.
var errNoResponder = errors.New("the certificate names no responder, or its file lacks the issuer's")

// answer is what a responder said of a certificate.
type answer struct {
	leaf   *x509.Certificate // of whom; nil: nobody was asked
	staple []byte            // nil: not good, or unknown
	ends   time.Time         // of the staple
	due    time.Time         // when to ask again
}

// staple keeps the OCSP answers of all pairs fresh.
func (s *Store) staple(ctx context.Context) {
	client := &http.Client{Timeout: ocspTimeout}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(ocspTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
		set := s.current.Load()
		if !set.cfg.Staple {
			continue
		}
		for _, p := range set.pairs {
			if err := p.refresh(ctx, client, time.Now()); err != nil && ctx.Err() == nil {
				s.log.Warn("no OCSP answer for a certificate", zap.String("file", p.files.cert), zap.Error(err))
			}
		}
	}
}

// refresh asks for an answer when one is due. An old one stays while it is good.
func (p *pair) refresh(ctx context.Context, client *http.Client, now time.Time) error {
	cert := p.current.Load()
	p.mu.Lock()
	a := p.answer
	p.mu.Unlock()
	if a.leaf == cert.Leaf && now.Before(a.due) {
		return nil
	}
	if a.leaf != cert.Leaf {
		a = answer{leaf: cert.Leaf}
	}
	staple, response, err := ask(ctx, client, cert)
	switch {
	case errors.Is(err, errNoResponder):
		a.due, err = cert.Leaf.NotAfter, nil
	case err != nil:
		a.due = now.Add(ocspRetry)
	case response.Status != ocsp.Good:
		a.staple, a.due = nil, now.Add(ocspRetry)
		err = fmt.Errorf("the responder says it is %s", statusName(response.Status))
	default:
		a.staple, a.ends = staple, response.NextUpdate
		if a.ends.IsZero() {
			a.ends = now.Add(ocspForever)
		}
		a.due = now.Add(a.ends.Sub(now) / 2)
	}
	if a.staple != nil && now.After(a.ends) {
		a.staple = nil
	}
	p.setAnswer(cert, a)
	return err
}

// setAnswer stores a, unless the files have brought another certificate.
func (p *pair) setAnswer(cert *tls.Certificate, a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current.Load() != cert {
		return
	}
	a.leaf = cert.Leaf
	p.answer = a
	with := *cert
	with.OCSPStaple = a.staple
	p.current.Store(&with)
}

// ask asks the responder that the certificate names and verifies its answer.
func ask(ctx context.Context, client *http.Client, cert *tls.Certificate) ([]byte, *ocsp.Response, error) {
	if len(cert.Leaf.OCSPServer) == 0 || len(cert.Certificate) < 2 {
		return nil, nil, errNoResponder
	}
	issuer, err := x509.ParseCertificate(cert.Certificate[1])
	if err != nil {
		return nil, nil, err
	}
	question, err := ocsp.CreateRequest(cert.Leaf, issuer, nil)
	if err != nil {
		return nil, nil, err
	}
	body, err := post(ctx, client, cert.Leaf.OCSPServer[0], question)
	if err != nil {
		return nil, nil, err
	}
	response, err := ocsp.ParseResponseForCert(body, cert.Leaf, issuer)
	if err == nil && !response.NextUpdate.IsZero() && time.Now().After(response.NextUpdate) {
		err = errors.New("the answer is out of date")
	}
	return body, response, err
}

// post sends a question as RFC 6960, A.1 has it.
func post(ctx context.Context, client *http.Client, url string, question []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, ocspMax+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	case len(body) > ocspMax:
		return nil, fmt.Errorf("%s answers more than 64 KiB", url)
	}
	return body, nil
}

func statusName(status int) string {
	if status == ocsp.Revoked {
		return "revoked"
	}
	return "unknown to it"
}
