package http1

import (
	"math"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// framing decides how long the body is (RFC 9112 section 6.3), and refuses
// every request another server might measure otherwise.
func (p *parser) framing() error {
	if p.codings > 0 {
		return p.chunked()
	}
	if p.lengths > 1 {
		return bad("more than one Content-Length")
	}
	if p.lengths == 0 {
		return nil
	}
	n, err := parseLength(p.length)
	p.x.Request.ContentLength = n
	return err
}

func (p *parser) chunked() error {
	switch {
	case p.lengths > 0:
		return bad("Content-Length with Transfer-Encoding")
	case p.version10:
		return bad("Transfer-Encoding in HTTP/1.0")
	case p.codings > 1:
		return bad("more than one Transfer-Encoding")
	case len(p.coding) == 0:
		return bad("empty Transfer-Encoding")
	case !exchange.EqualFold(p.coding, "chunked"):
		return refuse(501, "transfer coding not served")
	}
	p.m.Chunked = true
	p.x.Request.ContentLength = -1
	return nil
}

// parseLength reads digits and nothing else (RFC 9110 section 8.6).
func parseLength(b []byte) (int64, error) {
	if len(b) == 0 {
		return 0, bad("empty Content-Length")
	}
	var n int64
	for _, c := range b {
		if !isDigit(c) {
			return 0, bad("malformed Content-Length")
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, bad("Content-Length too large")
		}
		n = n*10 + d
	}
	return n, nil
}

// setHost settles the authority (RFC 9112 section 3.2): one valid Host, which
// only HTTP/1.0 may lack, even where the target's own authority wins.
func (p *parser) setHost() error {
	p.m.HasHost = p.hosts > 0
	switch {
	case p.hosts > 1:
		return bad("more than one Host")
	case p.hosts == 1:
		if err := p.x.SetAuthority(p.host); err != nil {
			return bad(err.Error())
		}
	case !p.version10:
		return bad("no Host")
	}
	if !p.m.Absolute {
		return nil
	}
	if err := p.x.SetAuthority(p.authority); err != nil {
		return bad(err.Error())
	}
	h := &p.x.Request.Header
	h.Del("host")
	h.Add(p.x.CopyString("host"), p.authority)
	return nil
}
