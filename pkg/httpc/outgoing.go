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
	Added   []exchange.Field // fields in place of the client's, and of our Host, of the same names
	Upgrade []byte           // the protocol to switch to; empty: none
	BodyLen int64
}

// AppendHead appends the head of x's request to dst. The client's fields are
// sent in their order, names in lower case, without those of its connection,
// Expect, Content-Length and Host, which are our own, and without what could not
// be sent as one line, which listeners let nobody send. Of the added ones those of
// the connection and of the framing are left out as well: they would make another
// request of what follows the head.
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
	dst = appendHost(dst, r.Authority, o)
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
		if !ofConnection(f.Name) && !isHost(f.Name) {
			dst = appendField(dst, f)
		}
	}
	return appendConnection(dst, o, sized || o.BodyLen > 0)
}

// appendHost appends the one host: the added one, or the client's, or the one for
// clients that named none.
func appendHost(dst, authority []byte, o *Outgoing) []byte {
	for _, f := range o.Added {
		if isHost(f.Name) && len(f.Value) > 0 && octets.IsValue(f.Value) {
			return append(dst, f.Value...)
		}
	}
	if len(authority) > 0 {
		return append(dst, authority...)
	}
	return append(dst, o.Host...)
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
	return isHost(name) || len(name) == len("proxy") && is(name, "proxy") || ofConnection(name)
}

func isHost(name []byte) bool { return len(name) == len("host") && is(name, "host") }

// ofConnection reports whether a request's field called name is about the
// connection to the next server or about where its body ends, which only AppendHead
// decides (RFC 9110 section 7.6.1, RFC 9112 section 6).
func ofConnection(name []byte) bool {
	switch len(name) {
	case len("te"):
		return is(name, "te")
	case len("expect"):
		return is(name, "expect")
	case len("upgrade"): // trailer
		return is(name, "upgrade") || is(name, "trailer")
	case len("connection"): // keep-alive
		return is(name, "connection") || is(name, "keep-alive")
	case len("http2-settings"): // content-length
		return is(name, "http2-settings") || is(name, "content-length")
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
