package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// magic gets certificates by ACME and renews them (certmagic).
type magic struct {
	cfg    ACME
	staple bool
	log    *zap.Logger
	cache  *certmagic.Cache
	config *certmagic.Config

	mu    sync.Mutex
	hosts map[string]context.CancelFunc // under management; guarded by mu
}

// newMagic prepares a client. Nobody is asked for anything before manage.
func newMagic(cfg ACME, staple bool, renew time.Duration, log *zap.Logger) (*magic, error) {
	log = acmeLog(log.Named("acme").WithOptions(zap.IncreaseLevel(zap.InfoLevel))) // it has much to say about every handshake
	m := &magic{cfg: cfg, staple: staple, log: log, hosts: make(map[string]context.CancelFunc)}
	if err := os.MkdirAll(cfg.Storage, 0o700); err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	template := certmagic.ACMEIssuer{
		CA: cfg.Directory, Email: cfg.Email, Agreed: true, Logger: log,
		DisableDistributedSolvers: true, // a look at the disk for each challenge that anybody makes up
	}
	if cfg.CARoot != "" {
		pool, err := readPool(cfg.CARoot)
		if err != nil {
			return nil, fileError("ca_root", cfg.CARoot, err)
		}
		template.TrustedRoots = pool
	}
	reach(&template, cfg)
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		RenewCheckInterval: renew, Logger: log,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: cfg.Storage}, Logger: log,
		OCSP: certmagic.OCSPConfig{DisableStapling: !staple},
	})
	m.config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(m.config, template)}
	return m, nil
}

// reach tells the issuer where challenges come in: at our listeners. It opens
// sockets of its own where it finds nobody at an address, so a challenge without
// one is switched off. It knows one host only; of two http-01 has its way.
func reach(t *certmagic.ACMEIssuer, cfg ACME) {
	httpHost, httpPort, httpOK := hostPort(cfg.HTTPAddr)
	tlsHost, tlsPort, tlsOK := hostPort(cfg.TLSAddr)
	if httpOK {
		t.ListenHost, t.AltHTTPPort = httpHost, httpPort
	}
	if tlsOK && (!httpOK || tlsHost == httpHost) {
		t.ListenHost, t.AltTLSALPNPort = tlsHost, tlsPort
	}
	t.DisableHTTPChallenge = t.AltHTTPPort == 0
	t.DisableTLSALPNChallenge = t.AltTLSALPNPort == 0
}

func hostPort(addr string) (host string, port int, ok bool) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(text)
	return host, port, err == nil && port > 0
}

// manage seeks certificates for hosts and gives up those of others.
func (m *magic) manage(hosts []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for host, cancel := range m.hosts {
		if slices.Contains(hosts, host) {
			continue
		}
		cancel()
		delete(m.hosts, host)
		m.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: host}})
	}
	for _, host := range hosts {
		if m.hosts[host] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		m.hosts[host] = cancel
		// The error is nil: what goes wrong is logged, and tried again for a month.
		_ = m.config.ManageAsync(ctx, []string{host})
	}
}

// certificate returns the certificate of a handshake with a site that has hosts.
// A name that is not the site's own gets that of its first host.
func (m *magic) certificate(h *tls.ClientHelloInfo, hosts []string) (*tls.Certificate, error) {
	named := *h
	named.ServerName = strings.ToLower(h.ServerName)
	if !slices.Contains(hosts, named.ServerName) {
		named.ServerName = hosts[0]
	}
	cert, err := m.config.GetCertificate(&named)
	if err != nil || cert == nil || len(cert.Certificate) == 0 {
		return nil, fmt.Errorf("%w for %q by ACME; the log says what the CA answers", ErrNoCertificate, named.ServerName)
	}
	return cert, nil
}

// isChallenge reports whether a handshake is a CA's tls-alpn-01 challenge
// (RFC 8737, 3).
func isChallenge(h *tls.ClientHelloInfo) bool {
	return len(h.SupportedProtos) == 1 && h.SupportedProtos[0] == ProtocolACME
}

// ProtocolACME is what ALPN settles on in a CA's challenge: such a connection
// has done its work with the handshake; package server closes it.
const ProtocolACME = "acme-tls/1"

// alpnConfig is for handshakes that are challenges.
func (m *magic) alpnConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{ProtocolACME},
		SessionTicketsDisabled: true, GetCertificate: m.config.GetCertificate,
	}
}

// challengePath is where a CA asks (RFC 8555, 8.3).
const challengePath = "/.well-known/acme-challenge/"

// IsChallengePath reports whether a request's path may be that of a challenge.
func IsChallengePath(path []byte) bool {
	return len(path) > len(challengePath) && string(path[:len(challengePath)]) == challengePath
}

// Challenge returns what a CA that asks for path on host wants to read, if such
// a question is expected now.
func (s *Store) Challenge(host, path []byte) (answer string, ok bool) {
	if s.current.Load().magic == nil {
		return "", false
	}
	c, ok := certmagic.GetACMEChallenge(string(host))
	if !ok || c.Type != "http-01" || c.HTTP01ResourcePath() != string(path) {
		return "", false
	}
	return c.KeyAuthorization, true
}

// close stops all work; certificates under way are given up.
func (m *magic) close() {
	m.manage(nil)
	m.cache.Stop()
}
