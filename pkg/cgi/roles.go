package cgi

import "bytes"

// AuthorizerOmits returns the params that an authorizer is not sent: those of
// FastCGI section 6.3, and the file of a script, since what runs is a program of
// its own.
func AuthorizerOmits() []string {
	return []string{"CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME", "SCRIPT_FILENAME"}
}

// maxReserved is more than the length of any reserved name.
const maxReserved = 32

// Settable reports whether an authorizer may set the variable name for the
// application: the name must be valid (letters, digits and '_', no digit first)
// and must not be reserved. Reserved is what the gateway itself says of the
// request and of its script, and what makes a program do something else: the
// settings that php-fpm takes from PHP_VALUE, HTTP_PROXY of the environment, the
// loader's LD_PRELOAD. Case makes no difference, since what reads the variables
// may know none.
func Settable(name []byte) bool {
	if !validName(string(name)) {
		return false
	}
	var buf [maxReserved]byte
	for i, c := range name[:min(len(name), len(buf))] {
		buf[i] = fold(c)
	}
	for _, prefix := range [...]string{"FCGI_", "PHP", "LD_", "SSL_"} {
		if bytes.HasPrefix(buf[:], []byte(prefix)) {
			return false
		}
	}
	return len(name) > len(buf) || !reservedName(string(buf[:len(name)]))
}

// reservedName reports whether s, in upper case, is a standard param or one that
// programs obey.
func reservedName(s string) bool {
	switch s {
	case "SCRIPT_FILENAME", "SCRIPT_NAME", "PATH_INFO", "PATH_TRANSLATED", "DOCUMENT_ROOT", "DOCUMENT_URI",
		"REQUEST_METHOD", "REQUEST_URI", "REQUEST_SCHEME", "REQUEST_ID", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
		"SERVER_PROTOCOL", "SERVER_SOFTWARE", "SERVER_NAME", "SERVER_ADDR", "SERVER_PORT", "GATEWAY_INTERFACE",
		"REMOTE_ADDR", "REMOTE_PORT", "HTTPS", "REDIRECT_STATUS", "HTTP_HOST", "HTTP_X_REQUEST_ID", "HTTP_TRACEPARENT",
		"HTTP_PROXY", "PATH":
		return true
	}
	return false
}
