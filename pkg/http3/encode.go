package http3

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quic-go/qpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// encoder makes HEADERS frames. It keeps its storage.
type encoder struct {
	block bytes.Buffer
	qpack *qpack.Encoder
	frame []byte
}

func (e *encoder) begin(status int) {
	if e.qpack == nil {
		e.qpack = qpack.NewEncoder(&e.block)
	}
	e.block.Reset()
	_ = e.qpack.Close() // begins another section
	e.add(":status", strconv.Itoa(status))
}

// add appends a field; a write to a bytes.Buffer does not fail.
func (e *encoder) add(name, value string) {
	_ = e.qpack.WriteField(qpack.HeaderField{Name: name, Value: value})
}

// end returns the frame, valid until the next begin.
func (e *encoder) end() []byte {
	e.frame = appendFrameHead(e.frame[:0], frameHeaders, uint64(e.block.Len()))
	e.frame = append(e.frame, e.block.Bytes()...)
	return e.frame
}

// trim gives back storage that an unusually large head took.
func (e *encoder) trim() {
	if e.block.Cap() > keepBuffer || cap(e.frame) > keepBuffer {
		*e = encoder{}
	}
}

// interim returns the HEADERS frame of a 1xx response. A status outside 100 to
// 199 is an error, and so is 101, which HTTP/3 does not have.
func (e *encoder) interim(status int, h *exchange.Header) ([]byte, error) {
	if status/100 != 1 || status == 101 {
		return nil, fmt.Errorf("%w: interim status %d", http1.ErrField, status)
	}
	e.begin(status)
	if h != nil {
		if _, err := e.fields(h); err != nil {
			return nil, err
		}
	}
	return e.end(), nil
}

// final returns the HEADERS frame of a final response, whose body has length
// bytes; -1 declares none.
func (e *encoder) final(status int, h *exchange.Header, length int64, server string, now time.Time) ([]byte, error) {
	if status < 200 || status > 999 {
		return nil, fmt.Errorf("%w: status %d", http1.ErrField, status)
	}
	e.begin(status)
	seen, err := e.fields(h)
	if err != nil {
		return nil, err
	}
	if !seen.date {
		e.add("date", now.UTC().Format(timeFormat))
	}
	if !seen.server && server != "" {
		e.add("server", server)
	}
	if length >= 0 && !exchange.NoBodyStatus(status) {
		e.add("content-length", strconv.FormatInt(length, 10))
	}
	return e.end(), nil
}

// timeFormat is IMF-fixdate (RFC 9110 section 5.6.7).
const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// seenFields says which of the fields we would add the response has.
type seenFields struct{ date, server bool }

// fields encodes all fields of h but those of the connection.
func (e *encoder) fields(h *exchange.Header) (seen seenFields, err error) {
	for _, f := range h.All() {
		if !octets.IsToken(f.Name) {
			return seen, fmt.Errorf("%w: name %.40q", http1.ErrField, f.Name)
		}
		if !octets.IsValue(f.Value) {
			return seen, fmt.Errorf("%w: control byte in the value of %.40q", http1.ErrField, f.Name)
		}
		name := strings.ToLower(string(f.Name))
		switch name {
		case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
			"content-length", "trailer", "te":
			continue
		case "date":
			seen.date = true
		case "server":
			seen.server = true
		}
		e.add(name, string(bytes.Trim(f.Value, " \t")))
	}
	return seen, nil
}
