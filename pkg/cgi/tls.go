package cgi

import "github.com/fcgigw/fcgigw/pkg/vars"

// aboutTLS reports whether f is one of tlsValue's.
func (f source) aboutTLS() bool {
	switch f {
	case fromTLSVersion, fromCipher, fromClientVerify,
		fromClientSubject, fromClientIssuer, fromClientSerial, fromClientFingerprint:
		return true
	}
	return false
}

// tlsValue returns the value of a param of a connection over TLS, and whether it
// is sent.
func tlsValue(from source, e *vars.Env) ([]byte, bool) {
	s, cert := e.X.Request.Conn.TLS, e.ClientCert
	if s == nil {
		return nil, false
	}
	switch from {
	case fromTLSVersion:
		return vars.AppendTLSVersion(nil, s), true
	case fromCipher:
		return vars.AppendCipher(nil, s), true
	case fromClientVerify:
		return vars.AppendClientVerify(nil, e, ""), true
	}
	if cert == nil {
		return nil, false
	}
	switch from {
	case fromClientSubject:
		return vars.AppendDN(nil, cert.RawSubject), true
	case fromClientIssuer:
		return vars.AppendDN(nil, cert.RawIssuer), true
	case fromClientSerial:
		return vars.AppendSerial(nil, cert), true
	case fromClientFingerprint:
		return vars.AppendFingerprint(nil, cert), true
	}
	return nil, false
}
