package gateway

import (
	"math/rand/v2"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/compress"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/forwarded"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/router"
	"github.com/fcgigw/fcgigw/pkg/static"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// visit is one exchange on its way through its site: the path as it is now, the
// location that serves it, what they led to.
type visit struct {
	g    *Gateway
	gen  *generation
	x    *exchange.Exchange
	site *site
	loc  *location

	env      vars.Env
	caps     router.Captures
	hostCaps router.Captures
	script   cgi.Script
	kept     cgi.Kept   // of earlier requests
	job      *proxy.Job // made for the first request that needs one
	tap      tap
	failing  bool              // the answer is an error page of ours, or an authorizer's refusal
	zip      *compress.Filter  // made for the first response that is compressed
	asking   *asking           // made for the first request that asks an authorizer
	origin   *forwarded.Origin // made for the first request that says where it comes from
	extra    []exchange.Field  // params that the gateway adds to those of the location
}

func newVisit(g *Gateway) *visit { return &visit{g: g} }

func (v *visit) begin(gen *generation, x *exchange.Exchange) {
	v.gen, v.x = gen, x
	v.name()
	v.tap = tap{Sink: x.Sink, v: v}
	x.Sink = &v.tap
}

func (v *visit) end() {
	v.x.Sink = v.tap.Sink
	if v.origin != nil {
		v.origin.Clear()
	}
	v.caps.Reset()
	v.hostCaps.Reset()
	clear(v.extra)
	*v = visit{g: v.g, caps: v.caps, hostCaps: v.hostCaps, kept: v.kept, job: v.job, asking: v.asking, zip: v.zip, extra: v.extra[:0], origin: v.origin}
}

// newID makes a request identifier: 128 random bits in hex, so that it can be
// a W3C trace id as well.
func newID(x *exchange.Exchange) []byte {
	id := x.Alloc(32)
	putHex(id[:16], rand.Uint64())
	putHex(id[16:], rand.Uint64())
	return id
}

func putHex(dst []byte, bits uint64) {
	const digits = "0123456789abcdef"
	_ = dst[15]
	for i := 0; i < 16; i += 2 {
		b := byte(bits)
		dst[i], dst[i+1] = digits[b>>4], digits[b&15]
		bits >>= 8
	}
}

// maxHops bounds internal redirects.
const maxHops = 10

// run follows the exchange from location to location until one answers.
func (v *visit) run() error {
	if v.gen.acme {
		if answered, err := v.challenge(); answered {
			return err
		}
	}
	if !v.findSite() {
		return &refused{status: 404, why: "no site listens here"}
	}
	r := &v.x.Request
	v.env = vars.Env{
		X: v.x, URI: r.Path, Args: r.Query, Site: v.site.name, ServerName: v.site.serverName,
		Captures: &v.caps, HostCaptures: &v.hostCaps,
	}
	if v.site.tls != nil {
		if answered, err := v.admit(); answered || err != nil {
			return err
		}
	}
	next := hop{uri: r.Path, args: r.Query}
	for n := range maxHops {
		again, err := v.visit(&next, n > 0)
		if err != nil || !again {
			return err
		}
	}
	return &refused{status: 500, why: "more than 10 internal redirects: two locations send the request to each other"}
}

// hop is where an internal redirect leads: to a path, or to a named location.
type hop struct {
	uri, args []byte
	named     string
}

func (v *visit) findSite() bool {
	h := v.gen.listens[v.x.Request.Conn.Listen]
	if h == nil {
		return false
	}
	host := v.x.Request.Host
	s, i, ok := h.table.Match(host)
	if ok {
		h.table.Captures(i, host, &v.hostCaps)
	} else {
		s = h.first
	}
	v.site = s
	v.x.Trace.Site = s.name
	return true
}

// visit serves one hop; again says that to holds the next one.
func (v *visit) visit(to *hop, internal bool) (again bool, err error) {
	if !v.findLocation(to) {
		return false, &refused{404, "no location of the site matches", to.uri}
	}
	loc := v.loc
	switch {
	case loc.cfg.Internal && !internal:
		return false, &refused{404, "the location is internal", to.uri}
	case loc.cfg.Dotfiles != "allow" && static.IsDotPath(to.uri):
		return false, &refused{404, "dotfiles are closed", to.uri}
	}
	if loc.authorizer != nil {
		if allowed, err := v.authorize(loc.authorizer); !allowed {
			return false, err
		}
	}
	return v.answer(to)
}

// answer serves one hop from its location, which the request may enter.
func (v *visit) answer(to *hop) (again bool, err error) {
	loc := v.loc
	if loc.ret != nil {
		return false, v.fixed(loc.ret)
	}
	if len(loc.try) > 0 {
		found, err := v.tryFiles(to)
		if err != nil || !found {
			return err == nil, err
		}
	}
	switch {
	case loc.backend == nil:
		return v.serveFile(to)
	case loc.filter:
		return v.runFilter(to)
	case loc.forward != nil:
		return false, v.forward()
	}
	return false, v.runScript()
}

func (v *visit) findLocation(to *hop) bool {
	var loc *location
	var i int
	var ok bool
	if to.named != "" {
		loc, i, ok = v.site.locations.Named(to.named)
	} else {
		loc, i, ok = v.site.locations.Match(to.uri)
	}
	if !ok {
		return false
	}
	v.loc = loc
	v.env.URI, v.env.Args = to.uri, to.args
	v.site.locations.Captures(i, to.uri, &v.caps)
	v.env.Location = loc.name
	v.env.Root = loc.base
	v.env.RealRoot, v.env.Filename = nil, nil
	v.x.Trace.Location = loc.name
	return true
}
