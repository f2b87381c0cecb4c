// Package certstest makes certificates for tests and runs a CA that speaks ACME.
package certstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a CA.
type Authority struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
	tb   testing.TB
}

// Issued is a certificate with its key and, in PEM, what a file of it holds: the
// certificate followed by its issuer's.
type Issued struct {
	Cert            *x509.Certificate
	Key             *ecdsa.PrivateKey
	CertPEM, KeyPEM []byte
}

// NewAuthority makes a CA called name.
func NewAuthority(tb testing.TB, name string) *Authority {
	tb.Helper()
	t := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	key := newKey(tb)
	return &Authority{Cert: sign(tb, t, t, key, key), Key: key, tb: tb}
}

// In returns a with tb to report to, for one that was put together by hand.
func (a *Authority) In(tb testing.TB) *Authority {
	a.tb = tb
	return a
}

// Server issues a certificate for host names or addresses.
func (a *Authority) Server(names ...string) *Issued {
	return a.Issue(func(t *x509.Certificate) {
		for _, n := range names {
			if ip := net.ParseIP(n); ip != nil {
				t.IPAddresses = append(t.IPAddresses, ip)
			} else {
				t.DNSNames = append(t.DNSNames, n)
			}
		}
	})
}

// Client issues a client's certificate.
func (a *Authority) Client(subject pkix.Name) *Issued {
	return a.Issue(func(t *x509.Certificate) {
		t.Subject = subject
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
}

// Issue issues a certificate for servers that is good for an hour, after edit
// has changed what it likes.
func (a *Authority) Issue(edit func(*x509.Certificate)) *Issued {
	a.tb.Helper()
	t := &x509.Certificate{
		SerialNumber: serial(a.tb),
		NotBefore:    time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	edit(t)
	key := newKey(a.tb)
	i := &Issued{Key: key, Cert: sign(a.tb, t, a.Cert, key, a.Key)}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.tb.Fatal(err)
	}
	i.KeyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	i.CertPEM = append(pemOf(i.Cert), a.PEM()...)
	return i
}

// TLS returns i for a server, or a client, without its issuer's.
func (i *Issued) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.Cert.Raw}, PrivateKey: i.Key}
}

// Present gives i to a server whatever CA it asks for; nil gives none. It is for
// tls.Config.GetClientCertificate.
func (i *Issued) Present(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if i == nil {
		return &tls.Certificate{}, nil
	}
	c := i.TLS()
	return &c, nil
}

// ForServer makes a certificate for host names or addresses, by a CA that nobody
// knows.
func ForServer(tb testing.TB, names ...string) tls.Certificate {
	tb.Helper()
	return NewAuthority(tb, "nobody's CA").Server(names...).TLS()
}

// PEM returns the CA's own certificate.
func (a *Authority) PEM() []byte { return pemOf(a.Cert) }

// Pool returns a pool with the CA alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

// CRL returns a list of revoked certificates, good until next, in PEM.
func (a *Authority) CRL(next time.Time, revoked ...*Issued) []byte {
	a.tb.Helper()
	t := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: next}
	for _, r := range revoked {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: r.Cert.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, t, a.Cert, a.Key)
	if err != nil {
		a.tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// Write writes the two files of i into dir and returns their paths.
func (i *Issued) Write(tb testing.TB, dir, name string) (cert, key string) {
	tb.Helper()
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	WriteFile(tb, cert, i.CertPEM)
	WriteFile(tb, key, i.KeyPEM)
	return cert, key
}

// WriteFile writes a file and returns its path.
func WriteFile(tb testing.TB, path string, data []byte) string {
	tb.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func serial(tb testing.TB) *big.Int {
	tb.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		tb.Fatal(err)
	}
	return n.Add(n, big.NewInt(1))
}

func sign(tb testing.TB, t, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), by)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
