package http3

import (
	"errors"
	"os"

	"github.com/quic-go/quic-go"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
)

// Error codes of HTTP/3 (RFC 9114 section 8.1, RFC 9204 section 6).
const (
	codeNoError              = 0x100
	codeInternalError        = 0x102
	codeStreamCreationError  = 0x103
	codeClosedCriticalStream = 0x104
	codeFrameUnexpected      = 0x105
	codeFrameError           = 0x106
	codeExcessiveLoad        = 0x107
	codeIDError              = 0x108
	codeSettingsError        = 0x109
	codeMissingSettings      = 0x10a
	codeRequestRejected      = 0x10b
	codeRequestIncomplete    = 0x10d
	codeMessageError         = 0x10e
	codeDecompressionFailed  = 0x200
)

// connError ends the connection (RFC 9114 section 8).
type connError struct {
	code   quic.ApplicationErrorCode
	reason string // constant text
}

func (e *connError) Error() string { return "http3: " + e.reason }

func fatal(code quic.ApplicationErrorCode, reason string) error {
	return &connError{code, reason}
}

// streamError ends one request by a reset of its stream.
type streamError struct {
	code   quic.StreamErrorCode
	reason string // constant text
}

func (e *streamError) Error() string { return "http3: " + e.reason }

// refuse makes the error of a request that is answered without a handler. reason
// is constant text, without the client's bytes.
func refuse(status int, reason string) error {
	return &http1.StatusError{Status: status, Reason: reason}
}

func bad(reason string) error { return refuse(400, reason) }

// errAborted: the handler gave the response up.
var errAborted = errors.New("http3: response aborted")

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// lost is what an error of QUIC means for an exchange: whatever the client or
// the network did, the client is gone.
func (c *conn) lost() error {
	if c.cutoff.Load() {
		return exchange.ErrCutOff
	}
	return exchange.ErrClientGone
}
