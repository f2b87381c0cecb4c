package http1

import "github.com/fcgigw/fcgigw/pkg/octets"

// fields parses the field lines (RFC 9112 section 5) up to the first empty
// line, which b has, and returns the bytes they and it take.
func (p *parser) fields(b []byte) (used int, err error) {
	maxBytes, maxLine, maxFields := p.lim.headerBytes(), p.lim.headerLine(), p.lim.headers()
	i := 0
	for n := 1; b[i] != '\r'; n++ {
		colon, strange, err := fieldName(b, i)
		if err != nil {
			return 0, err
		}
		end, err := lineEnd(b, colon+1)
		if err != nil {
			return 0, err
		}
		if end-i > maxLine {
			return 0, refuse(431, "field line too long")
		}
		if end+2 > maxBytes {
			return 0, refuse(431, "fields too large")
		}
		if n > maxFields {
			return 0, refuse(431, "too many fields")
		}
		p.field(b[i:colon:colon], octets.Trim(b[colon+1:end:end]), strange)
		i = end + 2
	}
	if b[i+1] != '\n' {
		return 0, bad("bare CR in a field line")
	}
	return i + 2, nil
}

// fieldName lower-cases the name that begins at i and returns where its colon
// is. strange says that it has other bytes than letters, digits and '-'.
func fieldName(b []byte, i int) (colon int, strange bool, err error) {
	var seen uint16
	j := i
	for ; j < len(b); j++ {
		c := octets.Lower(b[j])
		if c == 0 {
			break
		}
		b[j] = byte(c)
		seen |= c
	}
	switch {
	case j > i && j < len(b) && b[j] == ':':
		return j, seen&octets.Odd != 0, nil
	case j == i && j < len(b) && octets.IsSpace(b[j]):
		return 0, false, bad("folded field line")
	case j < len(b) && octets.IsSpace(b[j]):
		return 0, false, bad("space in a field name")
	}
	return 0, false, bad("malformed field name")
}

// lineEnd returns where the CRLF of the line is in which i lies.
func lineEnd(b []byte, i int) (int, error) {
	for {
		i = octets.ControlIndex(b, i)
		if i+1 >= len(b) {
			return 0, bad("field line without an end")
		}
		if b[i] == '\r' && b[i+1] == '\n' {
			return i, nil
		}
		if b[i] != '\t' {
			return 0, bad("control byte in a field value")
		}
		i++
	}
}

// field sorts one field; see the package comment.
func (p *parser) field(name, value []byte, strange bool) {
	switch string(name) {
	case "host":
		p.host = value
		p.hosts++
	case "content-length":
		p.length = value
		p.lengths++
	case "transfer-encoding":
		p.coding = value
		p.codings++
		return
	case "connection":
		p.listConnection(value)
		return
	case "upgrade":
		p.m.Upgrade = value
		p.upgrades++
		return
	case "expect":
		p.expectation(value)
		return
	case "trailer":
		p.listTrailer(value)
		return
	case "keep-alive", "proxy-connection", "te":
		return
	case "proxy":
		p.m.Dropped++
		return
	}
	if strange && !p.lim.allows(name) {
		p.m.Dropped++
		return
	}
	p.x.Request.Header.Add(name, value)
}
