package fcgi

// maxWhole is the longest content accepted of a record that is delivered
// whole. END_REQUEST and UNKNOWN_TYPE have 8 bytes; GET_VALUES_RESULT is the
// only one with a free length, and three short pairs are all it can say.
const maxWhole = 1024

// MinParse is the buffer space that always suffices for Parser to make
// progress: the longest record that it delivers whole, with its padding.
const MinParse = HeaderLen + maxWhole + 255

// Part is what Parser found: a piece of a stream record's content, or the
// whole content of any other record.
type Part struct {
	Type    Type   // 0: nothing yet, more input is needed
	ID      uint16 // request id of the record
	Payload []byte // slice of the parsed input
	EOS     bool   // the record is empty, which ends a stream
}

// Parser takes a sequence of records apart without holding any of it. Content
// of stream records (PARAMS, STDIN, STDOUT, STDERR, DATA and unknown types) is
// delivered as it arrives, in pieces; the other records are delivered whole.
// The zero Parser is ready for use at the start of a connection.
type Parser struct {
	cur  Header // the stream record being delivered
	left int    // content bytes of cur still to come
	pad  int    // padding bytes to skip before the next header
}

// Next returns the next part of b and how many bytes of b it used. A part of
// type 0 means that more input is needed: the caller keeps b[used:], at most
// MinParse bytes, and calls again with more behind it. The payload is valid as
// long as b is. Errors are *ProtocolError, after which the Parser is of no
// further use.
func (p *Parser) Next(b []byte) (part Part, used int, err error) {
	if p.left > 0 {
		return p.piece(b)
	}
	used = min(p.pad, len(b))
	p.pad -= used
	b = b[used:]
	if p.pad > 0 || len(b) < HeaderLen {
		return Part{}, used, nil
	}
	h, err := ParseHeader(b)
	if err != nil {
		return Part{}, used, err
	}
	if h.Type == 0 {
		return Part{}, used, &ProtocolError{What: "type not allowed", ID: h.ID}
	}
	if !h.Type.stream() {
		part, n, err := whole(h, b)
		return part, used + n, err
	}
	used += HeaderLen
	p.cur, p.left, p.pad = h, int(h.Len), int(h.Pad)
	if p.left == 0 {
		return Part{Type: h.Type, ID: h.ID, EOS: true}, used, nil
	}
	part, n, err := p.piece(b[HeaderLen:])
	return part, used + n, err
}

// Clean says whether everything parsed so far ended at a record's end.
func (p *Parser) Clean() bool { return p.left == 0 && p.pad == 0 }

// piece delivers what b holds of the current stream record.
func (p *Parser) piece(b []byte) (Part, int, error) {
	n := min(p.left, len(b))
	if n == 0 {
		return Part{}, 0, nil
	}
	p.left -= n
	return Part{Type: p.cur.Type, ID: p.cur.ID, Payload: b[:n:n]}, n, nil
}

// whole delivers the record with header h at the start of b once all of it,
// padding included, is there: what follows it then starts at a header.
func whole(h Header, b []byte) (Part, int, error) {
	if h.Len > maxWhole {
		return Part{}, 0, &ProtocolError{What: "oversized content", ID: h.ID, Type: h.Type}
	}
	end := HeaderLen + int(h.Len)
	if len(b) < end+int(h.Pad) {
		return Part{}, 0, nil
	}
	return Part{Type: h.Type, ID: h.ID, Payload: b[HeaderLen:end:end], EOS: h.Len == 0}, end + int(h.Pad), nil
}
