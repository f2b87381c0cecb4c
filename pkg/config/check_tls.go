package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// tls checks what has to do with certificates.
func (k *checker) tls() {
	acme := false
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		if s.TLS == nil {
			continue
		}
		acme = acme || s.TLS.ACME
		k.certificate(s)
		k.clients(s)
		k.tlsListen(s)
		k.hsts(s.TLS)
	}
	if k.set["acme"] && !acme {
		k.warn("acme", "no site has \"acme = true\" in its [site.tls], so no certificate is asked for")
	}
	if acme && len(k.c.ACME.Challenges) == 0 {
		k.fail("acme.challenges", "challenges: without any no certificate can be had")
	}
	k.plainAndTLS()
	k.plain443()
}

// plain443 warns of sites that look as if they spoke TLS.
func (k *checker) plain443() {
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		for j, addr := range s.Listen {
			if n, ok := spanOf(addr); ok && n.port == 443 {
				k.warn(k.placeOfListen(s, j), "listen: %q is plain here, and browsers speak TLS on port 443; addresses that speak it belong in [site.tls]", addr)
			}
		}
	}
}

// certificate checks that the site's certificate comes from one place.
func (k *checker) certificate(s *Site) {
	t := s.TLS
	path := t.Pos.Path
	switch {
	case t.ACME && (t.Certificate != "" || t.CertificateKey != ""):
		k.fail(join(path, "acme"), "acme: the site has a certificate from a file too; it can have only one")
	case t.ACME:
		k.acmeHosts(s)
	case t.Certificate == "" && t.CertificateKey == "":
		k.fail(path, "TLS needs a certificate: give \"certificate\" and \"certificate_key\", or \"acme = true\"")
	case t.CertificateKey == "":
		k.fail(join(path, "certificate"), "certificate: its \"certificate_key\" is missing")
	case t.Certificate == "":
		k.fail(join(path, "certificate_key"), "certificate_key: its \"certificate\" is missing")
	}
}

// acmeHosts checks that a CA can certify the site's hosts.
func (k *checker) acmeHosts(s *Site) {
	hosts := join(s.Pos.Path, "hosts")
	if len(s.Hosts) == 0 {
		k.fail(join(s.TLS.Pos.Path, "acme"), "acme: the site has no \"hosts\" to get a certificate for")
	}
	for i, h := range s.Hosts {
		_, err := netip.ParseAddr(strings.Trim(h, "[]"))
		switch {
		case isPattern(h):
			k.fail(element(hosts, i), "hosts: %q cannot have a certificate by ACME: that needs the DNS challenge, which is not supported; name the hosts one by one, or give \"certificate\"", h)
		case err == nil:
			k.fail(element(hosts, i), "hosts: %q cannot have a certificate by ACME, it is an address", h)
		case !isPublic(h) && k.c.ACME.Directory == DefaultACME().Directory:
			k.fail(element(hosts, i), "hosts: %q cannot have a certificate from a public CA, no such name is in the DNS; a private CA is named by \"directory\" in [acme]", h)
		}
	}
}

// isPublic reports whether a host may be a name in the public DNS: those of one
// label and those kept for the machine itself (RFC 6761, 6.3) are not.
func isPublic(host string) bool {
	host = strings.ToLower(host)
	return strings.Contains(host, ".") && !strings.HasSuffix(host, ".localhost")
}

// clients checks what is asked of clients. A CA that is named but not used would
// look like protection.
func (k *checker) clients(s *Site) {
	t, path := s.TLS, s.TLS.Pos.Path
	switch {
	case t.ClientAuth != "off" && t.ClientCA == "":
		k.fail(join(path, "client_auth"), "client_auth: \"client_ca\" is missing, which says whose certificates are good")
	case t.ClientCA != "" && !k.has(path, "client_auth"):
		k.fail(join(path, "client_ca"), "client_ca: nobody is asked for a certificate; set client_auth to \"require\" or \"optional\"")
	case t.ClientCRL != "" && t.ClientCA == "":
		k.fail(join(path, "client_crl"), "client_crl: \"client_ca\" is missing")
	}
	if t.ClientAuth == "require" && !t.Redirect && len(s.Listen) > 0 {
		k.warn(join(path, "redirect"), "redirect: on the site's plain addresses every request is answered with 400, because no client can show a certificate there; drop this key, or set listen = [] in the site")
	}
}

// tlsListen checks where the site speaks TLS.
func (k *checker) tlsListen(s *Site) {
	listen := join(s.TLS.Pos.Path, "listen")
	if len(s.TLS.Listen) == 0 {
		k.fail(listen, "listen: the site speaks TLS nowhere")
	}
	k.repeated(listen, s.TLS.Listen)
	if k.has(s.TLS.Pos.Path, "redirect") && s.TLS.Redirect && len(s.Listen) == 0 {
		k.warn(join(s.TLS.Pos.Path, "redirect"), "redirect: it does nothing, the site has no plain address to redirect from")
	}
}

func (k *checker) hsts(t *SiteTLS) {
	if path := join(t.Pos.Path, "hsts"); t.HSTS > 0 && !t.Redirect && k.has(t.Pos.Path, "redirect") {
		k.warn(path, "hsts: browsers will use https only, but \"redirect\" is off")
	}
}

// plainAndTLS reports addresses that one site has as plain and one as TLS.
func (k *checker) plainAndTLS() {
	plain := map[string]string{}
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		for j, addr := range s.Listen {
			if _, ok := plain[addr]; !ok {
				plain[addr] = k.placeOfListen(s, j)
			}
		}
	}
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		if s.TLS == nil {
			continue
		}
		for j, addr := range s.TLS.Listen {
			if at, ok := plain[addr]; ok {
				k.fail(element(join(s.TLS.Pos.Path, "listen"), j), "listen: %q speaks TLS here, but is a plain address at %s; a site's TLS addresses belong in [site.tls] only", addr, k.c.At(at))
			}
		}
	}
}

// placeOfListen returns the path of a plain address, or of the site when the
// file does not write it.
func (k *checker) placeOfListen(s *Site, i int) string {
	if !k.has(s.Pos.Path, "listen") {
		return s.Pos.Path
	}
	return element(join(s.Pos.Path, "listen"), i)
}

// checkACMEURL checks the URL of a CA's directory. RFC 8555, 6.1 allows https
// only.
func checkACMEURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not the URL of an ACME directory, which begins with \"https://\"", s)
	}
	return nil
}
