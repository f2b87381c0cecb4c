package httpc

import "github.com/fcgigw/fcgigw/pkg/exchange"

// frame decides how long the body is (RFC 9112 section 6.3) and whether the
// connection can be kept behind it (section 9.3). What is wrong is wrong for a
// reply without a body as well: somebody in front of it may wait for one.
func (r *Reply) frame(h *head) error {
	switch {
	case h.codings > 0 && h.lengths > 0:
		return bad("both Transfer-Encoding and Content-Length")
	case h.codings > 0 && h.version == '0':
		return bad("Transfer-Encoding in HTTP/1.0")
	}
	r.keep = !h.close && (h.version == '1' || h.keepAlive)
	if h.lengths > 0 {
		r.into.ContentLength = h.length
	}
	switch {
	case r.isHead, exchange.NoBodyStatus(h.status):
		r.bodiless(h)
	case h.chunked:
		r.stage = inChunk
		r.chunks.Reset(0)
	case h.lengths > 0 && h.length == 0:
		r.stage = done
	case h.lengths > 0:
		r.stage, r.left = inBody, h.length
	default:
		r.stage, r.keep = toEnd, false
	}
	return nil
}

// bodiless is frame for a reply that has no body whatever its fields say. Some
// servers send one all the same, gunicorn behind the answer to a HEAD if the
// application gave it one, and it may come later: what is then on the connection
// would be taken for the next client's reply. So it is not kept behind a HEAD,
// nor behind another reply that speaks of a body. A 204 must not have framing at
// all (RFC 9110 section 8.6, RFC 9112 section 6.1).
func (r *Reply) bodiless(h *head) {
	r.stage = done
	if r.isHead || h.chunked || h.length > 0 {
		r.keep = false
	}
	if h.status == 204 {
		r.into.ContentLength = -1
	}
}
