package accept

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// Vary makes the response of x say that it depends on Accept-Encoding (RFC 9110
// section 12.5.5), in one field with what it says already.
func Vary(x *exchange.Exchange) {
	h := &x.Response.Header
	size := len(field)
	for _, f := range h.All() {
		if !exchange.EqualFold(f.Name, vary) {
			continue
		}
		if Varies(f.Value) {
			return
		}
		size += len(f.Value) + len(", ")
	}
	v := x.Alloc(size)[:0]
	for _, f := range h.All() {
		if exchange.EqualFold(f.Name, vary) && len(octets.Trim(f.Value)) > 0 {
			v = append(append(v, f.Value...), ", "...)
		}
	}
	h.Set(x.CopyString(vary), append(v, field...))
}

const (
	vary  = "Vary"
	field = "Accept-Encoding"
)

// Varies reports whether the value of a Vary field covers Accept-Encoding.
func Varies(value []byte) bool {
	for name := range bytes.SplitSeq(value, []byte{','}) {
		if name = octets.Trim(name); string(name) == "*" || exchange.EqualFold(name, field) {
			return true
		}
	}
	return false
}
