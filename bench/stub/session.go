package stub

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrProtocol is wrapped by every error about bytes that break the FastCGI
// rules; the connection they came on is closed.
var ErrProtocol = errors.New("stub: protocol error")

// maxParams bounds the params bytes kept for one request.
const maxParams = 1 << 20

// request is one request between BEGIN_REQUEST and its answer.
type request struct {
	params     []byte // only what could not be checked in place
	paramsDone bool
	keep       bool
}

// session is the FastCGI side of one connection, without any socket: bytes in,
// bytes out. It is used by one goroutine.
type session struct {
	multiplex bool
	reply     *reply

	partial []byte // an incomplete record, from earlier calls
	active  map[uint16]*request
	free    []*request

	out    []byte // answers not written yet; the owner cuts off what it wrote
	served int
	last   bool // a request without FCGI_KEEP_CONN was answered: close after out
}

func newSession(multiplex bool, r *reply) *session {
	return &session{multiplex: multiplex, reply: r, active: make(map[uint16]*request)}
}

// feed takes bytes from the peer and appends the answers they complete to out.
// It keeps no reference to b.
func (s *session) feed(b []byte) error {
	if len(s.partial) > 0 {
		s.partial = append(s.partial, b...)
		b = s.partial
	}
	for !s.last {
		n, err := s.record(b)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		b = b[n:]
	}
	s.partial = append(s.partial[:0], b...)
	return nil
}

// record handles the record at the start of b and returns its length, 0 if it
// is not complete.
func (s *session) record(b []byte) (int, error) {
	if len(b) < headerLen {
		return 0, nil
	}
	h, ok := parseHeader(b)
	if !ok {
		return 0, fmt.Errorf("%w: version %d", ErrProtocol, b[0])
	}
	end := headerLen + h.content + h.padding
	if len(b) < end {
		return 0, nil
	}
	return end, s.handle(h, b[headerLen:headerLen+h.content])
}

func (s *session) handle(h header, content []byte) error {
	if h.id == 0 {
		return s.management(h.kind, content)
	}
	if h.kind == typeBegin {
		return s.begin(h.id, content)
	}
	r := s.active[h.id]
	if r == nil {
		return fmt.Errorf("%w: record type %d for request %d, which is not open", ErrProtocol, h.kind, h.id)
	}
	switch h.kind {
	case typeParams:
		return s.params(r, content)
	case typeStdin:
		return s.stdin(h.id, r, content)
	case typeAbort:
		s.finish(h.id, r)
		return nil
	}
	return fmt.Errorf("%w: record type %d", ErrProtocol, h.kind)
}

func (s *session) begin(id uint16, content []byte) error {
	switch {
	case len(content) != 8:
		return fmt.Errorf("%w: BEGIN_REQUEST of %d bytes", ErrProtocol, len(content))
	case s.active[id] != nil:
		return fmt.Errorf("%w: request %d begun twice", ErrProtocol, id)
	case !s.multiplex && len(s.active) > 0:
		return fmt.Errorf("%w: request %d begun while another is open", ErrProtocol, id)
	case binary.BigEndian.Uint16(content) != roleResponder:
		return fmt.Errorf("%w: role %d", ErrProtocol, binary.BigEndian.Uint16(content))
	}
	r := s.take()
	r.keep = content[2]&flagKeepConn != 0
	s.active[id] = r
	return nil
}

// params checks the params when the stream ends. The usual case, all of them
// in one record, costs one walk and one copy.
func (s *session) params(r *request, content []byte) error {
	switch {
	case r.paramsDone:
		return fmt.Errorf("%w: PARAMS after their end", ErrProtocol)
	case len(content) > 0 && len(r.params)+len(content) > maxParams:
		return fmt.Errorf("%w: more than %d bytes of params", ErrProtocol, maxParams)
	case len(content) > 0:
		r.params = append(r.params, content...)
		return nil
	}
	r.paramsDone = true
	return checkParams(r.params)
}

// checkParams asks that b be whole pairs and name a script.
func checkParams(b []byte) error {
	script := false
	for len(b) > 0 {
		name, value, rest, ok := nextPair(b)
		if !ok {
			return fmt.Errorf("%w: params end within a pair", ErrProtocol)
		}
		if string(name) == "SCRIPT_FILENAME" && len(value) > 0 {
			script = true
		}
		b = rest
	}
	if !script {
		return fmt.Errorf("%w: no SCRIPT_FILENAME", ErrProtocol)
	}
	return nil
}

func (s *session) stdin(id uint16, r *request, content []byte) error {
	if !r.paramsDone {
		return fmt.Errorf("%w: STDIN before the end of PARAMS", ErrProtocol)
	}
	if len(content) > 0 {
		return nil
	}
	s.finish(id, r)
	s.served++
	return nil
}

// finish answers a request and forgets it.
func (s *session) finish(id uint16, r *request) {
	s.out = s.reply.appendTo(s.out, id)
	s.last = !r.keep
	delete(s.active, id)
	s.free = append(s.free, r)
}

func (s *session) take() *request {
	n := len(s.free)
	if n == 0 {
		return new(request)
	}
	r := s.free[n-1]
	s.free = s.free[:n-1]
	*r = request{params: r.params[:0]}
	return r
}

// management answers GET_VALUES with FCGI_MPXS_CONNS, when that is asked for,
// and anything else with UNKNOWN_TYPE (sections 4.1 and 4.2).
func (s *session) management(kind byte, content []byte) error {
	if kind != typeGetValues {
		s.out = appendRecord(s.out, typeUnknown, 0, []byte{kind, 0, 0, 0, 0, 0, 0, 0})
		return nil
	}
	var values []byte
	for len(content) > 0 {
		name, _, rest, ok := nextPair(content)
		if !ok {
			return fmt.Errorf("%w: GET_VALUES ends within a pair", ErrProtocol)
		}
		if string(name) == "FCGI_MPXS_CONNS" {
			values = append(values, byte(len(name)), 1)
			values = append(values, name...)
			values = append(values, s.mpxs())
		}
		content = rest
	}
	s.out = appendRecord(s.out, typeGetValuesResult, 0, values)
	return nil
}

func (s *session) mpxs() byte {
	if s.multiplex {
		return '1'
	}
	return '0'
}
