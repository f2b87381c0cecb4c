package http1

// What follows are rules that HTTP/2 and HTTP/3 share with HTTP/1.1, for the
// listeners that speak these.

// WithDefaults returns l with the defaults in place of zeros.
func (l Limits) WithDefaults() Limits {
	l.MaxRequestLine, l.MaxHeaderLine = l.requestLine(), l.headerLine()
	l.MaxHeaderBytes, l.MaxHeaders = l.headerBytes(), l.headers()
	l.MaxTrailerBytes = or(l.MaxTrailerBytes, 2048)
	return l
}

// Allows reports whether a field name with other bytes than letters, digits
// and '-' is one of AllowNames. name is in lower case.
func (l *Limits) Allows(name []byte) bool { return l.allows(name) }

// LowerName looks at a field name that must be a token in lower case (RFC 9113
// section 8.2.1). strange says that it has other bytes than letters, digits and
// '-', so that Limits must allow it.
func LowerName(name string) (strange, ok bool) {
	var seen uint16
	for i := 0; i < len(name); i++ {
		c := nameByte[name[i]]
		if byte(c) != name[i] || c == 0 {
			return false, false
		}
		seen |= c
	}
	return seen&odd != 0, len(name) > 0
}

// Token reports whether b is a token (RFC 9110 section 5.6.2).
func Token(b []byte) bool { return isToken(b) }

// Value reports whether b may be a field's value: no control byte but tab.
func Value(b []byte) bool { return validValue(b) }

// CheckMethod returns nil or a *StatusError: 400, 405 (TRACE and CONNECT) or
// 501.
func CheckMethod(b []byte) error { return checkMethod(b) }

// ParseLength reads a Content-Length, which is digits and nothing else (RFC
// 9110 section 8.6). The error is a *StatusError with 400.
func ParseLength(b []byte) (int64, error) { return parseLength(b) }
