package router

import "fmt"

// ConflictError reports two patterns that match the same requests with the
// same rank, so that the second could never be reached.
type ConflictError struct {
	First, Second       string // the patterns as written
	FirstPos, SecondPos string // where they are written
	Example             string // a path or host that both match; may be empty
}

// Error names both places.
func (e *ConflictError) Error() string {
	msg := fmt.Sprintf("router: %s: %q repeats %q of %s", e.SecondPos, e.Second, e.First, e.FirstPos)
	if e.Example != "" {
		msg += fmt.Sprintf(" (both match %q)", e.Example)
	}
	return msg
}

// identity is equal for patterns that nothing tells apart.
func (p Pattern) identity() string {
	if p.kind == PrefixFinal {
		return p.text // as a prefix: "/x" and "^~ /x" are the same place
	}
	return p.String()
}

func newConflict[T any](first, second Entry[T]) *ConflictError {
	return &ConflictError{
		First: first.Pattern.String(), FirstPos: first.Pos,
		Second: second.Pattern.String(), SecondPos: second.Pos,
		Example: first.Pattern.Example(),
	}
}
