package compress

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/accept"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// worth reports whether a response is one of those that are encoded for clients
// that want it, its length aside.
func (c *Compressor) worth(r *exchange.Response) bool {
	h := &r.Header
	switch {
	case exchange.NoBodyStatus(r.Status), r.Status == 205, r.Status == 206:
		return false // nothing, or a part of what its fields describe as a whole
	case h.Has("Content-Encoding"), h.Has("Content-Range"):
		return false
	case noTransform(h):
		return false // RFC 9111 section 5.2.2.6
	}
	return c.types.has(h.Get("Content-Type"))
}

// Varies reports whether a body of a media type and a length, which is -1 if it is
// not known, is encoded for clients that want it.
func (c *Compressor) Varies(mediaType []byte, size int64) bool {
	return !c.small(size) && c.types.has(mediaType)
}

// varied gives a response that has no body, or only a part of it, the Vary of the
// whole one, if its fields tell that it would have that.
func (c *Compressor) varied(x *exchange.Exchange) {
	h := &x.Response.Header
	if !h.Has("Content-Encoding") && !noTransform(h) && c.types.has(h.Get("Content-Type")) {
		accept.Vary(x)
	}
}

// noTransform reports whether a Cache-Control field says so.
func noTransform(h *exchange.Header) bool {
	for _, f := range h.All() {
		if !exchange.EqualFold(f.Name, "Cache-Control") {
			continue
		}
		for d := range bytes.SplitSeq(f.Value, []byte{','}) {
			if exchange.EqualFold(bytes.Trim(d, " \t"), "no-transform") {
				return true
			}
		}
	}
	return false
}

// relabel makes the fields of x's response those of its encoded form. What was
// computed over the bytes as they were is removed: the digests cover the content
// coding (RFC 9530 sections 2 and 3), ranges would count encoded bytes, which are
// never the same twice.
func relabel(x *exchange.Exchange, coding []byte) {
	h := &x.Response.Header
	h.DelFunc(isOfTheBytes)
	weaken(x)
	h.Add(x.CopyString("Content-Encoding"), coding)
	accept.Vary(x)
	x.Response.ContentLength = -1
}

func isOfTheBytes(f exchange.Field) bool {
	for _, name := range [...]string{"Accept-Ranges", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest"} {
		if exchange.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// weaken makes a strong entity tag weak: it stands for the same content, but not
// for the same bytes (RFC 9110 section 8.8.1).
func weaken(x *exchange.Exchange) {
	for _, f := range x.Response.Header.All() {
		if exchange.EqualFold(f.Name, "ETag") && len(f.Value) > 0 && f.Value[0] == '"' {
			x.Response.Header.Set(f.Name, weak(x, f.Value))
			return
		}
	}
}

func weak(x *exchange.Exchange, etag []byte) []byte {
	return append(append(x.Alloc(len(etag) + len("W/"))[:0], "W/"...), etag...)
}

// revalidated gives a 304 the fields that the encoded 200 had, as RFC 9110
// section 15.4.5 wants, if the client shows by its tag that it has that one.
func revalidated(x *exchange.Exchange) {
	etag := x.Response.Header.Get("ETag")
	if len(etag) == 0 || etag[0] != '"' {
		return
	}
	for _, f := range x.Request.Header.All() {
		if !exchange.EqualFold(f.Name, "If-None-Match") {
			continue
		}
		if i := bytes.Index(f.Value, etag); i >= len("W/") && string(f.Value[i-2:i]) == "W/" {
			weaken(x)
			accept.Vary(x)
			return
		}
	}
}
