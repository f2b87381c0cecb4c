package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func config() Config {
	return Config{
		Encodings: []string{"zstd", "br", "gzip"}, Types: []string{"text/*", "application/json", "application/*+xml"},
		MinSize: 100, MaxEncoders: 8,
	}
}

func newCompressor(t testing.TB, c Config) *Compressor {
	t.Helper()
	z, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// newExchange returns a GET whose client takes the codings, with a response that
// is worth them.
func newExchange(acceptEncoding string) *exchange.Exchange {
	x := exchange.New()
	x.Reset()
	x.Request.Method = []byte("GET")
	x.Request.Major, x.Request.Minor = 1, 1
	if acceptEncoding != "" {
		x.Request.Header.AddString("accept-encoding", acceptEncoding)
	}
	x.Response.Header.AddString("Content-Type", "text/html; charset=utf-8")
	return x
}

// sink is a client that takes as many bytes as room says and holds the filter to
// the contract of exchange.Sink.
type sink struct {
	t       testing.TB
	r       *exchange.Response
	body    []byte
	room    func() int // nil: any number
	waits   int        // calls that had to wait
	heads   int        // writes without a body
	last    bool
	aborted bool
	err     error
}

func (s *sink) Interim(int, *exchange.Header) error { return nil }

func (s *sink) Start(r *exchange.Response) error {
	if s.r != nil {
		s.t.Error("started twice")
	}
	s.r = r
	return s.err
}

func (s *sink) TryWrite(p []byte, last bool) (int, error) {
	n := len(p)
	if s.room != nil {
		n = min(n, s.room())
	}
	return s.take(p, n, last)
}

func (s *sink) Write(p []byte, last bool) error {
	s.waits++
	_, err := s.take(p, len(p), last)
	return err
}

func (s *sink) take(p []byte, n int, last bool) (int, error) {
	switch {
	case s.err != nil:
		return 0, s.err
	case s.r == nil || s.last || s.aborted:
		s.t.Fatalf("write at the wrong time: started %t, complete %t, aborted %t", s.r != nil, s.last, s.aborted)
	case len(p) == 0:
		s.heads++
	}
	s.body = append(s.body, p[:n]...)
	s.last = last && n == len(p)
	return n, nil
}

func (s *sink) Abort()           { s.aborted = true }
func (s *sink) Started() bool    { return len(s.body) > 0 || s.heads > 0 }
func (s *sink) ClientGone() bool { return false }
func (s *sink) Sent() int64      { return int64(len(s.body)) }

// decode returns what body says. An encoded body without its end is an error.
func decode(coding string, body []byte) ([]byte, error) {
	r := bytes.NewReader(body)
	switch coding {
	case "":
		return body, nil
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		z.Multistream(false)
		return all(z, r)
	case "br":
		return all(brotli.NewReader(r), r)
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return all(z, r)
	}
	return nil, fmt.Errorf("unknown coding %q", coding)
}

func all(z io.Reader, rest *bytes.Reader) ([]byte, error) {
	b, err := io.ReadAll(z)
	if err == nil && rest.Len() > 0 {
		err = errors.New("bytes behind the end")
	}
	return b, err
}

// run sends body through a filter, in one write.
func run(t testing.TB, c *Compressor, x *exchange.Exchange, body []byte) *sink {
	t.Helper()
	s := &sink{t: t}
	var f Filter
	active, err := f.Start(c, x, s)
	if err != nil {
		t.Fatal(err)
	}
	var out exchangeWriter = s
	if active {
		out = &f
	}
	if err := out.Write(body, true); err != nil {
		t.Fatal(err)
	}
	if err := f.End(); err != nil || c.Busy() != 0 {
		t.Fatalf("End: %v, %d encoders in use", err, c.Busy())
	}
	return s
}

type exchangeWriter interface {
	TryWrite(p []byte, last bool) (int, error)
	Write(p []byte, last bool) error
}

// page returns n bytes of what compresses like text.
func page(n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "<li class=\"item\"><a href=\"/item/%d\">Item %x</a></li>\n", i*7919, i*i*31)
	}
	return b[:n]
}
