package httpc

import (
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// Outgoing is what a request head says that is not the client's own.
type Outgoing struct {
	Target  []byte           // origin form; empty: as the client sent it
	Host    string           // for clients that named none
	Close   bool             // the server is asked to close the connection
	Added   []exchange.Field // fields in place of the client's of the same names
	Upgrade []byte           // the protocol to switch to; empty: none
	BodyLen int64
}

// AppendHead appends the head of x's request to dst. The client's fields are
// sent in their order, names in lower case, without those of its connection,
// Expect, Content-Length and Host, which are our own, and without what could not
// be sent as one line, which listeners let nobody send.
func AppendHead(dst []byte, x *exchange.Exchange, o *Outgoing) []byte {
	r := &x.Request
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	if len(o.Target) > 0 {
		dst = append(dst, o.Target...)
	} else {
		dst = append(dst, r.Target...)
	}
	dst = append(dst, " HTTP/1.1\r\nhost: "...)
	if len(r.Authority) > 0 {
		dst = append(dst, r.Authority...)
	} else {
		dst = append(dst, o.Host...)
	}
	dst = append(dst, "\r\n"...)
	sized := r.ContentLength != 0
	for _, f := range r.Header.All() {
		if is(f.Name, "content-length") {
			sized = true // zero is something else than none
		} else if !ours(f.Name) && !hasName(o.Added, f.Name) {
			dst = appendField(dst, f)
		}
	}
	for _, f := range o.Added {
		dst = appendField(dst, f)
	}
	return appendConnection(dst, o, sized || o.BodyLen > 0)
}

// appendConnection appends the fields of the connection and of the framing.
func appendConnection(dst []byte, o *Outgoing, sized bool) []byte {
	if sized {
		dst = append(dst, "content-length: "...)
		dst = strconv.AppendInt(dst, o.BodyLen, 10)
		dst = append(dst, "\r\n"...)
	}
	switch {
	case len(o.Upgrade) > 0:
		dst = append(dst, "connection: Upgrade\r\nupgrade: "...)
		dst = append(dst, o.Upgrade...)
		dst = append(dst, "\r\n"...)
	case o.Close:
		dst = append(dst, "connection: close\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// appendField appends one line, or nothing if it would not be one.
func appendField(dst []byte, f exchange.Field) []byte {
	if len(f.Value) == 0 && f.Value == nil || !octets.IsToken(f.Name) || !octets.IsValue(f.Value) {
		return dst
	}
	dst = append(dst, f.Name...)
	dst = append(dst, ": "...)
	dst = append(dst, f.Value...)
	return append(dst, "\r\n"...)
}

// ours reports whether the field is not the client's to say to the server.
func ours(name []byte) bool {
	switch len(name) {
	case len("te"):
		return is(name, "te")
	case len("host"):
		return is(name, "host")
	case len("proxy"):
		return is(name, "proxy")
	case len("expect"):
		return is(name, "expect")
	case len("upgrade"): // trailer
		return is(name, "upgrade") || is(name, "trailer")
	case len("connection"): // keep-alive
		return is(name, "connection") || is(name, "keep-alive")
	case len("http2-settings"):
		return is(name, "http2-settings")
	case len("proxy-connection"):
		return is(name, "proxy-connection")
	case len("transfer-encoding"):
		return is(name, "transfer-encoding")
	}
	return false
}

func hasName(list []exchange.Field, name []byte) bool {
	for i := range list {
		if len(list[i].Name) == len(name) && is(name, string(list[i].Name)) {
			return true
		}
	}
	return false
}
