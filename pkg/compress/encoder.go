package compress

import (
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// errEncoder: the library failed, which its writer never makes it do.
var errEncoder = errors.New("compress: the encoder failed")

// Level says how much work goes into the encoding.
type Level uint8

// The levels. What costs time is the size of the alphabet of tricks, so the
// ratio grows slowly: a page of text has 39, 36 and 34 per cent of its size at
// about 1, 1.5 and 6 times the work.
const (
	Fast Level = iota
	Default
	Best
)

const (
	// zstdWindow bounds an encoder's memory, and the decoder's. Pages are
	// smaller.
	zstdWindow = 256 << 10
	// brotliWindow is the same for br, as a power of two.
	brotliWindow = 18
)

// codec is what the libraries have in common.
type codec interface {
	io.Writer
	Flush() error
	Close() error
	Reset(w io.Writer)
}

// newCodec returns how to make the codec of a coding, or nil if there is none of
// that name.
func newCodec(coding string, l Level) func() codec {
	switch coding {
	case "gzip":
		level := [...]int{Fast: 2, Default: 5, Best: 9}[l]
		return func() codec { return must(gzip.NewWriterLevel(nil, level)) }
	case "br":
		opt := brotli.WriterOptions{Quality: [...]int{Fast: 2, Default: 4, Best: 6}[l], LGWin: brotliWindow}
		return func() codec { return brotli.NewWriterOptions(nil, opt) }
	case "zstd":
		level := [...]zstd.EncoderLevel{
			Fast: zstd.SpeedFastest, Default: zstd.SpeedDefault, Best: zstd.SpeedBetterCompression,
		}[l]
		return func() codec {
			return must(zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(zstdWindow),
				zstd.WithLowerEncoderMem(true), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false)))
		}
	}
	return nil
}

// must is for options that are constants here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encoder is a codec and the bytes it made that nobody has taken yet.
type encoder struct {
	codec
	out output
	of  *coding
}

// output collects what a codec writes.
type output []byte

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	*o = append(*o, p...)
	return len(p), nil
}

// begin makes e ready for a body.
func (e *encoder) begin() {
	e.out = e.out[:0]
	e.codec.Reset(&e.out)
}

// encode takes in p and, as far as how says, what is behind it. The libraries
// read bytes that strangers chose, partly on goroutines where a panic would be
// the end of everybody, so one is made an error of this response.
func (e *encoder) encode(p []byte, how flush) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errEncoder, v)
		}
	}()
	if len(p) > 0 {
		if _, err := e.codec.Write(p); err != nil {
			return fmt.Errorf("%w: %w", errEncoder, err)
		}
	}
	switch how {
	case flushAll:
		err = e.codec.Flush()
	case flushEnd:
		err = e.codec.Close()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errEncoder, err)
	}
	return nil
}

// flush says what must come out of an encoder.
type flush uint8

const (
	flushNone flush = iota // what it likes
	flushAll               // all that went in
	flushEnd               // and the end of the body
)
