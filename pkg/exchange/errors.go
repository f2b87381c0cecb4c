package exchange

import (
	"errors"
	"fmt"
)

// Errors of a request body and of a response's way to the client.
var (
	// ErrBodyTooLarge: the body exceeds the limit of its location (413).
	ErrBodyTooLarge = errors.New("request body too large")
	// ErrBodyTimeout: the client sent its body too slowly (408).
	ErrBodyTimeout = errors.New("request body timed out")
	// ErrBadBody: the body's framing is broken (400).
	ErrBadBody = errors.New("malformed request body")
	// ErrClientGone: the client closed the connection (499 in the log).
	ErrClientGone = errors.New("client closed the connection")
	// ErrCutOff: the gateway closed the connection because it ends; a kind of
	// ErrClientGone for whoever does not ask.
	ErrCutOff = fmt.Errorf("%w: it was cut off", ErrClientGone)
	// ErrSendTimeout: the client did not read the response in time.
	ErrSendTimeout = errors.New("client reads too slowly")
)
