package certs

import (
	"crypto/x509"
	"time"
)

// Reread looks at the files now.
func (s *Store) Reread() { s.reread() }

// Staple returns the OCSP answers in use, one for each certificate.
func (s *Store) Staples() (list [][]byte) {
	for _, p := range s.current.Load().pairs {
		list = append(list, p.current.Load().OCSPStaple)
	}
	return list
}

// Seen returns how many good certificates are remembered.
func (c *Clients) Seen() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.seen)
}

// Remember has a certificate remembered as good for an hour.
func (c *Clients) Remember(leaf *x509.Certificate) { c.remember(leaf, time.Now().Add(time.Hour)) }
