package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/config"
)

// soon is how long before its end a certificate in a file should have been
// renewed: ACME clients do so with a month left.
const soon = 7 * 24 * time.Hour

// tls looks at the certificates of a site.
func (m *machine) tls(s *config.Site) {
	t := s.TLS
	if t == nil {
		return
	}
	for _, addr := range t.Listen {
		if path, ok := strings.CutPrefix(addr, "unix:"); ok && !strings.HasPrefix(path, "@") {
			m.warn(t.Pos.Path, "listen", addr, creatable(path))
		}
	}
	if t.Certificate != "" {
		m.certificate(s)
	}
	if t.ClientAuth != "off" {
		_, err := certs.LoadClients(t.ClientCA, t.ClientCRL)
		m.tlsFile(t.Pos.Path, err)
	}
}

// certificate looks at the certificate of a site as a browser would, but for
// whether its CA is trusted.
func (m *machine) certificate(s *config.Site) {
	path := s.TLS.Pos.Path
	cert, err := certs.LoadPair(s.TLS.Certificate, s.TLS.CertificateKey)
	if err != nil {
		m.tlsFile(path, err)
		return
	}
	switch now := time.Now(); {
	case now.After(cert.Leaf.NotAfter):
		m.note(path, "certificate", "%s has expired on %s", s.TLS.Certificate, cert.Leaf.NotAfter.Format(time.DateOnly))
	case now.Before(cert.Leaf.NotBefore):
		m.note(path, "certificate", "%s is not good before %s", s.TLS.Certificate, cert.Leaf.NotBefore.Format(time.DateTime))
	case cert.Leaf.NotAfter.Sub(now) < soon:
		m.note(path, "certificate", "%s expires on %s", s.TLS.Certificate, cert.Leaf.NotAfter.Format(time.DateOnly))
	}
	m.covers(s, cert)
}

// covers compares the names in a certificate with the hosts of its site.
func (m *machine) covers(s *config.Site, cert *tls.Certificate) {
	for _, h := range s.Hosts {
		host := h
		if rest, ok := strings.CutPrefix(h, "*."); ok {
			host = "any." + rest
		} else if strings.ContainsAny(h, "*~") {
			continue // which names it stands for cannot be said
		}
		if err := cert.Leaf.VerifyHostname(strings.Trim(host, "[]")); err != nil {
			m.note(s.TLS.Pos.Path, "certificate", "%s is not for the host %q", s.TLS.Certificate, h)
		}
	}
}

// acme looks at where certificates by ACME are kept.
func (m *machine) acme() {
	used := false
	for i := range m.cfg.Sites {
		used = used || m.cfg.Sites[i].TLS != nil && m.cfg.Sites[i].TLS.ACME
	}
	if !used {
		return
	}
	c, err := certsConfig(m.cfg, func(string) string { return ":80" }) // some port it will have
	if err != nil {
		m.note("acme", "storage", "%v", err)
		return
	}
	m.warn("acme", "storage", c.ACME.Storage, makeable(c.ACME.Storage))
	if c.ACME.CARoot != "" {
		m.tlsFile("acme", certs.CheckRoot(c.ACME.CARoot))
	}
}

// makeable reports why a directory could not be made with all above it.
func makeable(dir string) error {
	for {
		err := directory(dir, unix.W_OK|unix.X_OK)
		if !errors.Is(err, errNoDirectory) || dir == "/" {
			if err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			return nil
		}
		dir = filepath.Dir(dir)
	}
}
