package http2

import (
	"golang.org/x/net/http2/hpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// headReader makes a request of decoded fields (RFC 9113 sections 8.2 and 8.3),
// under the rules and limits that package http1 has for heads.
type headReader struct {
	c  *Conn
	st *stream // nil: trailers, or of no interest

	trailers  bool
	malformed bool   // the stream is reset
	status    int    // the request is answered with it
	reason    string // likewise
	size      int    // bytes that the fields would have on HTTP/1.1
	fields    int
	regular   bool // a field that is no pseudo-header came

	method, scheme, path, authority, protocol pseudo

	host, length   []byte
	hosts, lengths int
	cookie         []byte // crumbs, joined (RFC 9113 section 8.2.3)
	crumbs         int
}

// pseudo is a pseudo-header field.
type pseudo struct {
	value []byte
	seen  bool
}

func (h *headReader) reset(st *stream) {
	*h = headReader{c: h.c, st: st, cookie: h.cookie[:0]}
}

// field takes the next field of the block.
func (h *headReader) field(f hpack.HeaderField) {
	h.size += len(f.Name) + len(f.Value) + len(": \r\n")
	switch {
	case h.trailers:
		h.trailer(f)
	case f.IsPseudo():
		h.pseudo(f)
	case h.st != nil:
		h.regular = true
		h.ordinary(f)
	}
}

// trailer checks a field of a trailer section; its size is bounded like that of
// a chunked body.
func (h *headReader) trailer(f hpack.HeaderField) {
	lim := &h.c.srv.cfg.Load().Limits
	_, ok := octets.LowerName(f.Name)
	if f.IsPseudo() || !ok || !octets.IsTrimmed([]byte(f.Value)) || http1.OfConnection(f.Name, f.Value) {
		h.malformed = true
	}
	if h.size > lim.MaxTrailerBytes {
		h.refuse(431, "trailers too large")
		h.c.dec.SetEmitEnabled(false) // what follows only has to be decoded
	}
}

func (h *headReader) refuse(status int, reason string) {
	if h.status == 0 {
		h.status, h.reason = status, reason
	}
}

func (h *headReader) pseudo(f hpack.HeaderField) {
	var p *pseudo
	switch f.Name {
	case ":method":
		p = &h.method
	case ":scheme":
		p = &h.scheme
	case ":path":
		p = &h.path
	case ":authority":
		p = &h.authority
	case ":protocol":
		p = &h.protocol
	}
	if p == nil || p.seen || h.regular {
		h.malformed = true
		return
	}
	p.seen = true
	if len(f.Value) > h.st.cfg.Limits.MaxRequestLine {
		h.refuse(414, "pseudo-header field too long")
		return
	}
	p.value = h.st.x.CopyString(f.Value)
}

// ordinary takes a field of the request within the limits.
func (h *headReader) ordinary(f hpack.HeaderField) {
	lim := &h.st.cfg.Limits
	if f.Name != "cookie" || h.crumbs == 0 {
		h.fields++
	}
	switch {
	case h.fields > lim.MaxHeaders:
		h.refuse(431, "too many fields")
	case h.size > lim.MaxHeaderBytes+lim.MaxRequestLine:
		h.refuse(431, "fields too large")
	case len(f.Name)+len(f.Value)+len(": ") > lim.MaxHeaderLine:
		h.refuse(431, "field line too long")
	}
	if h.status == 431 {
		h.c.dec.SetEmitEnabled(false) // what follows only has to be decoded
		return
	}
	strange, ok := octets.LowerName(f.Name)
	value := h.st.x.CopyString(f.Value)
	if !ok || !octets.IsTrimmed(value) || http1.OfConnection(f.Name, f.Value) {
		h.malformed = true
		return
	}
	h.sort(f.Name, value, strange)
}

// sort does with a field what package http1 does with it.
func (h *headReader) sort(name string, value []byte, strange bool) {
	lim := &h.st.cfg.Limits
	switch name {
	case "host":
		h.host = value
		h.hosts++
		return
	case "content-length":
		h.length = value
		h.lengths++
	case "cookie":
		h.crumb(value)
		return
	case "expect":
		h.expectation(value)
		return
	case "te", "trailer", "proxy":
		return
	}
	x := h.st.x
	key := x.CopyString(name)
	if strange && !lim.Allows(key) {
		return
	}
	x.Request.Header.Add(key, value)
}

func (h *headReader) crumb(value []byte) {
	if h.crumbs++; h.crumbs > 1 {
		h.cookie = append(h.cookie, "; "...)
	}
	h.cookie = append(h.cookie, value...)
}

// expectation takes an Expect field: 100-continue and no other (RFC 9110
// section 10.1.1).
func (h *headReader) expectation(value []byte) {
	if !exchange.EqualFold(value, "100-continue") {
		h.refuse(417, "expectation not served")
	}
	h.st.body.expect = true
}
