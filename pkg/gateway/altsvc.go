package gateway

import (
	"net"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// altSvcAge is how long a client may remember that there is HTTP/3, in seconds;
// a day, which RFC 7838 section 3.1 has as the default.
const altSvcAge = "86400"

// altServices returns the value of Alt-Svc (RFC 7838) for every address that
// speaks HTTP/3.
func altServices(addrs []string) map[string][]byte {
	all := make(map[string][]byte)
	for _, addr := range addrs {
		if _, port, err := net.SplitHostPort(addr); err == nil {
			all[addr] = []byte(`h3=":` + port + `"; ma=` + altSvcAge)
		}
	}
	return all
}

// http3On returns the addresses that speak HTTP/3.
func (g *Gateway) http3On(cfg *config.Config) []string {
	if g.opt.HTTP3 != nil {
		return g.opt.HTTP3(cfg)
	}
	return cfg.HTTP3On()
}

// announce tells a client that came over TLS of HTTP/3 on the same port, unless
// it speaks that already or the application has something else to say.
func (v *visit) announce(r *exchange.Response) {
	c := v.x.Request.Conn
	if c.TLS == nil || v.x.Request.Major == 3 || r.Header.Has("Alt-Svc") {
		return
	}
	if alt := v.gen.altSvc[c.Listen]; alt != nil {
		r.Header.Add(altSvcName, alt)
	}
}

var altSvcName = []byte("Alt-Svc")
