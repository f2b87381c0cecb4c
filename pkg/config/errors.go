package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a configuration file. Line and Column start at 1, columns
// count characters. Path is the element's own name, as "site[0].location[2]".
// The zero Pos belongs to values that no file wrote.
type Pos struct {
	File         string
	Line, Column int
	Path         string
}

// String returns "file:line:column", or less where less is known.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Error is one mistake or remark. Line is 0 if the file could not be read.
type Error struct {
	File         string
	Line, Column int
	Path, Msg    string

	cause error
}

// Error returns "file:line:column: message".
func (e Error) Error() string {
	p := Pos{File: e.File, Line: e.Line, Column: e.Column}.String()
	if p == "" {
		return e.Msg
	}
	return p + ": " + e.Msg
}

// Unwrap returns what made the file unreadable, or nil.
func (e Error) Unwrap() error { return e.cause }

// NewError returns an error at p, for checks made by the users of a Config.
func NewError(p Pos, msg string) Error {
	return Error{File: p.File, Line: p.Line, Column: p.Column, Path: p.Path, Msg: msg}
}

// Errors are all the mistakes of a file, in file order.
type Errors []Error

// Error returns one line for each mistake.
func (es *Errors) Error() string {
	var b strings.Builder
	for i, e := range *es {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap lets errors.Is and errors.As look at each mistake.
func (es *Errors) Unwrap() []error {
	out := make([]error, len(*es))
	for i, e := range *es {
		out[i] = e
	}
	return out
}

// sort puts es in file order; mistakes at one place keep theirs.
func (es Errors) sort() {
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
