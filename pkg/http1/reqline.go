package http1

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// maxMethod bounds a method; the longest registered one has 17 letters.
const maxMethod = 32

// requestLine parses method SP target SP version (RFC 9112 section 3).
func (p *parser) requestLine(b []byte) error {
	n := bytes.IndexByte(b, ' ')
	if n < 0 {
		return bad("request line without a target")
	}
	method, b := b[:n:n], b[n+1:]
	if err := checkMethod(method); err != nil {
		return err
	}
	n = bytes.IndexByte(b, ' ')
	if n < 0 {
		return bad("request line without a version")
	}
	target, version := b[:n:n], b[n+1:]
	if err := p.version(version); err != nil {
		return err
	}
	p.x.Request.Method = method
	return p.target(target)
}

func checkMethod(b []byte) error {
	if !octets.IsToken(b) {
		return bad("method is not a token")
	}
	if len(b) > maxMethod {
		return refuse(501, "method too long")
	}
	switch string(b) {
	case "CONNECT", "TRACE":
		return refuse(405, "method not served")
	}
	return nil
}

// version takes HTTP/1.0 and HTTP/1.1 (RFC 9112 section 2.3). Higher minor
// versions do not exist, so that who sends one is testing us.
func (p *parser) version(b []byte) error {
	r := &p.x.Request
	switch string(b) {
	case "HTTP/1.1":
		r.Major, r.Minor = 1, 1
	case "HTTP/1.0":
		r.Major, r.Minor = 1, 0
		p.version10 = true
	default:
		if len(b) == 8 && string(b[:5]) == "HTTP/" && isDigit(b[5]) && b[6] == '.' && isDigit(b[7]) {
			return refuse(505, "HTTP version not served")
		}
		return bad("malformed HTTP version")
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// target takes the origin form, the asterisk form and the absolute form of
// http and https (RFC 9112 section 3.2). The scheme of the latter does not
// count: the connection knows better.
func (p *parser) target(b []byte) error {
	if rest, ok := cutScheme(b); ok {
		return p.absolute(rest)
	}
	if err := p.x.SetTarget(b); err != nil {
		return bad(err.Error())
	}
	p.m.Asterisk = b[0] == '*'
	return nil
}

func cutScheme(b []byte) (rest []byte, ok bool) {
	for _, s := range [...]string{"http://", "https://"} {
		if len(b) >= len(s) && exchange.EqualFold(b[:len(s)], s) {
			return b[len(s):], true
		}
	}
	return nil, false
}

// absolute takes a target in absolute form behind its scheme. Without a path
// it means "/", or "*" for OPTIONS without a query (RFC 9112 section 3.2.4).
func (p *parser) absolute(b []byte) error {
	n := bytes.IndexAny(b, "/?")
	if n < 0 {
		n = len(b)
	}
	p.m.Absolute = true
	p.authority = b[:n:n]
	target := b[n:]
	switch {
	case len(target) == 0 && string(p.x.Request.Method) == "OPTIONS":
		target = p.x.CopyString("*")
		p.m.Asterisk = true
	case len(target) == 0 || target[0] == '?':
		t := p.x.Alloc(1 + len(target))
		t[0] = '/'
		copy(t[1:], target)
		target = t
	}
	if err := p.x.SetTarget(target); err != nil {
		return bad(err.Error())
	}
	return nil
}
