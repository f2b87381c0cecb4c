package http1

import (
	"errors"
	"strconv"
)

// ErrIncomplete: the head does not end within the buffer; call again with more.
var ErrIncomplete = errors.New("http1: incomplete head")

// ErrChunk: the framing of a chunked body is broken; the connection cannot be
// used further (400).
var ErrChunk = errors.New("http1: malformed chunked body")

// ErrField: a response has a field or a status that must not be sent (502).
var ErrField = errors.New("http1: response field cannot be sent")

// StatusError says why a request head was refused. The place where the next
// request begins is not known after it: answer with Status, then close.
type StatusError struct {
	Status int
	Reason string // what was wrong, a constant text without the client's bytes
}

func (e *StatusError) Error() string {
	return "http1: " + strconv.Itoa(e.Status) + " " + e.Reason
}

func refuse(status int, reason string) error { return &StatusError{status, reason} }

func bad(reason string) error { return refuse(400, reason) }
