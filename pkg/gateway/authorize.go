package gateway

import (
	"bytes"
	"fmt"
	"maps"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/proxy"
)

// authorizer is what a location asks before it answers, compiled.
type authorizer struct {
	proxy  proxy.Config
	params *cgi.Params
	root   []byte // DOCUMENT_ROOT, as its workers see it
}

func (g *Gateway) buildAuthorizer(gen *generation, s *site, l *location, groups []string) error {
	cfg := l.cfg
	if cfg.Authorizer == "" {
		return nil
	}
	b := gen.backends[cfg.Authorizer]
	if b == nil {
		return fmt.Errorf("authorizer: no backend %q", cfg.Authorizer)
	}
	a := &authorizer{proxy: proxyConfig(gen, cfg.Authorizer), root: l.base}
	if r := remoteRoot(gen, cfg.Authorizer); r != nil {
		a.root = r
	}
	var err error
	a.params, err = cgi.New(cgi.Config{
		Encode: fcgi.OpenPair, Software: g.opt.Software, ServerName: s.serverName, Omit: cgi.AuthorizerOmits(),
		Custom: authorizerParams(cfg.Params, cfg.AuthorizerParams), Groups: groups,
	})
	if err != nil {
		return fmt.Errorf("authorizer: %w", err)
	}
	l.authorizer = a
	return nil
}

// authorizerParams adds what the location says for its script to what it says
// for the authorizer, but for what would make that script run in its place.
func authorizerParams(script, own map[string]string) map[string]string {
	all := maps.Clone(script)
	for _, name := range cgi.AuthorizerOmits() {
		delete(all, name)
	}
	if all == nil {
		return own
	}
	maps.Copy(all, own)
	return all
}

// authorize asks the location's authorizer. When it returns false the request is
// over: answered by the authorizer, or with an error that closes the location.
func (v *visit) authorize(a *authorizer) (allowed bool, err error) {
	if v.asking == nil {
		v.asking = &asking{v: v}
	}
	v.asking.a = a
	v.failing = true // the location's lifetimes are not for a refusal
	allowed, err = v.gen.proxy.Authorize(v.x, &a.proxy, v.asking, v.storage())
	v.asking.a = nil
	if allowed {
		v.failing = false
		v.x.Trace.User = v.variable("REMOTE_USER")
	}
	return allowed, err
}

// asking is a request to an authorizer (proxy.Asker), and its storage for the
// next.
type asking struct {
	v    *visit
	a    *authorizer
	kept cgi.Kept // of earlier requests
}

// EncodeParams implements proxy.Encoder.
func (q *asking) EncodeParams(dst []byte, _ int64) []byte {
	script := cgi.Script{DocumentRoot: q.a.root, BodyLen: -1}
	dst = q.a.params.Append(dst, &q.v.env, &script, &q.kept)
	return replaceParams(dst, q.v.extra)
}

// variablePrefix is what the names of an authorizer's variables begin with in
// its reply (FastCGI section 6.3).
const variablePrefix = "variable-"

func isVariable(f exchange.Field) bool {
	return len(f.Name) >= len(variablePrefix) && exchange.EqualFold(f.Name[:len(variablePrefix)], variablePrefix)
}

// Verdict implements proxy.Asker: 200 allows, and nothing else does.
func (q *asking) Verdict(r *exchange.Response) (allowed bool, err error) {
	if r.Status != 200 {
		r.Header.DelFunc(isVariable) // for the application, not for the client
		return false, nil
	}
	for _, f := range r.Header.All() {
		if !isVariable(f) {
			continue
		}
		name := q.v.x.Copy(f.Name[len(variablePrefix):])
		if !cgi.Settable(name) {
			return false, &refused{502, "the authorizer sets a variable that it may not set", name}
		}
		q.v.setExtra(name, q.v.x.Copy(f.Value))
	}
	return true, nil
}

// setExtra makes a param of the requests that follow, in place of any other of
// that name. Name and value live as long as the exchange.
func (v *visit) setExtra(name, value []byte) {
	for i := range v.extra {
		if bytes.Equal(v.extra[i].Name, name) {
			v.extra[i].Value = value
			return
		}
	}
	v.extra = append(v.extra, exchange.Field{Name: name, Value: value})
}

// variable returns the value of an extra param, or nil.
func (v *visit) variable(name string) []byte {
	for i := range v.extra {
		if string(v.extra[i].Name) == name {
			return v.extra[i].Value
		}
	}
	return nil
}

// replaceParams adds extra to params, which are encoded pairs, and takes out what
// has the same names: every variable is sent once.
func replaceParams(params []byte, extra []exchange.Field) []byte {
	kept := params[:0] // overtakes nothing that is still to be read
	for rest := params; len(rest) > 0; {
		name, _, next, err := fcgi.NextPair(rest)
		if err != nil {
			panic("gateway: params are no pairs") // they are our own
		}
		if !hasName(extra, name) {
			kept = append(kept, rest[:len(rest)-len(next)]...)
		}
		rest = next
	}
	for _, f := range extra {
		kept = fcgi.AppendPair(kept, f.Name, f.Value)
	}
	return kept
}

func hasName(list []exchange.Field, name []byte) bool {
	for i := range list {
		if bytes.Equal(list[i].Name, name) {
			return true
		}
	}
	return false
}

var _ proxy.Asker = (*asking)(nil)
