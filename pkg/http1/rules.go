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

// OfConnection reports whether a field of a request, its name in lower case, has
// no place on HTTP/2 and HTTP/3 (RFC 9113 section 8.2.2, RFC 9114 section 4.2).
func OfConnection(name, value string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	case "te":
		return value != "trailers"
	}
	return false
}

// CheckMethod returns nil or a *StatusError: 400, 405 (TRACE and CONNECT) or
// 501.
func CheckMethod(b []byte) error { return checkMethod(b) }

// ParseLength reads a Content-Length, which is digits and nothing else (RFC
// 9110 section 8.6). The error is a *StatusError with 400.
func ParseLength(b []byte) (int64, error) { return parseLength(b) }
