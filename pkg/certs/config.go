package certs

import "errors"

// ErrNoCertificate: a handshake asked for a name whose certificate ACME has not
// obtained yet.
var ErrNoCertificate = errors.New("certs: no certificate yet")

// Config is everything that is served over TLS.
type Config struct {
	// Listens are the addresses that speak TLS, as the configuration writes them.
	Listens map[string]Listen
	// Protocols are those offered by ALPN (RFC 7301), the best first.
	Protocols []string
	// Tickets lets clients resume sessions; never those of a site with ClientCA.
	Tickets bool
	// Staple asks for OCSP answers (RFC 6960) and hands them to clients.
	Staple bool
	ACME   ACME
}

// Listen is one address.
type Listen struct {
	Sites []*Site
	// Fallback is the site for clients that name none of the hosts, or no host.
	Fallback *Site
}

// Site is what the handshakes of one site need. One Site may stand on several
// addresses.
type Site struct {
	Name  string   // for messages
	Hosts []string // patterns as package router reads them
	// Certificate and Key are PEM files; both are empty when the certificates
	// come by ACME, whose Hosts are plain names.
	Certificate, Key string
	MinVersion       uint16 // tls.VersionTLS12 or later
	// ClientCA is a PEM file; if it is set, clients are asked for a certificate.
	// The handshake accepts any and none: see Clients.
	ClientCA string
}

// acme reports whether the site's certificates come by ACME.
func (s *Site) acme() bool { return s.Certificate == "" }

// ACME says where certificates come from. It is comparable.
type ACME struct {
	Email     string
	Directory string // URL
	Storage   string // directory of keys and certificates
	CARoot    string // PEM file that the directory's server is trusted by; "": the system's
	// HTTPAddr and TLSAddr are addresses of ours that the CA's challenges reach;
	// with "" there is no such challenge.
	HTTPAddr, TLSAddr string
}
