package static

import (
	"math/rand/v2"
	"os"
	"strconv"
)

// boundaryLen is the length of a boundary: 128 random bits in hex. The content
// cannot be made to hold it, since it is chosen anew for each response.
const boundaryLen = 32

// byteranges writes the framing of a multipart/byteranges body (RFC 9110 section
// 14.6).
type byteranges struct {
	boundary  []byte
	mediaType []byte
	size      int64
}

// appendHead appends what comes before part r.
func (m *byteranges) appendHead(b []byte, r span) []byte {
	b = append(b, "\r\n--"...)
	b = append(b, m.boundary...)
	b = append(b, "\r\nContent-Type: "...)
	b = append(b, m.mediaType...)
	b = append(b, "\r\nContent-Range: "...)
	b = appendContentRange(b, r, m.size)
	return append(b, "\r\n\r\n"...)
}

// appendTail appends what ends the body.
func (m *byteranges) appendTail(b []byte) []byte {
	b = append(b, "\r\n--"...)
	b = append(b, m.boundary...)
	return append(b, "--\r\n"...)
}

// length returns the size of the whole body in bytes.
func (m *byteranges) length(spans []span) int64 {
	var scratch [512]byte
	n := int64(len(m.appendTail(scratch[:0])))
	for _, r := range spans {
		n += int64(len(m.appendHead(scratch[:0], r))) + r.n
	}
	return n
}

func appendBoundary(b []byte) []byte {
	for range boundaryLen / 16 {
		s := strconv.FormatUint(rand.Uint64()|1<<63, 16) // 16 digits always
		b = append(b, s...)
	}
	return b
}

func (j *job) sendRanges(f *os.File, spans []span) error {
	j.describe(206)
	h := &j.x.Response.Header
	m := byteranges{
		boundary:  appendBoundary(j.x.Alloc(boundaryLen)[:0]),
		mediaType: h.Get("content-type"),
		size:      j.info.Size,
	}
	outer := append(make([]byte, 0, 80), "multipart/byteranges; boundary="...)
	h.Set(j.s.names.contentType, j.x.Copy(append(outer, m.boundary...)))
	j.x.Response.ContentLength = m.length(spans)
	if err := j.x.Sink.Start(&j.x.Response); err != nil {
		return j.started(err)
	}
	return j.started(j.sendParts(f, &m, spans))
}

func (j *job) sendParts(f *os.File, m *byteranges, spans []span) error {
	var scratch [512]byte
	for _, r := range spans {
		if err := j.x.Sink.Write(m.appendHead(scratch[:0], r), false); err != nil {
			return err
		}
		if err := j.send(f, r, false); err != nil {
			return err
		}
	}
	return j.x.Sink.Write(m.appendTail(scratch[:0]), true)
}
