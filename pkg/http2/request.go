package http2

import (
	"bytes"

	"golang.org/x/net/http2/hpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
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
	_, ok := http1.LowerName(f.Name)
	if f.IsPseudo() || !ok || !validValue([]byte(f.Value)) || ofConnection(f.Name, f.Value) {
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
	strange, ok := http1.LowerName(f.Name)
	value := h.st.x.CopyString(f.Value)
	if !ok || !validValue(value) || ofConnection(f.Name, f.Value) {
		h.malformed = true
		return
	}
	h.sort(f.Name, value, strange)
}

// validValue reports whether b may be a value: no control bytes, no space
// around it (RFC 9113 section 8.2.1).
func validValue(b []byte) bool { return http1.Value(b) && len(trim(b)) == len(b) }

// ofConnection reports whether a field has no place on HTTP/2 (RFC 9113 section
// 8.2.2).
func ofConnection(name, value string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	case "te":
		return value != "trailers"
	}
	return false
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

// settle judges what the fields say together and completes the request. It
// reports false when the request is malformed. last says that no body follows.
func (h *headReader) settle(last bool) bool {
	st := h.st
	r := &st.x.Request
	if h.malformed && h.status != 431 {
		return false
	}
	if h.status == 0 || h.method.seen {
		r.Method = h.method.value
	}
	switch {
	case h.status != 0: // too large or too long: what is missing is ours
	case !h.form(), !h.framing(last):
		return false
	}
	if h.status == 0 {
		h.target()
	}
	if h.status == 0 {
		h.setAuthority()
	}
	if h.crumbs > 0 {
		r.Header.Add(st.x.CopyString("cookie"), st.x.Copy(h.cookie))
	}
	st.status, st.reason = h.status, h.reason
	h.setBody(last)
	return true
}

// form checks that the pseudo-header fields are those of a request, or of a
// CONNECT of either kind (RFC 9113 sections 8.3.1 and 8.5, RFC 8441 section 4).
func (h *headReader) form() bool {
	connect := string(h.method.value) == "CONNECT"
	if connect && !h.protocol.seen {
		h.refuse(405, "method not served")
		return h.authority.seen && !h.scheme.seen && !h.path.seen
	}
	if !http1.Token(h.method.value) || !validScheme(h.scheme.value) || len(h.path.value) == 0 {
		return false
	}
	if !h.protocol.seen {
		return true
	}
	h.st.connect = true
	return connect && http1.Token(h.protocol.value) && h.authority.seen
}

// validScheme looks at the form of a scheme (RFC 3986 section 3.1). Which one
// it is does not count: the connection knows better.
func validScheme(b []byte) bool {
	for i, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(b) > 0
}

// framing takes the declared length (RFC 9113 section 8.1.1).
func (h *headReader) framing(last bool) bool {
	if h.lengths == 0 {
		return true
	}
	n, err := http1.ParseLength(h.length)
	if err != nil || h.lengths > 1 || last && n > 0 {
		return false
	}
	h.st.declared = n
	return true
}

// target takes method and path as package http1 does.
func (h *headReader) target() {
	st := h.st
	r := &st.x.Request
	if st.connect {
		r.Upgrade = bytes.ToLower(h.protocol.value)
		r.Method = st.x.CopyString("GET")
	} else if bad, ok := http1.CheckMethod(r.Method).(*http1.StatusError); ok {
		h.refuse(bad.Status, bad.Reason)
		return
	}
	if err := st.x.SetTarget(h.path.value); err != nil {
		h.refuse(400, err.Error())
		return
	}
	st.star = h.path.value[0] == '*'
}

// setAuthority settles the authority: :authority, or Host, which must not
// differ (RFC 9113 section 8.3.1). Host stays among the fields.
func (h *headReader) setAuthority() {
	x := h.st.x
	value := h.authority.value
	switch {
	case h.hosts > 1:
		h.refuse(400, "more than one Host")
		return
	case !h.authority.seen && h.hosts == 0:
		h.refuse(400, "no Host")
		return
	case !h.authority.seen:
		value = h.host
	case h.hosts == 1 && !bytes.EqualFold(value, h.host):
		h.refuse(400, "Host differs from :authority")
		return
	}
	if err := x.SetAuthority(value); err != nil {
		h.refuse(400, err.Error())
		return
	}
	x.Request.Header.Add(x.CopyString("host"), value)
}

// setBody tells the handler of the body.
func (h *headReader) setBody(last bool) {
	st := h.st
	r := &st.x.Request
	switch {
	case last, st.connect:
		r.ContentLength = 0
		return // Reset left an empty body
	case st.declared > 0:
		r.ContentLength = st.declared
	default: // also of one that is declared to be empty: whether it is has to be seen
		r.ContentLength = -1
	}
	r.Body = &st.body
}
