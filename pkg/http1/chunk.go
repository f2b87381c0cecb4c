package http1

import (
	"fmt"

	"github.com/fcgigw/fcgigw/pkg/octets"
)

// Bounds of what a chunked body may carry besides its content.
const (
	maxChunkLine = 256  // bytes of a chunk-size line without CRLF, extensions included
	maxChunkExt  = 4096 // bytes of all chunk extensions of a body
	maxTrailer   = 2048 // bytes of the trailer section unless Reset says otherwise
)

// chunkState is what a ChunkedReader expects next.
type chunkState uint8

const (
	chunkSize        chunkState = iota // the first digit of a size
	chunkDigits                        // more digits, an extension or CR
	chunkExt                           // bytes of an extension, or CR
	chunkSizeLF                        // LF behind a size line
	chunkData                          // content
	chunkDataCR                        // CR behind content
	chunkDataLF                        // LF behind content
	chunkTrailer                       // the first byte of a trailer line, or CR
	chunkTrailerName                   // more of a trailer's name, or colon
	chunkTrailerText                   // a trailer's value, or CR
	chunkTrailerLF                     // LF behind a trailer
	chunkEndLF                         // LF behind the empty line
	chunkDone
)

// ChunkedReader decodes a chunked body piece by piece (RFC 9112 section 7.1).
// The zero value is at the beginning of a body. Chunk extensions and trailers
// are checked for their syntax, bounded and dropped. It holds no bytes.
type ChunkedReader struct {
	left  int64 // bytes of the chunk's content still to come
	line  int   // bytes of the size line so far
	exts  int   // bytes of extensions so far
	tail  int   // bytes of the trailer section so far
	limit int   // of tail; zero means maxTrailer
	state chunkState
}

// Reset prepares c for another body whose trailer section may have maxTrailers
// bytes, or 2048 when that is zero.
func (c *ChunkedReader) Reset(maxTrailers int) { *c = ChunkedReader{limit: maxTrailers} }

// Decode reads from src and writes content to dst until one of them is used up
// or the body ends. It returns how much of each it took, and done when the body
// is complete, trailers included; the rest of src is the next request. It goes
// on over framing when dst is full or empty, as far as src reaches.
//
// dst may begin at the same byte as src or before it: content never runs ahead
// of the framing around it.
//
// Errors wrap ErrChunk and stick only as far as the caller does: after one
// close the connection. nsrc and ndst then count what was good.
func (c *ChunkedReader) Decode(src, dst []byte) (nsrc, ndst int, done bool, err error) {
	for nsrc < len(src) && c.state != chunkDone {
		if c.state != chunkData {
			if err := c.framing(src[nsrc]); err != nil {
				return nsrc, ndst, false, err
			}
			nsrc++
			continue
		}
		room := min(int64(len(src)-nsrc), int64(len(dst)-ndst), c.left)
		if room == 0 {
			break
		}
		copy(dst[ndst:], src[nsrc:nsrc+int(room)])
		nsrc += int(room)
		ndst += int(room)
		c.left -= room
		if c.left == 0 {
			c.state = chunkDataCR
		}
	}
	return nsrc, ndst, c.state == chunkDone, nil
}

// framing takes one byte that is not content.
func (c *ChunkedReader) framing(b byte) error {
	switch c.state {
	case chunkSize, chunkDigits, chunkExt:
		return c.sizeLine(b)
	case chunkSizeLF:
		if c.left == 0 {
			return c.expect(b, '\n', chunkTrailer)
		}
		return c.expect(b, '\n', chunkData)
	case chunkDataCR:
		return c.expect(b, '\r', chunkDataLF)
	case chunkDataLF:
		c.line = 0
		return c.expect(b, '\n', chunkSize)
	}
	return c.trailer(b)
}

func (c *ChunkedReader) expect(b, want byte, next chunkState) error {
	if b != want {
		return chunkError("CRLF missing")
	}
	c.state = next
	return nil
}

// sizeLine takes a byte of a chunk size and its extensions. White space behind
// the digits, which the grammar allows before an extension only and servers
// treat differently, is an error.
func (c *ChunkedReader) sizeLine(b byte) error {
	if b == '\r' && c.state != chunkSize {
		c.state = chunkSizeLF
		return nil
	}
	if c.line++; c.line > maxChunkLine {
		return chunkError("size line too long")
	}
	if c.state == chunkExt {
		return c.extension(b)
	}
	if b == ';' && c.state == chunkDigits {
		c.state = chunkExt
		return c.extension(b)
	}
	d := hexDigit(b)
	if d > 15 {
		return chunkError("malformed size")
	}
	// Sixteen digits at most, leading zeros included, and far from the sign bit
	// even when somebody doubles it.
	if c.line > 16 || c.left >= 1<<56 {
		return chunkError("size too large")
	}
	c.left = c.left<<4 | int64(d)
	c.state = chunkDigits
	return nil
}

func (c *ChunkedReader) extension(b byte) error {
	if c.exts++; c.exts > maxChunkExt {
		return chunkError("too many extensions")
	}
	if !valueByte(b) {
		return chunkError("control byte in an extension")
	}
	return nil
}

func valueByte(b byte) bool { return b >= ' ' && b != 0x7f || b == '\t' }

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// trailer takes a byte of the trailer section (RFC 9112 section 7.1.2).
func (c *ChunkedReader) trailer(b byte) error {
	if c.tail++; c.tail > or(c.limit, maxTrailer) {
		return chunkError("trailers too large")
	}
	switch c.state {
	case chunkTrailer:
		if b == '\r' {
			c.state = chunkEndLF
			return nil
		}
		c.state = chunkTrailerName
		return trailerName(b)
	case chunkTrailerName:
		if b == ':' {
			c.state = chunkTrailerText
			return nil
		}
		return trailerName(b)
	case chunkTrailerText:
		return c.trailerText(b)
	case chunkTrailerLF:
		return c.expect(b, '\n', chunkTrailer)
	}
	return c.expect(b, '\n', chunkDone)
}

func trailerName(b byte) error {
	if octets.Lower(b) == 0 {
		return chunkError("malformed trailer name")
	}
	return nil
}

func (c *ChunkedReader) trailerText(b byte) error {
	if b == '\r' {
		c.state = chunkTrailerLF
		return nil
	}
	if !valueByte(b) {
		return chunkError("control byte in a trailer")
	}
	return nil
}

func chunkError(reason string) error { return fmt.Errorf("%w: %s", ErrChunk, reason) }
