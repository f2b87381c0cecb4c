package cgi

import (
	"errors"
	"fmt"
)

// ErrNoHeader: the script's output begins with a blank line.
var ErrNoHeader = errors.New("cgi: response without a header")

// HeadTooLargeError reports a response head beyond the limit.
type HeadTooLargeError struct {
	Limit  int    // bytes allowed
	Header string // name of the largest header so far, escaped; may be empty
	Size   int    // bytes of that header's line so far
}

// Error names the limit and the header that most of it went into.
func (e *HeadTooLargeError) Error() string {
	if e.Header == "" {
		return fmt.Sprintf("cgi: response head exceeds %d bytes", e.Limit)
	}
	return fmt.Sprintf("cgi: response head exceeds %d bytes; the largest header is %s with %d", e.Limit, e.Header, e.Size)
}

// HeadError reports a response head that breaks the rules.
type HeadError struct {
	What string // what is wrong
	Line string // beginning of the offending line, escaped
}

// Error tells what is wrong with which line.
func (e *HeadError) Error() string {
	return fmt.Sprintf("cgi: bad response head: %s in %s", e.What, e.Line)
}

// quoteLimit bounds what of a script's output goes into a message.
const quoteLimit = 64

func quote(b []byte) string {
	if len(b) > quoteLimit {
		return fmt.Sprintf("%q...", b[:quoteLimit])
	}
	return fmt.Sprintf("%q", b)
}
