package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/router"
)

// listen finds the site of a name on one address.
type listen struct {
	table    *router.Hosts[*site]
	fallback *site
}

// site is a Site with its rules for handshakes.
type site struct {
	config *tls.Config
}

// builder makes the parts of one set; sites share certificate files, and
// addresses share sites.
type builder struct {
	set   *Set
	pairs map[pairFiles]*pair
	sites map[*Site]*site
}

func (b *builder) listen(cfg Listen) (*listen, error) {
	var entries []router.HostEntry[*site]
	var errs []error
	for _, c := range cfg.Sites {
		s, err := b.site(c)
		if err != nil {
			errs = append(errs, fmt.Errorf("certs: site %q: %w", c.Name, err))
			continue
		}
		for _, h := range c.Hosts {
			p, err := router.ParseHost(h)
			errs = append(errs, err)
			entries = append(entries, router.HostEntry[*site]{Host: p, Value: s, Pos: c.Name})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	table, err := router.NewHosts(entries)
	return &listen{table: table, fallback: b.sites[cfg.Fallback]}, err
}

func (b *builder) site(c *Site) (*site, error) {
	if s := b.sites[c]; s != nil {
		return s, nil
	}
	config, err := b.config(c)
	if err != nil {
		return nil, err
	}
	s := &site{config: config}
	b.sites[c] = s
	return s, nil
}

// config returns the rules for handshakes with c. A session of a site that asks
// for certificates is never resumed: it could have begun at another site, where
// nobody asked.
func (b *builder) config(c *Site) (*tls.Config, error) {
	t := &tls.Config{
		MinVersion: c.MinVersion, NextProtos: b.set.cfg.Protocols,
		SessionTicketsDisabled: !b.set.cfg.Tickets || c.ClientCA != "",
	}
	if c.ClientCA != "" {
		pool, err := readPool(c.ClientCA)
		if err != nil {
			return nil, fileError("client_ca", c.ClientCA, err)
		}
		t.ClientAuth, t.ClientCAs = tls.RequestClientCert, pool
	}
	if c.acme() {
		b.set.hosts = append(b.set.hosts, c.Hosts...)
		set := b.set // set.magic is made when all hosts are known
		t.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return set.magic.certificate(h, c.Hosts)
		}
		return t, nil
	}
	p, err := b.pair(pairFiles{c.Certificate, c.Key})
	if err != nil {
		return nil, err
	}
	t.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current.Load(), nil }
	return t, nil
}

func (b *builder) pair(files pairFiles) (*pair, error) {
	if p := b.pairs[files]; p != nil {
		return p, nil
	}
	p, err := newPair(files)
	if err != nil {
		return nil, err
	}
	b.pairs[files] = p
	b.set.pairs = append(b.set.pairs, p)
	return p, nil
}

// configFor chooses the rules of one handshake.
func (s *Set) configFor(addr string, h *tls.ClientHelloInfo) (*tls.Config, error) {
	l := s.listens[addr]
	switch {
	case l == nil:
		return nil, fmt.Errorf("certs: no site speaks TLS on %s any more", addr)
	case isChallenge(h):
		if s.alpn == nil {
			return nil, errors.New("certs: a CA's challenge, but no certificate is asked for by ACME")
		}
		return s.alpn, nil
	}
	// RFC 6066, 3: names have no trailing dot, which crypto/tls enforces.
	found, _, ok := l.table.Match([]byte(strings.ToLower(h.ServerName)))
	if !ok {
		found = l.fallback
	}
	return found.config, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
