package http3

import (
	"errors"
	"io"

	"github.com/quic-go/quic-go/quicvarint"
)

// Frame types (RFC 9114 section 7.2, RFC 9218 section 7.2).
const (
	frameData        = 0x0
	frameHeaders     = 0x1
	frameCancelPush  = 0x3
	frameSettings    = 0x4
	framePushPromise = 0x5
	frameGoAway      = 0x7
	frameMaxPushID   = 0xd
)

// maxFrameHead is the most bytes that type and length of a frame take.
const maxFrameHead = 16

// junkMax bounds what one stream may carry beyond the request itself: frames of
// unknown type, empty frames. Greasing takes a few bytes (RFC 9114 section
// 7.2.8).
const junkMax = 64 << 10

// frame reads type and length of the next frame. The end of the stream in front
// of it is io.EOF.
func (d *reader) frame() (kind, length uint64, err error) {
	if kind, err = d.varint(); err != nil {
		return 0, 0, err
	}
	length, err = d.varint()
	return kind, length, unexpected(err)
}

// requestFrame returns the next DATA or HEADERS frame of a request stream and
// skips unknown ones, whose bytes come off *junk (RFC 9114 section 9).
func (d *reader) requestFrame(junk *uint64) (kind, length uint64, err error) {
	for {
		kind, length, err = d.frame()
		switch {
		case err != nil:
			return 0, 0, truncated(err)
		case kind == frameData, kind == frameHeaders:
			return kind, length, nil
		case known(kind):
			return 0, 0, fatal(codeFrameUnexpected, "frame that no request has")
		}
		if err := spend(junk, length); err != nil {
			return 0, 0, err
		}
		if err := d.skip(length); err != nil {
			return 0, 0, truncated(err)
		}
	}
}

// spend takes a frame without content off what a stream may carry of them.
func spend(junk *uint64, length uint64) error {
	if length > *junk || *junk-length < maxFrameHead {
		return fatal(codeExcessiveLoad, "too many frames without content")
	}
	*junk -= length + maxFrameHead
	return nil
}

// known reports whether the type has a meaning elsewhere, or belongs to HTTP/2
// (RFC 9114 section 11.2.1), so that it is an error on a request stream.
func known(kind uint64) bool {
	switch kind {
	case frameCancelPush, frameSettings, framePushPromise, frameGoAway, frameMaxPushID:
		return true
	}
	return ofHTTP2(kind)
}

func ofHTTP2(kind uint64) bool {
	return kind == 0x2 || kind == 0x6 || kind == 0x8 || kind == 0x9
}

// truncated makes a stream that ended within a frame an error of the connection
// (RFC 9114 section 7.1).
func truncated(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fatal(codeFrameError, "stream ends within a frame")
	}
	return err
}

func appendFrameHead(b []byte, kind, length uint64) []byte {
	return quicvarint.Append(quicvarint.Append(b, kind), length)
}
