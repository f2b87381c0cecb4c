package upstream

import (
	"errors"
	"fmt"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
)

// ErrRequestTimeout: the exchange as a whole took too long.
var ErrRequestTimeout = errors.New("upstream: request took longer than request_timeout")

// ErrConnectTimeout: a server did not accept a connection in time.
var ErrConnectTimeout = errors.New("upstream: connect timed out")

// ErrUnwanted, wrapped in an error of a method of Reply, says that the reply is
// sound and not wanted. Do returns that error, and reads the rest of the reply
// where that keeps the connection cheaply: at most 64 KiB, for a tenth of a
// second.
var ErrUnwanted = errors.New("upstream: reply not wanted")

// errNobody is in the DialError of a connection that no worker accepted.
var errNobody = errors.New("the connection ended before a worker accepted it")

// errExcess is on the trace of a reply that is complete all the same.
func errExcess(p Protocol) error {
	if p == HTTP {
		return &ReplyError{What: "more came behind its end; that was not sent, and the connection was closed"}
	}
	return &ReplyError{What: "its body is longer than its Content-Length; the rest was not sent"}
}

// DialError: no server accepted a connection.
type DialError struct {
	Server string
	Err    error
}

// Error names the server and what the system said.
func (e *DialError) Error() string {
	return fmt.Sprintf("upstream: cannot connect to %s: %v", e.Server, e.Err)
}

// Unwrap returns the system's error.
func (e *DialError) Unwrap() error { return e.Err }

// ReplyError: the application's reply makes no sense as a response.
type ReplyError struct {
	What string
	Err  error // the parser's, if it was that which failed
}

// Error says what came.
func (e *ReplyError) Error() string { return "upstream: bad reply: " + e.What }

// Unwrap returns the parser's error, or nil.
func (e *ReplyError) Unwrap() error { return e.Err }

// Status returns the HTTP status a client gets for an error of Do that came
// before anything was sent to it: 503 when there is no room, 504 when time ran
// out, 502 for everything a backend did wrong.
func Status(err error) int {
	switch {
	case Busy(err):
		return 503
	case isReadTimeout(err), isSendTimeout(err),
		errors.Is(err, ErrRequestTimeout), errors.Is(err, ErrConnectTimeout):
		return 504
	}
	return 502
}

// Busy reports whether err says that there was no worker for the request, so
// that the client may come again soon.
func Busy(err error) bool {
	return errors.Is(err, pool.ErrQueueFull) || errors.Is(err, pool.ErrQueueTimeout) ||
		errors.Is(err, fcgi.ErrOverloaded) || errors.Is(err, ErrTunnels)
}
