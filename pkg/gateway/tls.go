package gateway

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// siteTLS is [site.tls] as far as requests are concerned; handshakes are the
// business of package certs.
type siteTLS struct {
	redirect bool
	port     string // of the addresses that redirects lead to, with ":"; "" is 443
	hsts     []byte // value of Strict-Transport-Security; nil: none
	min      uint16
	clients  *certs.Clients // who may issue clients' certificates; nil: nobody is asked for one
	require  bool           // no request without one
}

func buildTLS(gen *generation, cfg *config.SiteTLS) (*siteTLS, error) {
	if cfg == nil {
		return nil, nil
	}
	t := &siteTLS{
		redirect: cfg.Redirect, port: redirectPort(cfg.Listen),
		min: certs.Version(cfg.MinVersion), require: cfg.ClientAuth == "require",
	}
	if cfg.HSTS > 0 {
		t.hsts = []byte("max-age=" + strconv.FormatInt(int64(time.Duration(cfg.HSTS)/time.Second), 10))
	}
	gen.acme = gen.acme || cfg.ACME
	if cfg.ClientAuth == "off" || gen.dry {
		return t, nil
	}
	var err error
	if t.clients, err = certs.LoadClients(cfg.ClientCA, cfg.ClientCRL); err != nil {
		path := cfg.Pos.Path
		if fe, ok := errors.AsType[*certs.FileError](err); ok {
			path += "." + fe.Key
		}
		return nil, config.NewError(gen.cfg.At(path), err.Error())
	}
	return t, nil
}

// redirectPort returns what stands behind the host in a URL of the first of the
// addresses that has a port; of unix sockets and of those that systemd names it
// is not known.
func redirectPort(listen []string) string {
	for _, addr := range listen {
		_, port, err := net.SplitHostPort(addr)
		if err != nil || strings.HasPrefix(addr, "unix:") || strings.HasPrefix(addr, "systemd:") {
			continue
		}
		if port == "443" {
			return ""
		}
		return ":" + port
	}
	return ""
}

// challenge answers a CA that asks whether a host is ours; it comes before
// everything else, whatever the site does with plain requests.
func (v *visit) challenge() (answered bool, err error) {
	r := &v.x.Request
	if !certs.IsChallengePath(r.Path) || v.g.opt.Challenge == nil {
		return false, nil
	}
	text, ok := v.g.opt.Challenge(r.Host, r.Path)
	if !ok {
		return false, nil
	}
	return true, v.send(200, "text/plain; charset=utf-8", nil, []byte(text))
}

// admit decides whether a request may enter its site, which has TLS, and answers
// it itself if it is to come again by https.
func (v *visit) admit() (answered bool, err error) {
	t, c := v.site.tls, v.x.Request.Conn
	switch {
	case c.TLS != nil:
		return false, v.identify(c.TLS)
	case t.redirect && c.Scheme != "https":
		return true, v.toHTTPS()
	case t.require: // also behind a proxy that speaks https: the certificate is not told
		return false, &refused{status: 400, why: noCertificate}
	}
	return false, nil
}

const noCertificate = "the client sent no certificate"

// identify checks that the connection is as the site wants it. Its handshake was
// made for the site that SNI named, and a client may then ask for another one:
// what that one requires is looked at here, and never taken from the handshake.
func (v *visit) identify(state *tls.ConnectionState) error {
	t := v.site.tls
	if state.Version < t.min {
		return &refused{status: 421, why: "the connection's version of TLS is too old for the site"}
	}
	if t.clients == nil {
		return nil
	}
	if v.handshakeSite(state) != v.site {
		return &refused{status: 421, why: "the site wants clients' certificates, but the handshake was for another site"}
	}
	if len(state.PeerCertificates) == 0 {
		if t.require {
			return &refused{status: 400, why: noCertificate}
		}
		return nil
	}
	if err := t.clients.Verify(state.PeerCertificates, time.Now()); err != nil {
		return &refused{status: 400, why: "the client's certificate: " + err.Error()}
	}
	v.env.ClientCert = state.PeerCertificates[0]
	return nil
}

// handshakeSite returns the site that the handshake was made for.
func (v *visit) handshakeSite(state *tls.ConnectionState) *site {
	h := v.gen.listens[v.x.Request.Conn.Listen]
	if s, _, ok := h.table.Match([]byte(strings.ToLower(state.ServerName))); ok {
		return s
	}
	return h.first
}

// toHTTPS sends the client to the same address by https. A method with a body
// must not become a GET on the way (RFC 9110 section 15.4.9).
func (v *visit) toHTTPS() error {
	r := &v.x.Request
	status := 308
	if r.IsRead() {
		status = 301
	}
	host, target := string(r.Host), string(r.Target)
	if host == "" {
		host = v.site.serverName
	}
	if host == "" {
		return &refused{status: 400, why: "a request for a site that is redirected to https names no host"}
	}
	if target == "*" {
		target = "/"
	}
	return v.send(status, "", []byte("https://"+host+v.site.tls.port+target), nil)
}

// setHSTS adds Strict-Transport-Security to what goes out over TLS (RFC 6797,
// 7.2), unless the application or the location has one of its own.
func (t *siteTLS) setHSTS(c *exchange.ConnInfo, r *exchange.Response) {
	if t.hsts != nil && c.Scheme == "https" && !r.Header.Has("Strict-Transport-Security") {
		r.Header.Add(hstsName, t.hsts)
	}
}

var hstsName = []byte("Strict-Transport-Security")
