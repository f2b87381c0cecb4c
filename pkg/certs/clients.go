package certs

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Errors of Clients.Verify, besides those of package x509.
var (
	// ErrRevoked: the certificate is in a list of revoked ones.
	ErrRevoked = errors.New("certificate is revoked")
	// ErrOldCRL: the list of revoked certificates is out of date, so that nobody
	// knows whether the certificate is in a newer one.
	ErrOldCRL = errors.New("list of revoked certificates is out of date")
)

// Clients tells good certificates of clients from others. It is safe for use by
// any number of goroutines.
type Clients struct {
	pool *x509.CertPool
	crls map[string]*crl // by issuer, as it stands in certificates

	mu sync.RWMutex
	// seen remembers good certificates until they end, since crypto/tls gives all
	// requests of a connection the same pointer; guarded by mu.
	seen map[*x509.Certificate]time.Time
}

// crl is one list of revoked certificates.
type crl struct {
	serials map[string]struct{}
	ends    time.Time // zero: never
}

// maxSeen bounds the memory of good certificates; when it is full it begins anew.
const maxSeen = 4096

// LoadClients reads the CAs that may issue clients' certificates and, if crlFile
// is not empty, the lists of those they have revoked. A list must be signed by
// one of the CAs.
func LoadClients(caFile, crlFile string) (*Clients, error) {
	cas, err := readCertificates(caFile)
	if err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	c := &Clients{pool: poolOf(cas), crls: make(map[string]*crl), seen: make(map[*x509.Certificate]time.Time)}
	if crlFile == "" {
		return c, nil
	}
	if err := c.readCRLs(crlFile, cas); err != nil {
		return nil, fmt.Errorf("client_crl: %s: %w", crlFile, err)
	}
	return c, nil
}

// Verify returns nil for a chain, leaf first, whose leaf is good for client
// authentication (RFC 5280) at the time now. That the client has its key, the
// handshake has proved.
func (c *Clients) Verify(chain []*x509.Certificate, now time.Time) error {
	leaf := chain[0]
	c.mu.RLock()
	ends, known := c.seen[leaf]
	c.mu.RUnlock()
	if known && now.Before(ends) {
		return nil
	}
	rest := x509.NewCertPool()
	for _, cert := range chain[1:] {
		rest.AddCert(cert)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.pool, Intermediates: rest, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	if ends, err = c.unrevoked(chains, now); err == nil {
		c.remember(leaf, ends)
	}
	return err
}

// unrevoked looks for a chain without a revoked certificate and returns until
// when it is good.
func (c *Clients) unrevoked(chains [][]*x509.Certificate, now time.Time) (ends time.Time, err error) {
	for _, chain := range chains {
		if ends, err = c.chainEnds(chain, now); err == nil {
			return ends, nil
		}
	}
	return ends, err
}

// chainEnds returns until when a chain is good.
func (c *Clients) chainEnds(chain []*x509.Certificate, now time.Time) (time.Time, error) {
	ends := chain[0].NotAfter
	for _, cert := range chain {
		if cert.NotAfter.Before(ends) {
			ends = cert.NotAfter
		}
		list := c.crls[string(cert.RawIssuer)]
		if list == nil {
			continue
		}
		if _, revoked := list.serials[string(cert.SerialNumber.Bytes())]; revoked {
			return ends, ErrRevoked
		}
		if list.ends.IsZero() {
			continue
		}
		if now.After(list.ends) {
			return ends, ErrOldCRL
		}
		if list.ends.Before(ends) {
			ends = list.ends
		}
	}
	return ends, nil
}

func (c *Clients) remember(leaf *x509.Certificate, ends time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) >= maxSeen {
		clear(c.seen)
	}
	c.seen[leaf] = ends
}

// readCRLs reads the lists in a file.
func (c *Clients) readCRLs(path string, cas []*x509.Certificate) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return err
		}
		if !signedByOne(list, cas) {
			return errors.New("a list is signed by none of the CAs in client_ca")
		}
		c.addCRL(list)
	}
	if len(c.crls) == 0 {
		return errors.New("it holds no list (PEM, X509 CRL)")
	}
	return nil
}

func (c *Clients) addCRL(list *x509.RevocationList) {
	l := &crl{serials: make(map[string]struct{}, len(list.RevokedCertificateEntries)), ends: list.NextUpdate}
	for _, e := range list.RevokedCertificateEntries {
		l.serials[string(e.SerialNumber.Bytes())] = struct{}{}
	}
	c.crls[string(list.RawIssuer)] = l
}

func signedByOne(list *x509.RevocationList, cas []*x509.Certificate) bool {
	for _, ca := range cas {
		if list.CheckSignatureFrom(ca) == nil {
			return true
		}
	}
	return false
}

func poolOf(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

// readPool reads the certificates of a PEM file.
func readPool(path string) (*x509.CertPool, error) {
	certs, err := readCertificates(path)
	if err != nil {
		return nil, err
	}
	return poolOf(certs), nil
}

// readCertificates reads a PEM file with at least one certificate.
func readCertificates(path string) ([]*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var list []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: it holds no certificate (PEM)", path)
	}
	return list, nil
}
