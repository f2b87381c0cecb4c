package http3

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/quic-go/qpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// fieldCost is what a field counts beyond name and value: as on HTTP/1.1, where
// it has a colon, a space and CRLF.
const fieldCost = 4

// head is a request head in the making.
type head struct {
	x   *exchange.Exchange
	cfg *Config

	method, scheme, authority, path, protocol []byte // nil until they came

	host   []byte
	hosts  int
	cookie []byte // all of them, joined
	crumbs int    // how many they are
	length []byte

	size, count int  // of the fields so far
	regular     bool // a field that is no pseudo-header came

	expect   bool // the client waits for 100 before it sends the body
	asterisk bool // the target is "*"
}

// decode makes the request of x of an encoded field section (RFC 9114 section
// 4.3.1). Nothing of block is kept. Errors are *http1.StatusError, or *connError when the
// section cannot be decoded; x then holds what came before the fault.
func (h *head) decode(block []byte) error {
	next := qpack.NewDecoder().Decode(block)
	for {
		f, err := next()
		if errors.Is(err, io.EOF) {
			return h.settle()
		}
		if err != nil {
			return fatal(codeDecompressionFailed, "malformed field section")
		}
		if err := h.field(f.Name, f.Value); err != nil {
			h.forLog()
			return err
		}
	}
}

// forLog leaves in the request what the record of a refusal tells.
func (h *head) forLog() {
	r := &h.x.Request
	r.Major, r.Method, r.Target = 3, h.method, h.path
}

// field takes one field.
func (h *head) field(name, text string) error {
	strange, ok := octets.LowerName(strings.TrimPrefix(name, ":"))
	value := h.x.CopyString(text)
	switch {
	case !ok:
		return bad("malformed field name")
	case !octets.IsTrimmed(value):
		return bad("malformed field value")
	case name[0] == ':':
		return h.pseudo(name, value)
	}
	h.regular = true
	h.count++
	h.size += len(name) + len(value) + fieldCost
	lim := &h.cfg.Limits
	switch {
	case len(name)+len(value)+2 > lim.MaxHeaderLine:
		return refuse(431, "field line too long")
	case h.size > lim.MaxHeaderBytes:
		return refuse(431, "fields too large")
	case h.count > lim.MaxHeaders:
		return refuse(431, "too many fields")
	case http1.OfConnection(name, text):
		return bad("field of the connection")
	}
	return h.plain(name, value, strange)
}

// pseudo takes a pseudo-header field: known, once, in front of the others.
func (h *head) pseudo(name string, value []byte) error {
	var slot *[]byte
	switch name {
	case ":method":
		slot = &h.method
	case ":scheme":
		slot = &h.scheme
	case ":authority":
		slot = &h.authority
	case ":path":
		slot = &h.path
		if len(value) > h.cfg.Limits.MaxRequestLine {
			return refuse(414, "request target too long")
		}
	case ":protocol":
		slot = &h.protocol
	default:
		return bad("unknown pseudo-header field")
	}
	if h.regular {
		return bad("pseudo-header field behind others")
	}
	if *slot != nil {
		return bad("pseudo-header field given twice")
	}
	*slot = value
	return nil
}

// plain sorts one ordinary field; see the package comment. strange says that its
// name must be allowed.
func (h *head) plain(name string, value []byte, strange bool) error {
	switch name {
	case "te", "trailer", "proxy":
		return nil
	case "expect":
		if !exchange.EqualFold(value, "100-continue") {
			return refuse(417, "expectation not served")
		}
		h.expect = true
		return nil
	case "host":
		h.host = value
		h.hosts++
		return nil
	case "cookie":
		h.joinCookie(value)
		return nil
	case "content-length":
		if h.length != nil {
			return bad("more than one Content-Length")
		}
		h.length = value
	}
	key := h.x.CopyString(name)
	if strange && !h.cfg.Limits.Allows(key) {
		return nil
	}
	h.x.Request.Header.Add(key, value)
	return nil
}

// joinCookie adds a part of the cookie (RFC 9114 section 4.2.1). A first one is
// mostly the only one; with more the buffer grows as a slice does: what they
// cost stays in proportion to what the client sent.
func (h *head) joinCookie(value []byte) {
	switch h.crumbs++; h.crumbs {
	case 1:
		h.cookie = value
		return
	case 2:
		first := h.cookie
		h.cookie = append(make([]byte, 0, 2*len(first)+len("; ")+len(value)), first...)
	}
	h.cookie = append(append(h.cookie, "; "...), value...)
}

// settle judges what the fields say together and fills the request.
func (h *head) settle() error {
	r := &h.x.Request
	h.forLog()
	if err := h.setMethod(); err != nil {
		return err
	}
	if len(h.scheme) == 0 || !exchange.EqualFold(h.scheme, "https") {
		return bad("scheme is not https")
	}
	if h.path == nil {
		return bad("request without a path")
	}
	if err := h.setHost(); err != nil {
		return err
	}
	if err := h.x.SetTarget(h.path); err != nil {
		return bad(err.Error())
	}
	h.asterisk = string(h.path) == "*"
	if h.crumbs > 0 {
		r.Header.Add(h.x.CopyString("cookie"), h.cookie)
	}
	return h.setLength()
}

// setMethod takes the method. An extended CONNECT (RFC 9220) becomes the GET
// that asks for the same on HTTP/1.1; the plain one is not served.
func (h *head) setMethod() error {
	if string(h.method) != "CONNECT" {
		if err := http1.CheckMethod(h.method); err != nil {
			return err
		}
		if h.protocol != nil {
			return bad(":protocol without CONNECT")
		}
		h.x.Request.Method = h.method
		return nil
	}
	switch {
	case h.protocol == nil:
		return refuse(405, "method not served")
	case !octets.IsToken(h.protocol):
		return bad(":protocol is not a token")
	}
	h.x.Request.Method = h.x.CopyString("GET")
	h.x.Request.Upgrade = bytes.ToLower(h.protocol)
	return nil
}

// setHost settles the authority: :authority or Host, and the same if both are
// there (RFC 9114 section 4.3.1).
func (h *head) setHost() error {
	switch {
	case h.hosts > 1:
		return bad("more than one Host")
	case h.authority == nil && h.hosts == 0:
		return bad("request without a host")
	case h.authority == nil:
		h.authority = h.host
	case h.hosts == 1 && !bytes.EqualFold(h.authority, h.host):
		return bad("Host differs from :authority")
	}
	if err := h.x.SetAuthority(h.authority); err != nil {
		return bad(err.Error())
	}
	h.x.Request.Header.Add(h.x.CopyString("host"), h.authority)
	return nil
}

// setLength takes the declared length; without one it is not known until the
// end of the stream is seen.
func (h *head) setLength() error {
	r := &h.x.Request
	r.ContentLength = -1
	if h.length == nil {
		return nil
	}
	if r.Upgrade != nil {
		return bad("Content-Length on a CONNECT")
	}
	n, err := http1.ParseLength(h.length)
	if err != nil {
		return err
	}
	r.ContentLength = n
	return nil
}
