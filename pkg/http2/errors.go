package http2

import "errors"

// ErrCode is an error code of RFC 9113 section 7.
type ErrCode uint32

// The error codes we send or look at.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
)

// connError ends the connection (RFC 9113 section 5.4.1). Its reason goes into
// the GOAWAY frame: constant text without the client's bytes.
type connError struct {
	code   ErrCode
	reason string
}

func (e *connError) Error() string { return "http2: " + e.reason }

func fatal(code ErrCode, reason string) error { return &connError{code, reason} }

// errEnd ends a connection without a word: the client left or all is said.
var errEnd = errors.New("http2: connection ends")
