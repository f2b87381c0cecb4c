package httpc

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// maxListed bounds the names a Connection field may list.
const maxListed = 16

// head is what one head says besides what goes into the Response.
type head struct {
	into    *exchange.Response
	status  int
	version byte // the minor version: '0' or '1'

	lengths, codings  int
	length            int64
	chunked           bool
	close, keepAlive  bool
	connUpgrade       bool
	upgrade           []byte
	listed            [maxListed][]byte // names in Connection without a meaning of their own
	nlisted, nupgrade int
}

// parse reads whole lines, each with its CRLF.
func (h *head) parse(lines []byte) error {
	line, rest := cutLine(lines)
	if err := h.statusLine(line); err != nil {
		return about(err, line)
	}
	for n := 0; len(rest) > 0; n++ {
		if n == maxFields {
			return &ProtocolError{What: "it has too many header fields", Err: ErrHeadTooLarge}
		}
		line, rest = cutLine(rest)
		if err := h.field(line); err != nil {
			name, _, _ := bytes.Cut(line, []byte{':'})
			return about(err, name)
		}
	}
	if h.nlisted > 0 {
		h.into.Header.DelFunc(func(f exchange.Field) bool { return h.lists(f.Name) })
	}
	h.into.Status = h.status
	return nil
}

// cutLine takes the first line off b; every line there has its end.
func cutLine(b []byte) (line, rest []byte) {
	n := bytes.IndexByte(b, '\n')
	if n < 1 {
		return nil, nil
	}
	return b[: n-1 : n-1], b[n+1:]
}

// statusLine reads RFC 9112 section 4. A server may leave out the space in front
// of an empty reason, which many do.
func (h *head) statusLine(b []byte) error {
	const start = "HTTP/1.x 200"
	if len(b) < len(start) || string(b[:7]) != "HTTP/1." || b[7] != '0' && b[7] != '1' || b[8] != ' ' {
		return bad("no HTTP/1.1 status line")
	}
	code, ok := octets.Number(b[9:12])
	if !ok || code < 100 || code > 599 || len(b) > len(start) && b[12] != ' ' {
		return bad("malformed status")
	}
	if !octets.IsValue(b[12:]) {
		return bad("control byte in the status line")
	}
	h.version, h.status = b[7], int(code)
	return nil
}

// field reads one line, without its end.
func (h *head) field(line []byte) error {
	if len(line) > 0 && octets.IsSpace(line[0]) {
		return bad("folded header line")
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return bad("header line without a colon")
	}
	name, value := line[:colon:colon], octets.Trim(line[colon+1:])
	if !octets.IsToken(name) {
		return bad("malformed header name")
	}
	if !octets.IsValue(value) {
		return bad("control byte in a header value")
	}
	return h.dispatch(name, value)
}

// dispatch tells the fields that mean something here from those to forward. The
// length of a name decides most of them.
func (h *head) dispatch(name, value []byte) error {
	switch {
	case is(name, "content-length"):
		return h.setLength(value)
	case is(name, "transfer-encoding"):
		return h.setCoding(value)
	case is(name, "connection"):
		return h.connection(value)
	case is(name, "upgrade"):
		h.upgrade = value
		if h.nupgrade++; h.nupgrade > 1 {
			h.upgrade = nil // no single protocol
		}
	case is(name, "keep-alive"), is(name, "proxy-connection"), is(name, "trailer"), is(name, "te"):
	case forGateway(name):
	default:
		h.into.Header.Add(name, value)
	}
	return nil
}

func is(name []byte, s string) bool { return exchange.EqualFold(name, s) }

// forGateway reports whether the field is addressed to the gateway, and tells
// of files that are no client's business.
func forGateway(name []byte) bool {
	const accel = "x-accel-"
	return is(name, "x-sendfile") || len(name) >= len(accel) && is(name[:len(accel)], accel)
}

func (h *head) setLength(value []byte) error {
	n, ok := octets.Number(value)
	if !ok {
		return bad("malformed Content-Length")
	}
	if h.lengths++; h.lengths > 1 {
		return bad("more than one Content-Length")
	}
	h.length = n
	return nil
}

func (h *head) setCoding(value []byte) error {
	if h.codings++; h.codings > 1 {
		return bad("more than one Transfer-Encoding")
	}
	if !is(value, "chunked") {
		return bad("a transfer coding that was not asked for")
	}
	h.chunked = true
	return nil
}

// connection takes a Connection field (RFC 9110 section 7.6.1).
func (h *head) connection(value []byte) error {
	for {
		tok, rest, ok := octets.NextToken(value)
		switch {
		case !ok:
			return bad("malformed Connection")
		case tok == nil:
			return nil
		case is(tok, "close"):
			h.close = true
		case is(tok, "keep-alive"):
			h.keepAlive = true
		case is(tok, "upgrade"):
			h.connUpgrade = true
		case h.nlisted == maxListed:
			return bad("too many options in Connection")
		default:
			h.listed[h.nlisted] = tok
			h.nlisted++
		}
		value = rest
	}
}

func (h *head) lists(name []byte) bool {
	for _, tok := range h.listed[:h.nlisted] {
		if bytes.EqualFold(tok, name) {
			return true
		}
	}
	return false
}
