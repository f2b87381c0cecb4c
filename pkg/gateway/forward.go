package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/forwarded"
	"github.com/fcgigw/fcgigw/pkg/httpc"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// protocolHTTP is the configuration's word for servers that speak HTTP.
const protocolHTTP = "http"

// forward is what a location says about its requests to a backend that speaks
// HTTP, compiled.
type forward struct {
	host    string // for clients that name none
	close   bool   // connections are not kept
	strip   []byte // beginning of the path that the server does not get
	upgrade []string
	headers []headerRule
}

func buildForward(s *site, cfg *config.Location, b *config.Backend, groups []string) (*forward, error) {
	if b.Protocol != protocolHTTP {
		return nil, nil
	}
	f := &forward{host: s.serverName, close: b.KeepConn == "off", strip: []byte(cfg.StripPrefix), upgrade: cfg.Upgrade}
	if f.host == "" {
		f.host = "localhost"
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.RequestHeaders)) {
		t, err := vars.Compile(cfg.RequestHeaders[name], groups...)
		if err != nil {
			errs = append(errs, fmt.Errorf("request_headers.%s: %w", name, err))
		}
		f.headers = append(f.headers, headerRule{name: []byte(name), value: t})
	}
	return f, errors.Join(errs...)
}

// forward has a server that speaks HTTP answer the request.
func (v *visit) forward() error {
	r := &v.x.Request
	if r.Upgrade != nil && !slices.ContainsFunc(v.loc.forward.upgrade, func(s string) bool { return exchange.EqualFold(r.Upgrade, s) }) {
		r.Upgrade = nil
	}
	return v.gen.proxy.Serve(v.x, &v.loc.proxy, (*forwarding)(v), v.storage())
}

// forwarding is a visit whose backend speaks HTTP (proxy.Encoder).
type forwarding visit

// EncodeParams implements proxy.Encoder: the request's head.
func (e *forwarding) EncodeParams(dst []byte, bodyLen int64) []byte {
	v := (*visit)(e)
	f, x := v.loc.forward, v.x
	var added exchange.Header
	forwarded.Append(&added, x)
	if len(f.strip) > 0 {
		added.Add(forwardedPrefix, f.strip)
	}
	out := httpc.Outgoing{Target: v.target(), Host: f.host, Close: f.close, BodyLen: bodyLen}
	if len(x.Request.Upgrade) > 0 && bodyLen == 0 {
		out.Upgrade = x.Request.Upgrade
		v.handshake()
	}
	for i := range f.headers {
		rule := &f.headers[i]
		value := v.expand(rule.value)
		if len(value) == 0 {
			value = nil // is not sent, and the client's is not either
		}
		added.Set(rule.name, value)
	}
	out.Added = added.All()
	return httpc.AppendHead(dst, x, &out)
}

var (
	forwardedPrefix = []byte("X-Forwarded-Prefix")
	webSocketKey    = []byte("sec-websocket-key")
)

// handshake makes the request of an extended CONNECT one that an HTTP/1.1 server
// takes for the beginning of a WebSocket (RFC 8441 section 5).
func (v *visit) handshake() {
	r := &v.x.Request
	if r.Major > 1 && string(r.Upgrade) == "websocket" {
		r.Header.Set(webSocketKey, httpc.AppendWebSocketKey(v.x.Alloc(httpc.WebSocketKeyLen)[:0]))
	}
}

// target returns the target for the server, nil if it is the one that came: a
// server may read escapes, empty segments and parameters as it likes. The path is
// written anew from the one that locations decide by if an internal redirect has
// changed it, or if it came with what might lead the server to another place than
// the location's (see devious).
func (v *visit) target() []byte {
	r := &v.x.Request
	strip := v.loc.forward.strip
	raw, _, _ := bytes.Cut(r.Target, []byte{'?'})
	moved := !bytes.Equal(v.env.URI, r.Path) || !bytes.Equal(v.env.Args, r.Query)
	if !moved && !devious(raw) {
		if len(strip) == 0 || raw[0] != '/' { // "*"
			return nil
		}
		if rest, ok := stripped(raw, strip); ok && !devious(rest) {
			return v.withArgs(rest)
		}
	}
	path := v.env.URI
	if rest, ok := stripped(path, strip); ok {
		path = rest
	}
	for len(path) > 1 && path[0] == '/' && path[1] == '/' { // of a redirect
		path = path[1:]
	}
	return v.withArgs(vars.AppendEscaped(nil, path))
}

// devious reports whether servers may take a raw path for another one than the
// gateway does: it has dot segments; or a backslash, which those that parse URLs as
// browsers do take for a slash; or begins with two slashes, behind which they look
// for a host and find the path after it.
func devious(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("//")) || bytes.IndexByte(raw, '\\') >= 0 || dotted(raw)
}

// withArgs returns a target of path and the present query.
func (v *visit) withArgs(path []byte) []byte {
	if v.env.Args == nil {
		return path
	}
	t := v.x.Alloc(len(path) + 1 + len(v.env.Args))[:0]
	return append(append(append(t, path...), '?'), v.env.Args...)
}

// stripped returns path behind prefix, which ends where a segment does.
func stripped(path, prefix []byte) (rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(path, prefix)
	switch {
	case !ok || len(rest) > 0 && rest[0] != '/':
		return path, false
	case len(rest) == 0:
		return []byte{'/'}, true
	}
	return rest, true
}

// dotted reports whether a raw path has a segment that is "." or "..", however
// it is escaped, or ends in a parameter: "..;x" is a way up to some servers.
func dotted(raw []byte) bool {
	dots, other := 0, false
	for i := 0; i < len(raw); {
		c, n := unescape(raw[i:])
		i += n
		switch {
		case c == '/' || c == '\\':
			if dots > 0 && dots <= 2 && !other {
				return true
			}
			dots, other = 0, false
		case c == ';' && dots > 0 && dots <= 2 && !other:
			return true
		case c == '.':
			dots++
		default:
			other = true
		}
	}
	return dots > 0 && dots <= 2 && !other
}

// unescape returns the byte that b begins with and its length there.
func unescape(b []byte) (c byte, n int) {
	if b[0] != '%' || len(b) < 3 {
		return b[0], 1
	}
	return hexValue(b[1])<<4 | hexValue(b[2]), 3
}

// hexValue is for digits that were checked before.
func hexValue(c byte) byte {
	if c <= '9' {
		return c & 15
	}
	return c&15 + 9
}
