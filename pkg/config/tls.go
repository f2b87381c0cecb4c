package config

import (
	"slices"
	"strings"
)

// SiteTLS is the table [site.tls]: the site is served over TLS as well.
type SiteTLS struct {
	Pos            Pos      `toml:"-"`
	Listen         []string `toml:"listen" default:":443" format:"listen" doc:"Addresses that speak TLS; an address is plain or TLS, never both."`
	Certificate    string   `toml:"certificate" format:"abspath" doc:"File with the certificate and behind it those of its issuers (PEM), as in fullchain.pem. Read again when it changes."`
	CertificateKey string   `toml:"certificate_key" format:"abspath" doc:"File with the certificate's private key (PEM). Read again when it changes."`
	ACME           bool     `toml:"acme" default:"false" doc:"Get the certificates of the site's hosts from the CA in [acme], and renew them, instead of reading files."`
	Redirect       bool     `toml:"redirect" default:"true" doc:"Send the requests that come on the site's plain addresses to https: 301 for GET and HEAD, 308 for others."`
	HSTS           Duration `toml:"hsts" default:"0" doc:"Strict-Transport-Security max-age on answers over TLS: how long browsers must not use http for the site; 0 sends none."`
	MinVersion     string   `toml:"min_version" default:"1.2" enum:"1.2|1.3" doc:"Oldest version of TLS that is spoken."`
	ClientAuth     string   `toml:"client_auth" default:"off" enum:"off|optional|require" doc:"Whether clients are asked for a certificate. With require a request without one is answered with 400, and in both cases one with a certificate that client_ca has not issued."`
	ClientCA       string   `toml:"client_ca" format:"abspath" doc:"File with the certificates of the CAs that may issue those of clients (PEM)."`
	ClientCRL      string   `toml:"client_crl" format:"abspath" doc:"File with lists of clients' certificates that are revoked (PEM), one from each CA in client_ca; empty checks none."`
}

// TLS is the table [tls].
type TLS struct {
	SessionTickets bool `toml:"session_tickets" default:"true" doc:"Let clients resume a session without a full handshake. The keys live in memory and change every day; sites that ask for client certificates never do."`
	OCSPStapling   bool `toml:"ocsp_stapling" default:"true" doc:"Ask the responders named in certificates whether they are still good, and hand clients the answer."`
}

// ACME is the table [acme].
type ACME struct {
	Email      string   `toml:"email" format:"mail" doc:"Address that the CA writes to about the account; empty gives none."`
	Directory  string   `toml:"directory" default:"https://acme-v02.api.letsencrypt.org/directory" format:"acmeurl" doc:"URL of the CA's directory. Using it means that you agree to the CA's terms."`
	Storage    string   `toml:"storage" format:"abspath" doc:"Directory of keys and certificates, which must outlive the process; empty is acme beneath $STATE_DIRECTORY (set by systemd), else fcgigw/acme beneath $XDG_DATA_HOME or ~/.local/share."`
	CARoot     string   `toml:"ca_root" format:"abspath" doc:"File with the certificate that the server of a private CA is trusted by (PEM); empty is the system's."`
	Challenges []string `toml:"challenges" default:"http-01,tls-alpn-01" enum:"http-01|tls-alpn-01" doc:"Ways to prove that a host is ours: http-01 comes on port 80, tls-alpn-01 on port 443."`
}

// DefaultACME returns what an empty [acme] table means.
func DefaultACME() ACME { return withDefaults[ACME]() }

// DefaultTLS returns what an empty [site.tls] table means.
func DefaultTLS() SiteTLS { return withDefaults[SiteTLS]() }

// plainListen is where a site with TLS listens for what it redirects, unless
// the file says otherwise.
const plainListen = ":80"

// resolveTLS completes a site that has TLS.
func resolveTLS(s *Site, set map[string]bool) {
	if s.TLS != nil && !set[join(s.Pos.Path, "listen")] {
		s.Listen = []string{plainListen}
	}
}

// Addresses returns all addresses the site listens on, plain ones first.
func (s *Site) Addresses() []string {
	if s.TLS == nil {
		return s.Listen
	}
	return append(slices.Clone(s.Listen), s.TLS.Listen...)
}

// TLSOn returns the addresses that speak TLS, each with its sites in file order.
func (c *Config) TLSOn() map[string][]*Site {
	on := make(map[string][]*Site)
	for i := range c.Sites {
		s := &c.Sites[i]
		if s.TLS == nil {
			continue
		}
		for _, addr := range s.TLS.Listen {
			on[addr] = append(on[addr], s)
		}
	}
	return on
}

// Fallback returns which of the sites on an address, at least one, answers for
// hosts that none of them names.
func Fallback(sites []*Site) *Site {
	best := sites[0]
	for _, s := range sites[1:] {
		if s.FallbackRank() > best.FallbackRank() {
			best = s
		}
	}
	return best
}

// FallbackRank orders the sites on an address for hosts that none of them names:
// the one marked as default, then one that is for any host, then the one written
// first, as in nginx.
func (s *Site) FallbackRank() int {
	switch {
	case s.Default:
		return 2
	case len(s.Hosts) == 0:
		return 1
	}
	return 0
}

// isPattern reports whether a site's host stands for more than one name.
func isPattern(host string) bool {
	return strings.ContainsAny(host, "*~")
}
