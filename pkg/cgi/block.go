package cgi

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// block fills a Response from the lines of one head.
type block struct {
	h        *HeadParser
	r        *exchange.Response
	status   int // of the Status line; 0: none
	location bool
	ctype    bool
}

// field reads one line, without its end.
func (b *block) field(line []byte) error {
	if len(line) > 0 && octets.IsSpace(line[0]) {
		return errFold
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return errNoColon
	}
	name, value := line[:colon:colon], octets.Trim(line[colon+1:])
	if !octets.IsToken(name) {
		return errName
	}
	if !octets.IsValue(value) {
		return errValue
	}
	return b.dispatch(name, value)
}

// dispatch tells the fields that mean something here from those to forward.
func (b *block) dispatch(name, value []byte) error {
	switch {
	case exchange.EqualFold(name, "status"):
		return b.setStatus(value)
	case exchange.EqualFold(name, "content-length"):
		return b.setLength(value)
	case hopByHop(name): // not the script's to say
	case control(name):
		b.h.control = append(b.h.control, exchange.Field{Name: name, Value: value})
	case exchange.EqualFold(name, "location"):
		b.addOnce(&b.location, name, value)
	case exchange.EqualFold(name, "content-type"):
		b.addOnce(&b.ctype, name, value)
	default:
		b.r.Header.Add(name, value)
	}
	return nil
}

// addOnce forwards the first of the fields that can be there once only.
func (b *block) addOnce(seen *bool, name, value []byte) {
	if !*seen {
		*seen = true
		b.r.Header.Add(name, value)
	}
}

// setStatus reads "404" or "404 Not Found"; the reason is not used. A script
// cannot switch protocols.
func (b *block) setStatus(value []byte) error {
	if b.status != 0 {
		return errStatusTwice
	}
	if len(value) < 3 || (len(value) > 3 && value[3] != ' ') {
		return errStatus
	}
	code, ok := octets.Number(value[:3])
	if !ok || code < 100 || code > 599 || code == 101 {
		return errStatus
	}
	b.status = int(code)
	return nil
}

func (b *block) setLength(value []byte) error {
	n, ok := octets.Number(value)
	if !ok {
		return errLength
	}
	if b.r.ContentLength >= 0 && b.r.ContentLength != n {
		return errLengthTwice
	}
	b.r.ContentLength = n
	return nil
}

// finish settles the status: RFC 3875 section 6.2.3 has 302 for a Location
// without one.
func (b *block) finish() {
	switch {
	case b.status != 0:
		b.r.Status = b.status
	case b.location:
		b.r.Status = 302
	}
	if b.r.Status/100 == 1 {
		b.h.interim = true
		b.r.ContentLength = -1
		b.h.control = b.h.control[:0]
	}
}

// hopByHop reports whether the field is about a connection, which is not the
// script's.
func hopByHop(name []byte) bool {
	switch len(name) {
	case len("upgrade"): // trailer
		return exchange.EqualFold(name, "upgrade") || exchange.EqualFold(name, "trailer")
	case len("connection"): // keep-alive
		return exchange.EqualFold(name, "connection") || exchange.EqualFold(name, "keep-alive")
	case len("proxy-connection"):
		return exchange.EqualFold(name, "proxy-connection")
	case len("transfer-encoding"):
		return exchange.EqualFold(name, "transfer-encoding")
	}
	return false
}

// control reports whether the field is addressed to the gateway.
func control(name []byte) bool {
	const accel = "x-accel-"
	return exchange.EqualFold(name, "x-sendfile") ||
		(len(name) >= len(accel) && exchange.EqualFold(name[:len(accel)], accel))
}
