package http3

import (
	"errors"
	"io"

	"github.com/quic-go/qpack"

	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// trailer reads the trailer section, checks it and forgets it (RFC 9114
// sections 4.1.2 and 4.3).
func (b *body) trailer(length uint64) {
	b.trailers = true
	if length > uint64(b.max) {
		b.err = badBody("trailers too large")
		return
	}
	block, err := b.in.take(int(length))
	if err != nil {
		b.broken(truncated(err))
		return
	}
	reason, err := checkTrailers(block, b.max)
	switch {
	case err != nil:
		b.broken(err)
	case reason != "":
		b.err = badBody(reason)
	}
}

// checkTrailers decodes a section of up to limit bytes, counted as fields of a
// head are. reason says what is wrong with a field, if anything is; err is a
// *connError when the section cannot be decoded.
func checkTrailers(block []byte, limit int) (reason string, err error) {
	next := qpack.NewDecoder().Decode(block)
	size := 0
	for {
		f, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return reason, nil
		case err != nil:
			return "", fatal(codeDecompressionFailed, "malformed trailer section")
		}
		if size += len(f.Name) + len(f.Value) + fieldCost; size > limit {
			return "trailers too large", nil
		}
		if reason == "" && !trailerField(f.Name, f.Value) {
			reason = "malformed trailers"
		}
	}
}

// trailerField reports whether a field may stand in trailers.
func trailerField(name, value string) bool {
	_, ok := octets.LowerName(name) // no pseudo-header field has such a one
	return ok && octets.IsTrimmed([]byte(value)) && !http1.OfConnection(name, value)
}
