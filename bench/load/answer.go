package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ErrAnswer is wrapped by every error about an answer that is not HTTP/1.1.
var ErrAnswer = errors.New("load: broken answer")

// maxHead bounds the head of an answer.
const maxHead = 32 << 10

// phase is the part of an answer that comes next.
type phase uint8

const (
	inHead phase = iota
	inBody
	inChunkSize
	inChunkData
	inChunkEnd // the line end behind a chunk
	inTrailer
	untilEOF
	complete
)

// Answer reads one HTTP/1.1 response to a GET request (RFC 9112), from pieces
// of any size. The zero value is ready.
type Answer struct {
	Status int
	Body   int64 // body bytes so far, without chunk framing
	Close  bool  // the server will close the connection
	Retry  bool  // there is a Retry-After field
	Keep   bool  // set before the first Feed: collect the body in Bytes
	Bytes  []byte

	phase phase
	left  int64  // bytes of the body or chunk still to come
	line  []byte // an incomplete head or line from earlier pieces
}

// Reset prepares for the next answer, keeping the buffers.
func (a *Answer) Reset() {
	*a = Answer{Keep: a.Keep, Bytes: a.Bytes[:0], line: a.line[:0]}
}

// Complete says whether the whole answer has been read.
func (a *Answer) Complete() bool { return a.phase == complete }

// Feed reads a piece and returns how many bytes of it belong to this answer:
// fewer than len(b) only when it is complete. It keeps no reference to b.
func (a *Answer) Feed(b []byte) (int, error) {
	total := len(b)
	for len(b) > 0 && a.phase != complete {
		n, err := a.step(b)
		if err != nil {
			return total - len(b), err
		}
		b = b[n:]
	}
	return total - len(b), nil
}

// EOF tells the end of the stream. It is an error unless the answer is one
// that ends with the connection.
func (a *Answer) EOF() error {
	if a.phase == untilEOF {
		a.phase = complete
	}
	if a.phase != complete {
		return fmt.Errorf("%w: connection closed within it, after %d body bytes", ErrAnswer, a.Body)
	}
	return nil
}

// step reads what it can of one phase; it always takes at least one byte.
func (a *Answer) step(b []byte) (int, error) {
	switch a.phase {
	case inHead:
		return a.upTo(b, "\r\n\r\n", a.head)
	case inChunkSize:
		return a.upTo(b, "\r\n", a.chunkSize)
	case inTrailer:
		return a.upTo(b, "\r\n", a.trailer)
	case inChunkEnd:
		return a.upTo(b, "\r\n", a.chunkEnd)
	case untilEOF:
		a.take(b)
		return len(b), nil
	}
	n := int(min(a.left, int64(len(b))))
	a.take(b[:n])
	if a.left -= int64(n); a.left == 0 {
		a.bodyPartDone()
	}
	return n, nil
}

func (a *Answer) take(b []byte) {
	a.Body += int64(len(b))
	if a.Keep {
		a.Bytes = append(a.Bytes, b...)
	}
}

func (a *Answer) bodyPartDone() {
	if a.phase == inChunkData {
		a.phase = inChunkEnd
		return
	}
	a.phase = complete
}

// upTo collects bytes up to mark and passes what is before it to use. The
// usual case, all in one piece, copies nothing.
func (a *Answer) upTo(b []byte, mark string, use func([]byte) error) (int, error) {
	if len(a.line) == 0 {
		if i := bytes.Index(b, []byte(mark)); i >= 0 {
			return i + len(mark), use(b[:i])
		}
		if len(b) > maxHead {
			return 0, fmt.Errorf("%w: head or line over %d bytes", ErrAnswer, maxHead)
		}
		a.line = append(a.line, b...)
		return len(b), nil
	}
	for i, c := range b {
		a.line = append(a.line, c)
		if bytes.HasSuffix(a.line, []byte(mark)) {
			line := a.line[:len(a.line)-len(mark)]
			a.line = a.line[:0]
			return i + 1, use(line)
		}
		if len(a.line) > maxHead {
			return 0, fmt.Errorf("%w: head or line over %d bytes", ErrAnswer, maxHead)
		}
	}
	return len(b), nil
}

// head reads a whole head, without its last two line ends.
func (a *Answer) head(b []byte) error {
	start, fields, _ := bytes.Cut(b, []byte("\r\n"))
	if err := a.statusLine(start); err != nil {
		return err
	}
	length, chunked := int64(-1), false
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(field, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case isName(name, "content-length"):
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil || n < 0 {
				return fmt.Errorf("%w: Content-Length %q", ErrAnswer, value)
			}
			length = n
		case isName(name, "transfer-encoding"):
			chunked = isName(value, "chunked")
		case isName(name, "connection"):
			a.Close = isName(value, "close")
		case isName(name, "retry-after"):
			a.Retry = len(value) > 0
		}
	}
	a.body(length, chunked)
	return nil
}

func (a *Answer) statusLine(b []byte) error {
	if len(b) < 12 || string(b[:9]) != "HTTP/1.1 " {
		return fmt.Errorf("%w: starts with %.40q", ErrAnswer, b)
	}
	n, err := strconv.Atoi(string(b[9:12]))
	if err != nil || n < 100 {
		return fmt.Errorf("%w: status %q", ErrAnswer, b[9:12])
	}
	a.Status = n
	return nil
}

// body finds out how the body is framed (RFC 9112, section 6.3).
func (a *Answer) body(length int64, chunked bool) {
	switch {
	case a.Status < 200:
		a.Close, a.phase = false, inHead // an interim answer: the real one follows
	case a.Status == 204 || a.Status == 304:
		a.phase = complete
	case chunked:
		a.phase = inChunkSize
	case length == 0:
		a.phase = complete
	case length > 0:
		a.left, a.phase = length, inBody
	default:
		a.Close, a.phase = true, untilEOF
	}
}

func (a *Answer) chunkSize(line []byte) error {
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 64)
	switch {
	case err != nil || n < 0:
		return fmt.Errorf("%w: chunk size %.20q", ErrAnswer, line)
	case n == 0:
		a.phase = inTrailer
	default:
		a.left, a.phase = n, inChunkData
	}
	return nil
}

func (a *Answer) chunkEnd(line []byte) error {
	if len(line) != 0 {
		return fmt.Errorf("%w: chunk followed by %.20q", ErrAnswer, line)
	}
	a.phase = inChunkSize
	return nil
}

func (a *Answer) trailer(line []byte) error {
	if len(line) == 0 {
		a.phase = complete
	}
	return nil
}

// isName compares without regard to case; want is in lower case. The length
// decides nearly always.
func isName(got []byte, want string) bool {
	return len(got) == len(want) && bytes.EqualFold(got, []byte(want))
}
