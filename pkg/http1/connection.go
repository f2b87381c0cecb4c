package http1

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// fault keeps the first error of a field that others need not wait for.
func (p *parser) fault(err error) {
	if p.err == nil {
		p.err = err
	}
}

// listConnection takes a Connection field (RFC 9110 section 7.6.1). value is
// lower-cased; it goes no further.
func (p *parser) listConnection(value []byte) {
	for {
		tok, rest, ok := nextToken(value)
		if !ok {
			p.fault(bad("malformed Connection"))
			return
		}
		if tok == nil {
			return
		}
		p.option(tok)
		value = rest
	}
}

func (p *parser) option(tok []byte) {
	switch string(tok) {
	case "close":
		p.close = true
		return
	case "keep-alive":
		p.keepAlive = true
		return
	case "upgrade":
		p.upgrade = true
		return
	case "te", "transfer-encoding", "trailer", "proxy-connection":
		return // removed in any case
	}
	if ofTheWay(tok) {
		return
	}
	if string(tok) == "host" || bytes.HasPrefix(tok, []byte("content-")) {
		p.fault(bad("Connection lists a field of the content"))
		return
	}
	if p.m.nlisted == maxListed {
		p.fault(bad("too many options in Connection"))
		return
	}
	p.m.listed[p.m.nlisted] = tok
	p.m.nlisted++
}

// nextToken is octets.NextToken that makes the token lower case, in place.
func nextToken(list []byte) (tok, rest []byte, ok bool) {
	tok, rest, ok = octets.NextToken(list)
	for i, c := range tok {
		tok[i] = byte(octets.Lower(c))
	}
	return tok, rest, ok
}

// ofTheWay reports whether a field says whom a request came from or by which way. A
// proxy that passes its client's Connection on must not be made to lose that: the
// policy of trusted proxies reads those fields, and drops them where nobody is to be
// believed.
func ofTheWay(tok []byte) bool {
	return bytes.HasPrefix(tok, []byte("x-forwarded-")) || string(tok) == "forwarded" ||
		bytes.HasSuffix(tok, []byte("-ip")) || bytes.HasSuffix(tok, []byte("clientip"))
}

// listTrailer checks a Trailer field, whose announcement does not matter since
// trailers are dropped; fields of the framing cannot come in one (RFC 9110
// section 6.5.1).
func (p *parser) listTrailer(value []byte) {
	for {
		tok, rest, ok := nextToken(value)
		if !ok {
			p.fault(bad("malformed Trailer"))
			return
		}
		if tok == nil {
			return
		}
		switch string(tok) {
		case "content-length", "transfer-encoding", "trailer", "host":
			p.fault(bad("Trailer lists a field of the framing"))
		}
		value = rest
	}
}

// expectation takes an Expect field: 100-continue and no other (RFC 9110
// section 10.1.1).
func (p *parser) expectation(value []byte) {
	if !exchange.EqualFold(value, "100-continue") {
		p.fault(refuse(417, "expectation not served"))
	}
	p.expect = true
}

// connection settles what the fields together say about the connection.
func (p *parser) connection() {
	m, r := p.m, &p.x.Request
	m.KeepAlive = !p.close && (!p.version10 || p.keepAlive)
	m.Expect100 = p.expect && !p.version10 && r.ContentLength != 0
	if m.Upgrade != nil {
		p.setUpgrade()
	}
	if m.nlisted > 0 {
		r.Header.DelFunc(func(f exchange.Field) bool { return m.lists(f.Name) })
	}
}

// setUpgrade takes an Upgrade field for a wish that may be granted: of a GET
// without a body, for one protocol. HTTP/2 is not one, it has a preface of its
// own (RFC 9113 section 3.1).
func (p *parser) setUpgrade() {
	m, r := p.m, &p.x.Request
	if !p.upgrade || p.version10 || p.upgrades != 1 || len(m.Upgrade) == 0 {
		m.Upgrade = nil
		return
	}
	name, version, slash := bytes.Cut(m.Upgrade, []byte("/"))
	if !octets.IsToken(name) || slash && !octets.IsToken(version) || string(r.Method) != "GET" || r.ContentLength != 0 {
		return
	}
	for i, c := range m.Upgrade {
		if 'A' <= c && c <= 'Z' {
			m.Upgrade[i] = c + 'a' - 'A'
		}
	}
	if string(name) != "h2c" && string(name) != "h2" {
		r.Upgrade = m.Upgrade
	}
}

func (m *Meta) lists(name []byte) bool {
	for _, tok := range m.listed[:m.nlisted] {
		if bytes.Equal(tok, name) {
			return true
		}
	}
	return false
}
