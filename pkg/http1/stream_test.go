package http1

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// hostileSeeds is what the rows of test/hostile send, a quoted string a line.
//
//go:embed testdata/hostile.txt
var hostileSeeds string

func seeds(t testing.TB) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(hostileSeeds) {
		s, err := strconv.Unquote(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, s)
	}
	return append(list, allRows()...)
}

// message is a request as one of the two parsers understands it, body included.
type message struct {
	used int // bytes of the stream
	body []byte
}

// readOurs reads the request that raw begins with.
func readOurs(raw []byte, x *exchange.Exchange, m *Meta) (message, error) {
	used, err := ParseHead(raw, new(Limits), x, m)
	if err != nil {
		return message{}, err
	}
	rest := raw[used:]
	n := x.Request.ContentLength
	switch {
	case n > int64(len(rest)):
		return message{}, io.ErrUnexpectedEOF
	case n >= 0:
		return message{used + int(n), rest[:n]}, nil
	}
	var c ChunkedReader
	body := make([]byte, len(rest))
	nsrc, ndst, done, err := c.Decode(rest, body)
	if err == nil && !done {
		err = io.ErrUnexpectedEOF
	}
	return message{used + nsrc, body[:ndst]}, err
}

// readTheirs reads the request that raw begins with by net/http, and holds it
// against what net/http's Server demands of it besides.
//
// One thing is taken from raw that ReadRequest does not know: the empty line
// that may come in front (RFC 9112 section 2.2).
func readTheirs(raw []byte) (*http.Request, message, error) {
	skipped := len(raw)
	raw = bytes.TrimPrefix(raw, []byte("\r\n"))
	skipped -= len(raw)
	br := bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+128<<10) // it peeks for the end of the trailers
	req, err := http.ReadRequest(br)
	if err != nil {
		return nil, message{}, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, message{}, fmt.Errorf("body: %w", err)
	}
	if err := serverDemands(req); err != nil {
		return nil, message{}, err
	}
	return req, message{skipped + len(raw) - br.Buffered(), body}, nil
}

var errDemand = errors.New("what the Server demands")

func serverDemands(req *http.Request) error {
	if !httpguts.ValidHostHeader(req.Host) {
		return fmt.Errorf("%w: host %q", errDemand, req.Host)
	}
	for name, values := range req.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("%w: name %q", errDemand, name)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("%w: value %q", errDemand, v)
			}
		}
	}
	return nil
}

// diffStream reads raw as a stream of requests: as long as we accept, net/http
// must accept too, with the same meaning, body and size, so that the next
// request begins at the same byte for both.
//
// What we refuse net/http may take; why is with diffHead, and for bodies: white
// space behind a chunk size, more than sixteen digits, bare LFs, control bytes in
// extensions and trailers, and extensions and trailers beyond our bounds.
//
// There is no exception in the other direction: nothing is accepted here that
// net/http refuses or reads otherwise, but for the empty line in readTheirs.
func diffStream(t *testing.T, raw []byte) {
	t.Helper()
	for range 8 {
		x, m := exchange.New(), new(Meta)
		ours, err := readOurs(bytes.Clone(raw), x, m)
		if err != nil {
			return
		}
		req, theirs, err := readTheirs(raw)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", raw, err)
		}
		diffRequest(t, raw, x, m, req)
		diffFields(t, raw, x, m, req)
		if ours.used != theirs.used || !bytes.Equal(ours.body, theirs.body) {
			t.Fatalf("%q: %d bytes, body %q; net/http says %d bytes, body %q", raw, ours.used, ours.body, theirs.used, theirs.body)
		}
		raw = raw[ours.used:]
		if !m.KeepAlive || len(raw) == 0 {
			return
		}
	}
}

func TestNetHTTPReadsAcceptedStreamsTheSame(t *testing.T) {
	for _, raw := range seeds(t) {
		diffStream(t, []byte(raw))
		diffStream(t, []byte(raw+browserHead))
	}
}

// FuzzAgainstNetHTTP holds streams of requests against net/http's reading of
// them.
func FuzzAgainstNetHTTP(f *testing.F) {
	for _, raw := range seeds(f) {
		f.Add([]byte(raw))
	}
	f.Fuzz(diffStream)
}
