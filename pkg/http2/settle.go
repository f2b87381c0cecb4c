package http2

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

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
	if !octets.IsToken(h.method.value) || !validScheme(h.scheme.value) || len(h.path.value) == 0 {
		return false
	}
	if !h.protocol.seen {
		return true
	}
	h.st.connect = true
	return connect && octets.IsToken(h.protocol.value) && h.authority.seen
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
