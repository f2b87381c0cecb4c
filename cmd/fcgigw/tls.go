package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/config"
)

// certsConfig is what cfg has served over TLS. socket tells the address of a
// socket that systemd names, or "".
func certsConfig(cfg *config.Config, socket func(addr string) string) (certs.Config, error) {
	out := certs.Config{
		Listens: make(map[string]certs.Listen), Protocols: protocols(cfg),
		Tickets: cfg.TLS.SessionTickets, Staple: cfg.TLS.OCSPStapling,
	}
	sites := make(map[*config.Site]*certs.Site)
	acme := false
	for addr, list := range cfg.TLSOn() {
		var l certs.Listen
		for _, s := range list {
			if sites[s] == nil {
				sites[s] = certsSite(s)
			}
			acme = acme || s.TLS.ACME
			l.Sites = append(l.Sites, sites[s])
		}
		l.Fallback = sites[config.Fallback(list)]
		out.Listens[addr] = l
	}
	if !acme {
		return out, nil
	}
	var err error
	out.ACME, err = acmeConfig(cfg, socket)
	return out, err
}

// protocols are those of ALPN, the best first.
func protocols(cfg *config.Config) []string {
	if cfg.HTTP.HTTP2 {
		return []string{"h2", "http/1.1"}
	}
	return []string{"http/1.1"}
}

func certsSite(s *config.Site) *certs.Site {
	t := s.TLS
	c := &certs.Site{
		Name: s.Name, Hosts: s.Hosts, Certificate: t.Certificate, Key: t.CertificateKey,
		MinVersion: certs.Version(t.MinVersion),
	}
	if t.ClientAuth != "off" {
		c.ClientCA = t.ClientCA
	}
	return c
}

func acmeConfig(cfg *config.Config, socket func(addr string) string) (certs.ACME, error) {
	a := &cfg.ACME
	out := certs.ACME{Email: a.Email, Directory: a.Directory, CARoot: a.CARoot, Storage: a.Storage}
	if slices.Contains(a.Challenges, "http-01") {
		out.HTTPAddr = reached(cfg, socket, "80", func(s *config.Site) []string { return s.Listen })
	}
	if slices.Contains(a.Challenges, "tls-alpn-01") {
		out.TLSAddr = reached(cfg, socket, "443", func(s *config.Site) []string { return s.TLS.Listen })
	}
	if out.HTTPAddr == "" && out.TLSAddr == "" {
		return out, errors.New("acme: no challenge can reach the gateway: no site with acme = true listens on an address with a port that a challenge of [acme] is for")
	}
	if out.Storage != "" {
		return out, nil
	}
	var err error
	out.Storage, err = acmeStorage(os.Getenv)
	return out, err
}

// reached returns the address that a CA's challenge most likely comes in at: one
// of the sites with ACME, with the port that the challenge is sent to if there
// is one, else any: something in front may lead another port to it.
func reached(cfg *config.Config, socket func(addr string) string, port string, of func(*config.Site) []string) string {
	best := ""
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		if s.TLS == nil || !s.TLS.ACME {
			continue
		}
		for _, addr := range of(s) {
			if strings.HasPrefix(addr, "systemd:") {
				addr = socket(addr)
			}
			_, p, err := net.SplitHostPort(addr)
			if err != nil || strings.HasPrefix(addr, "unix:") {
				continue
			}
			if p == port {
				return addr
			}
			if best == "" {
				best = addr
			}
		}
	}
	return best
}

// acmeStorage returns where certificates are kept when the file does not say it.
func acmeStorage(getenv func(string) string) (string, error) {
	// systemd separates several directories by colons.
	if dir, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, "acme"), nil
	}
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "fcgigw", "acme"), nil
	}
	if dir := getenv("HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, ".local", "share", "fcgigw", "acme"), nil
	}
	return "", errors.New("acme: there is no directory for certificates: set storage in [acme]")
}

// prepareCerts reads the certificates of cfg; nothing changes before they are
// used. opened are the listeners that cfg brings.
func (a *app) prepareCerts(cfg *config.Config, opened map[string]net.Listener) (*certs.Set, error) {
	c, err := certsConfig(cfg, func(addr string) string {
		ln := cmp.Or(opened[addr], a.listeners[addr])
		if ln == nil || ln.Addr().Network() != "tcp" {
			return ""
		}
		return ln.Addr().String()
	})
	if err != nil {
		return nil, config.NewError(cfg.At("acme"), err.Error())
	}
	set, err := a.certs.Prepare(c)
	if err != nil {
		return nil, placeCerts(cfg, err)
	}
	return set, nil
}

// sameKinds refuses a reload that turns a plain address into one that speaks TLS
// or the other way round: its listener is one or the other as long as it lives.
func sameKinds(old, cfg *config.Config) error {
	before, after := old.TLSOn(), cfg.TLSOn()
	used := usedBy(old)
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		for _, addr := range s.Addresses() {
			if used[addr] && (before[addr] == nil) != (after[addr] == nil) {
				return config.NewError(cfg.At(listenKey(s, addr)), fmt.Sprintf("listen: %q changes between plain and TLS; that needs a restart", addr))
			}
		}
	}
	return nil
}

// listenKey returns the path of the place where a site names an address.
func listenKey(s *config.Site, addr string) string {
	if i := slices.Index(s.Listen, addr); i >= 0 {
		return fmt.Sprintf("%s.listen[%d]", s.Pos.Path, i)
	}
	return fmt.Sprintf("%s.listen[%d]", s.TLS.Pos.Path, slices.Index(s.TLS.Listen, addr))
}
