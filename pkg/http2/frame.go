package http2

import "encoding/binary"

// frameType is a type of RFC 9113 section 6. Others are ignored (section 5.5).
type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameReset        frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

// Flags; ACK has the bit of END_STREAM on other frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	frameHead    = 9       // bytes of a frame's header
	maxFrame     = 1 << 14 // largest payload we take, and send (SETTINGS_MAX_FRAME_SIZE)
	maxWindow    = 1<<31 - 1
	firstWindow  = 1<<16 - 1 // both sides' windows before any SETTINGS (section 6.9.2)
	lastStreamID = 1<<31 - 1
)

// frame is one frame as it lies in the read buffer.
type frame struct {
	kind    frameType
	flags   uint8
	stream  uint32
	payload []byte
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// parseFrame reads the frame that b begins with and returns its size, or 0 when
// b does not hold all of it. A frame beyond maxFrame is an error as soon as its
// header is here (section 4.2); it ends the connection whatever its type, which
// the RFC allows.
func parseFrame(b []byte) (f frame, size int, err error) {
	if len(b) < frameHead {
		return f, 0, nil
	}
	n := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	if n > maxFrame {
		return f, 0, fatal(FrameSizeError, "frame too large")
	}
	size = frameHead + n
	if len(b) < size {
		return f, 0, nil
	}
	f = frame{
		kind: frameType(b[3]), flags: b[4],
		stream:  binary.BigEndian.Uint32(b[5:]) & lastStreamID,
		payload: b[frameHead:size:size],
	}
	return f, size, nil
}

// unpad returns the payload without its padding (section 6.1).
func (f *frame) unpad() ([]byte, error) {
	p := f.payload
	if !f.has(flagPadded) {
		return p, nil
	}
	if len(p) == 0 {
		return nil, fatal(FrameSizeError, "padded frame without a length")
	}
	pad := int(p[0])
	if pad >= len(p) {
		return nil, fatal(ProtocolError, "padding longer than its frame")
	}
	return p[1 : len(p)-pad], nil
}

// headerBlock returns the fragment in a HEADERS frame, and the stream that it
// says it depends on (0 if it says nothing; section 6.2).
func (f *frame) headerBlock() (block []byte, parent uint32, err error) {
	p, err := f.unpad()
	if err != nil || !f.has(flagPriority) {
		return p, 0, err
	}
	if len(p) < 5 {
		return nil, 0, fatal(FrameSizeError, "HEADERS too short for its priority")
	}
	return p[5:], binary.BigEndian.Uint32(p) & lastStreamID, nil
}

// word returns the number that a payload of four bytes is.
func (f *frame) word() uint32 { return binary.BigEndian.Uint32(f.payload) }

func appendFrameHead(b []byte, n int, kind frameType, flags uint8, stream uint32) []byte {
	return append(b, byte(n>>16), byte(n>>8), byte(n), byte(kind), flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func appendWord(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

func appendReset(b []byte, stream uint32, code ErrCode) []byte {
	return appendWord(appendFrameHead(b, 4, frameReset, 0, stream), uint32(code))
}

func appendWindowUpdate(b []byte, stream uint32, n int) []byte {
	return appendWord(appendFrameHead(b, 4, frameWindowUpdate, 0, stream), uint32(n))
}

// appendPing appends a PING with eight bytes of data, which an ACK returns.
func appendPing(b []byte, flags uint8, data []byte) []byte {
	return append(appendFrameHead(b, 8, framePing, flags, 0), data...)
}

// appendGoAway appends a GOAWAY: no stream above last was or will be served.
func appendGoAway(b []byte, last uint32, code ErrCode, debug string) []byte {
	b = appendFrameHead(b, 8+len(debug), frameGoAway, 0, 0)
	b = appendWord(appendWord(b, last), uint32(code))
	return append(b, debug...)
}
