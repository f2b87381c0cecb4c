package http1

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// Meta is what a request head says about the connection and its framing, and
// the state of a head that has come in part. The zero value is ready; one Meta
// serves all heads of a connection, one after the other. Its slices alias the
// buffer like those of the Exchange.
type Meta struct {
	KeepAlive bool // the connection may serve another request (RFC 9112 section 9.3)
	Chunked   bool // the body has the chunked coding; Request.ContentLength is -1
	Expect100 bool // the client waits for 100 before it sends the body there is
	Asterisk  bool // the target is "*": OPTIONS about the server as a whole
	Absolute  bool // the target was in absolute form, and its authority won over Host
	HasHost   bool // there was a Host field

	// Upgrade is the value of the one Upgrade field, nil unless Connection names it
	// and the version is 1.1 (RFC 9110 section 7.8). Request.Upgrade is set if the
	// request could be granted it.
	Upgrade []byte

	Dropped int // fields left out for their names, see Limits.AllowNames

	scan int // bytes of an incomplete head known not to hold its end
	line int // where the incomplete line begins

	listed  [maxListed][]byte // names in Connection without a meaning of their own
	nlisted int
}

// maxListed bounds the names a Connection field may list.
const maxListed = 16

// Restart forgets an incomplete head, for a connection that gets another
// buffer's worth of other bytes; heads that were complete or refused need no
// such call.
func (m *Meta) Restart() { m.reset() }

func (m *Meta) reset() {
	listed := m.listed
	*m = Meta{listed: listed}
}

// ParseHead reads the request head that buf begins with. It returns how many
// bytes it took; what follows is the body. x must have been Reset; its Request
// is filled but for Body and Conn, and m with the rest. Slices in both alias
// buf, in which field names are lower-cased.
//
// With ErrIncomplete call again with the same bytes and more behind them, at
// the same place in memory or not, and the same m: what was looked at is not
// looked at again. Limits are enforced, and line ends checked, in an incomplete
// head as well.
//
// Other errors are *StatusError: 400, 405 (TRACE and CONNECT), 414, 417, 431,
// 501 or 505. x then holds what came before the fault, for the log only.
func ParseHead(buf []byte, lim *Limits, x *exchange.Exchange, m *Meta) (used int, err error) {
	start, end, err := m.findEnd(buf, lim)
	if err != nil {
		return 0, err
	}
	m.reset()
	p := parser{x: x, lim: lim, m: m}
	used, err = p.head(buf[start:end])
	if err != nil {
		return 0, err
	}
	return start + used, nil
}

// headEnd is constant.
var headEnd = []byte("\r\n\r\n")

// findEnd returns where the request line begins, and an end of lines behind
// which the head does not reach: the end of buf if that is one, which spares a
// request without a body the search.
func (m *Meta) findEnd(buf []byte, lim *Limits) (start, end int, err error) {
	start, err = skipEmptyLine(buf)
	if err != nil {
		return 0, 0, err
	}
	if m.scan > len(buf) {
		m.reset() // not the head that was begun
	}
	from := max(m.scan, start)
	if bytes.HasSuffix(buf[from:], headEnd) {
		return start, len(buf), nil
	}
	if i := bytes.Index(buf[from:], headEnd); i >= 0 {
		return start, from + i + len(headEnd), nil
	}
	if err := m.checkPart(buf, start, from, lim); err != nil {
		m.reset()
		return 0, 0, err
	}
	m.scan = max(start, len(buf)-len(headEnd)+1)
	return 0, 0, ErrIncomplete
}

// skipEmptyLine returns where the request line begins: behind one CRLF, which
// old clients send after a body (RFC 9112 section 2.2). It looks at the first
// byte too, so that a client which does not speak HTTP need not be waited for.
func skipEmptyLine(buf []byte) (start int, err error) {
	if len(buf) > 0 && buf[0] == '\r' {
		if len(buf) > 1 && buf[1] != '\n' {
			return 0, bad("bare CR before the request line")
		}
		start = min(len(buf), 2)
	}
	if len(buf) > start && octets.Lower(buf[start]) == 0 {
		return 0, bad("request does not begin with a method")
	}
	return start, nil
}

// checkPart looks at the bytes of an incomplete head from from on.
func (m *Meta) checkPart(buf []byte, start, from int, lim *Limits) error {
	m.line = max(m.line, start)
	for i := from; ; {
		n := bytes.IndexByte(buf[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		if i-2 < start || buf[i-2] != '\r' {
			return bad("line ends in a bare LF")
		}
		m.line = i
	}
	open := len(buf) - m.line
	switch {
	case m.line == start && open > lim.requestLine()+1:
		return refuse(414, "request line too long")
	case m.line > start && open > lim.headerLine()+1:
		return refuse(431, "field line too long")
	case len(buf)-start >= lim.MaxHead()-len("\r\n"):
		return refuse(431, "head too large")
	}
	return nil
}

// parser holds what is gathered from one head until it can be judged.
type parser struct {
	x   *exchange.Exchange
	lim *Limits
	m   *Meta

	version10 bool
	authority []byte // of a target in absolute form

	host, length, coding    []byte
	hosts, lengths, codings int
	upgrades                int

	close, keepAlive, upgrade, expect bool

	err error // of the first field that is wrong by itself
}

// head parses the head that b begins with and returns its size. There is an
// empty line in b, at the end if not before.
func (p *parser) head(b []byte) (used int, err error) {
	n := bytes.IndexByte(b, '\r')
	if n > p.lim.requestLine() {
		return 0, refuse(414, "request line too long")
	}
	if b[n+1] != '\n' {
		return 0, bad("control byte in the request line")
	}
	if err := p.requestLine(b[:n]); err != nil {
		return 0, err
	}
	used, err = p.fields(b[n+2:])
	if err != nil {
		return 0, err
	}
	return n + 2 + used, p.settle()
}

// settle judges what the fields say together.
func (p *parser) settle() error {
	if p.err != nil {
		return p.err
	}
	if err := p.framing(); err != nil {
		return err
	}
	if err := p.setHost(); err != nil {
		return err
	}
	p.connection()
	return nil
}
