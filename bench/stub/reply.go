package stub

import (
	"bytes"
	"encoding/binary"
)

// Head is the CGI response head of every reply.
const Head = "Content-Type: text/plain\r\n\r\n"

// reply is the ready-made answer to any request; only the request ids in its
// record headers have to be filled in.
type reply struct {
	bytes []byte
	ids   []int // offsets of the request ids
}

// newReply builds the reply whose body is Body(size).
func newReply(size int) reply {
	var r reply
	content := append([]byte(Head), Body(size)...)
	for len(content) > 0 {
		n := min(len(content), maxContent)
		r.add(typeStdout, content[:n])
		content = content[n:]
	}
	r.add(typeEnd, make([]byte, 8)) // application status 0, FCGI_REQUEST_COMPLETE
	return r
}

func (r *reply) add(kind byte, content []byte) {
	r.ids = append(r.ids, len(r.bytes)+2)
	r.bytes = appendRecord(r.bytes, kind, 0, content)
}

// appendTo appends the reply to request id to b.
func (r *reply) appendTo(b []byte, id uint16) []byte {
	start := len(b)
	b = append(b, r.bytes...)
	for _, at := range r.ids {
		binary.BigEndian.PutUint16(b[start+at:], id)
	}
	return b
}

// Body returns the size bytes that every reply carries: printable, and no two
// neighbouring stretches alike, so that a lost or doubled piece is seen.
func Body(size int) []byte {
	var b bytes.Buffer
	b.Grow(size + 16)
	for line := 0; b.Len() < size; line++ {
		b.WriteString(lineOf(line))
	}
	return b.Bytes()[:size]
}

// lineOf is line n of a body: eight digits and a line end.
func lineOf(n int) string {
	var s [9]byte
	for i := 7; i >= 0; i-- {
		s[i] = byte('0' + n%10)
		n /= 10
	}
	s[8] = '\n'
	return string(s[:])
}
