package forwarded

import (
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Fields says which of the fields that this package is about a request has.
type Fields uint8

// Kinds of fields.
const (
	Way       Fields = 1 << iota // X-Forwarded-*, Forwarded, X-Real-IP: the way of the request
	RequestID                    // X-Request-ID
	Trace                        // traceparent or tracestate
)

// Look returns what h has. Every request pays for it, and most have nothing.
func Look(h *exchange.Header) (found Fields) {
	fields := h.All()
	for i := range fields {
		name := fields[i].Name
		if len(name) < len("forwarded") {
			continue
		}
		switch name[0] {
		case 'f', 't', 'x':
			found |= kind(name)
		}
	}
	return found
}

// kind tells one name by its length and then by its bytes. Names that a program
// behind us takes for one of these count as well.
func kind(name []byte) Fields {
	switch len(name) {
	case len("forwarded"): // as long as x-real-ip
		if folds(name, "forwarded") || folds(name, "x-real-ip") {
			return Way
		}
	case len("tracestate"):
		if folds(name, "tracestate") {
			return Trace
		}
	case len("traceparent"):
		if folds(name, "traceparent") {
			return Trace
		}
	case len("x-request-id"):
		if folds(name, "x-request-id") {
			return RequestID
		}
	default:
		if len(name) > len(family) && folds(name[:len(family)], family) {
			return Way
		}
	}
	return 0
}

// family is what the names of the older fields begin with.
const family = "x-forwarded-"

// folds reports whether name, which is in lower case, is want with any of "_."
// for '-'. Both are of one length.
func folds(name []byte, want string) bool {
	for i, c := range name {
		if w := want[i]; c != w && (w != '-' || c != '_' && c != '.') {
			return false
		}
	}
	return true
}

// told reports whether f says what a Policy has read, so that it is not to be
// repeated: all of Way but the members of the family that say something else.
func told(f exchange.Field) bool {
	if kind(f.Name) != Way {
		return false
	}
	if len(f.Name) < len(family) {
		return true
	}
	switch rest := f.Name[len(family):]; len(rest) {
	case len("for"):
		return folds(rest, "for") || folds(rest, "ssl")
	case len("host"):
		return folds(rest, "host")
	case len("proto"):
		return folds(rest, "proto")
	case len("scheme"):
		return folds(rest, "scheme")
	}
	return false
}

func isWay(f exchange.Field) bool   { return kind(f.Name) == Way }
func isTrace(f exchange.Field) bool { return kind(f.Name) == Trace }
func isID(f exchange.Field) bool    { return kind(f.Name) == RequestID }
