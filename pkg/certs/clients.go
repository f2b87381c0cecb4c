package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
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
	crls map[string][]*crl // by issuer, as it stands in certificates

	mu sync.RWMutex
	// seen remembers good certificates until they end, since crypto/tls gives all
	// requests of a connection the same pointer; guarded by mu.
	seen map[*x509.Certificate]time.Time
}

// crl is one list of revoked certificates.
type crl struct {
	signers []*x509.Certificate // the CAs in client_ca whose key made it
	serials map[string]struct{}
	ends    time.Time // zero: never
}

// maxSeen bounds the memory of good certificates; when it is full it begins anew.
const maxSeen = 4096

// LoadClients reads the CAs that may issue clients' certificates and, if crlFile
// is not empty, the lists of those they have revoked. A list must be signed by
// one of the CAs. The error is a *FileError.
func LoadClients(caFile, crlFile string) (*Clients, error) {
	cas, err := readCertificates(caFile)
	if err != nil {
		return nil, fileError("client_ca", caFile, err)
	}
	c := &Clients{pool: poolOf(cas), crls: make(map[string][]*crl), seen: make(map[*x509.Certificate]time.Time)}
	if crlFile == "" {
		return c, nil
	}
	if err := c.readCRLs(crlFile, cas); err != nil {
		return nil, fileError("client_crl", crlFile, err)
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
	for i, cert := range chain {
		if cert.NotAfter.Before(ends) {
			ends = cert.NotAfter
		}
		issuer := chain[min(i+1, len(chain)-1)] // a root is its own
		until, err := c.certEnds(cert, issuer, now)
		if err != nil {
			return ends, err
		}
		if !until.IsZero() && until.Before(ends) {
			ends = until
		}
	}
	return ends, nil
}

// certEnds looks for a certificate in the lists of its issuer, of which there may
// be several: old and new ones, or a CA that has changed its key, which may go on
// to list what it issued with the old one (RFC 5280, 5). It returns until when
// they say that it is good; zero: for ever.
func (c *Clients) certEnds(cert, issuer *x509.Certificate, now time.Time) (time.Time, error) {
	lists := c.crls[string(cert.RawIssuer)]
	var own []*crl // made with the key that made the certificate
	for _, list := range lists {
		if _, revoked := list.serials[string(cert.SerialNumber.Bytes())]; revoked {
			return time.Time{}, ErrRevoked
		}
		if list.by(issuer) {
			own = append(own, list)
		}
	}
	if len(own) > 0 {
		lists = own
	}
	ends := latest(lists)
	if !ends.IsZero() && now.After(ends) {
		return ends, ErrOldCRL
	}
	return ends, nil
}

// latest returns when the last of the lists ends; zero: never.
func latest(lists []*crl) (ends time.Time) {
	for _, list := range lists {
		if list.ends.IsZero() {
			return list.ends
		}
		if list.ends.After(ends) {
			ends = list.ends
		}
	}
	return ends
}

// by reports whether the list is one of the CA.
func (l *crl) by(ca *x509.Certificate) bool {
	return slices.ContainsFunc(l.signers, func(s *x509.Certificate) bool {
		return bytes.Equal(s.RawSubjectPublicKeyInfo, ca.RawSubjectPublicKeyInfo)
	})
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
		signers := signersOf(list, cas)
		if len(signers) == 0 {
			return errors.New("a list is signed by none of the CAs in client_ca")
		}
		c.addCRL(list, signers)
	}
	if len(c.crls) == 0 {
		return errors.New("it holds no list (PEM, X509 CRL)")
	}
	return nil
}

func (c *Clients) addCRL(list *x509.RevocationList, signers []*x509.Certificate) {
	l := &crl{signers: signers, serials: make(map[string]struct{}, len(list.RevokedCertificateEntries)), ends: list.NextUpdate}
	for _, e := range list.RevokedCertificateEntries {
		l.serials[string(e.SerialNumber.Bytes())] = struct{}{}
	}
	c.crls[string(list.RawIssuer)] = append(c.crls[string(list.RawIssuer)], l)
}

// signersOf returns the CAs whose key made the list.
func signersOf(list *x509.RevocationList, cas []*x509.Certificate) (signers []*x509.Certificate) {
	for _, ca := range cas {
		if list.CheckSignatureFrom(ca) == nil {
			signers = append(signers, ca)
		}
	}
	return signers
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

// CheckRoot reports why the file of a CA's certificate (ACME.CARoot) could not be
// used: a *FileError, or nil.
func CheckRoot(path string) error {
	if _, err := readCertificates(path); err != nil {
		return fileError("ca_root", path, err)
	}
	return nil
}

// readCertificates reads a PEM file with at least one certificate.
func readCertificates(path string) ([]*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseCertificates(data)
}

// parseCertificates reads the certificates in a PEM file, of which there must be
// one.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, errors.New("it holds no certificate (PEM)")
	}
	return list, nil
}
