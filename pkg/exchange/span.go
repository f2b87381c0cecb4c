package exchange

// Span is a request's place in a distributed trace (W3C Trace Context). Its
// slices live as long as the exchange.
type Span struct {
	Trace []byte // trace-id, 32 lower-case hex digits; empty: the request is in no trace
	ID    []byte // our own parent-id, 16 lower-case hex digits
	Flags byte   // trace-flags
}

// ParentLen is the length of a traceparent of version 00.
const ParentLen = 55

// AppendParent appends the traceparent for what works on the request on our
// behalf (section 3.2), or nothing when the request is in no trace.
func (s *Span) AppendParent(dst []byte) []byte {
	if len(s.Trace) == 0 {
		return dst
	}
	const digits = "0123456789abcdef"
	dst = append(dst, "00-"...)
	dst = append(dst, s.Trace...)
	dst = append(dst, '-')
	dst = append(dst, s.ID...)
	return append(dst, '-', digits[s.Flags>>4], digits[s.Flags&15])
}
