package http1

import (
	"fmt"
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// Constant parts of a response.
const (
	Continue  = "HTTP/1.1 100 Continue\r\n\r\n"
	ChunkEnd  = "\r\n"      // behind the content of every chunk
	LastChunk = "0\r\n\r\n" // behind the last chunk
)

// HeadOptions is what the listener adds to a response.
type HeadOptions struct {
	HTTP10    bool // the client speaks HTTP/1.0: no chunks, keep-alive must be said
	KeepAlive bool // the connection stays open behind this response
	Chunked   bool // the body has the chunked coding

	// ContentLength is the size of the body, -1 for none to be written. For
	// HEAD it is that of the body a GET would have.
	ContentLength int64

	Date   []byte // IMF-fixdate, written unless the response has a Date; empty for none
	Server []byte // likewise

	// Upgrade is the protocol that a 101 switches to, or that a 426 asks for;
	// nil else.
	Upgrade []byte
}

// AppendHead appends the head of a final response, or of 101, to dst (RFC 9112
// sections 4 and 6). The status line says HTTP/1.1 to HTTP/1.0 clients too
// (RFC 9110 section 6.2).
//
// Framing and connection are opt's alone: of r only Status and Header are used,
// and Connection, Keep-Alive, Proxy-Connection, Content-Length,
// Transfer-Encoding, Trailer and Upgrade are left out of the latter.
// Responses without a body (1xx, 204, 304) get no framing fields, and HTTP/1.0
// clients no Transfer-Encoding, whatever opt says. A response whose body has
// neither a length nor chunks must not have KeepAlive.
//
// A field whose name is not a token or whose value has a control byte other
// than tab, and a status outside 101 to 999, is an error that wraps ErrField;
// dst then comes back as it was, for a 502 to be written instead.
func AppendHead(dst []byte, r *exchange.Response, opt HeadOptions) ([]byte, error) {
	if r.Status <= 100 || r.Status > 999 {
		return dst, fmt.Errorf("%w: status %d", ErrField, r.Status)
	}
	b := appendStatusLine(dst, r.Status)
	b, seen, err := appendFields(b, &r.Header)
	if err != nil {
		return dst, err
	}
	if !seen.date {
		b = appendField(b, "Date: ", opt.Date)
	}
	if !seen.server {
		b = appendField(b, "Server: ", opt.Server)
	}
	b = appendFraming(b, r.Status, &opt)
	b = appendConnection(b, r.Status, &opt)
	return append(b, '\r', '\n'), nil
}

// AppendInterim appends a 1xx response with the fields of h, which may be nil
// (RFC 9110 section 15.2). HTTP/1.0 clients must not get one. Errors are those
// of AppendHead; a status outside 100 to 199, and 101, which ends the protocol,
// is one.
func AppendInterim(dst []byte, status int, h *exchange.Header) ([]byte, error) {
	if status/100 != 1 || status == 101 {
		return dst, fmt.Errorf("%w: interim status %d", ErrField, status)
	}
	b := appendStatusLine(dst, status)
	if h != nil {
		var err error
		if b, _, err = appendFields(b, h); err != nil {
			return dst, err
		}
	}
	return append(b, '\r', '\n'), nil
}

// AppendChunkHead appends the size line of a chunk of n bytes (RFC 9112 section
// 7.1). ChunkEnd goes behind the bytes. Nothing is appended for n <= 0, since
// an empty chunk would end the body.
func AppendChunkHead(dst []byte, n int) []byte {
	if n <= 0 {
		return dst
	}
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, '\r', '\n')
}

func appendStatusLine(b []byte, status int) []byte {
	if status == 200 {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ') // required before an empty phrase too
	b = append(b, ReasonPhrase(status)...)
	return append(b, '\r', '\n')
}

// seenFields says which of the fields we would add the response has.
type seenFields struct{ date, server bool }

func appendFields(b []byte, h *exchange.Header) (_ []byte, seen seenFields, err error) {
	for _, f := range h.All() {
		if !octets.IsToken(f.Name) {
			return nil, seen, fmt.Errorf("%w: name %.40q", ErrField, f.Name)
		}
		if !octets.IsValue(f.Value) {
			return nil, seen, fmt.Errorf("%w: control byte in the value of %.40q", ErrField, f.Name)
		}
		switch kindOf(f.Name) {
		case fieldFraming:
			continue
		case fieldDate:
			seen.date = true
		case fieldServer:
			seen.server = true
		}
		b = append(b, f.Name...)
		b = append(b, ':', ' ')
		b = append(b, f.Value...)
		b = append(b, '\r', '\n')
	}
	return b, seen, nil
}

// fieldKind sorts response fields by what the writer does with them.
type fieldKind uint8

const (
	fieldOther   fieldKind = iota
	fieldFraming           // of this connection: left out
	fieldDate
	fieldServer
)

func kindOf(name []byte) fieldKind {
	is := func(s string) bool { return exchange.EqualFold(name, s) }
	switch {
	case len(name) == 4 && is("date"):
		return fieldDate
	case len(name) == 6 && is("server"):
		return fieldServer
	case len(name) == 7 && (is("upgrade") || is("trailer")),
		len(name) == 10 && (is("connection") || is("keep-alive")),
		len(name) == 14 && is("content-length"),
		len(name) == 16 && is("proxy-connection"),
		len(name) == 17 && is("transfer-encoding"):
		return fieldFraming
	}
	return fieldOther
}

// appendField appends one of our own fields, or nothing for an empty value.
func appendField(b []byte, name string, value []byte) []byte {
	if len(value) == 0 {
		return b
	}
	b = append(b, name...)
	b = append(b, value...)
	return append(b, '\r', '\n')
}

func appendFraming(b []byte, status int, opt *HeadOptions) []byte {
	switch {
	case exchange.NoBodyStatus(status):
	case opt.Chunked && !opt.HTTP10:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case opt.ContentLength >= 0 && !opt.Chunked:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, opt.ContentLength, 10)
		b = append(b, '\r', '\n')
	}
	return b
}

func appendConnection(b []byte, status int, opt *HeadOptions) []byte {
	switch {
	case len(opt.Upgrade) > 0 && (opt.KeepAlive || status == 101):
		b = append(b, "Connection: upgrade\r\n"...)
	case len(opt.Upgrade) > 0:
		b = append(b, "Connection: upgrade, close\r\n"...)
	case !opt.KeepAlive:
		b = append(b, "Connection: close\r\n"...)
	case opt.HTTP10:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return appendField(b, "Upgrade: ", opt.Upgrade)
}
