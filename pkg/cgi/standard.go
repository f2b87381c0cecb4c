package cgi

import (
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// source says where a standard param takes its value from.
type source uint8

const (
	fromFixed source = iota
	fromFilename
	fromArgs
	fromMethod
	fromContentType
	fromContentLength
	fromScriptName
	fromTarget
	fromPath
	fromDocumentRoot
	fromPathInfo
	fromPathTranslated
	fromProtocol
	fromScheme
	fromHTTPS
	fromPeerAddr
	fromPeerPort
	fromLocalAddr
	fromLocalPort
	fromServerName
	fromRequestID
	fromTrace
	fromAuthority
	fromTLSVersion
	fromCipher
	fromClientVerify
	fromClientSubject
	fromClientIssuer
	fromClientSerial
	fromClientFingerprint
)

// standardParam is one row of the table.
type standardParam struct {
	name  []byte
	from  source
	fixed []byte // the value of fromFixed
}

// standardParams returns the params every request has, in the order of nginx's
// stock file.
func standardParams(software string) []standardParam {
	row := func(name string, from source) standardParam {
		return standardParam{name: []byte(name), from: from}
	}
	fixed := func(name, value string) standardParam {
		return standardParam{name: []byte(name), fixed: []byte(value)}
	}
	return []standardParam{
		row("SCRIPT_FILENAME", fromFilename),
		row("QUERY_STRING", fromArgs),
		row("REQUEST_METHOD", fromMethod),
		row("CONTENT_TYPE", fromContentType),
		row("CONTENT_LENGTH", fromContentLength),
		row("SCRIPT_NAME", fromScriptName),
		row("REQUEST_URI", fromTarget),
		row("DOCUMENT_URI", fromPath),
		row("DOCUMENT_ROOT", fromDocumentRoot),
		row("PATH_INFO", fromPathInfo),
		row("PATH_TRANSLATED", fromPathTranslated),
		row("SERVER_PROTOCOL", fromProtocol),
		row("REQUEST_SCHEME", fromScheme),
		row("HTTPS", fromHTTPS),
		fixed("GATEWAY_INTERFACE", "CGI/1.1"),
		fixed("SERVER_SOFTWARE", software),
		row("REMOTE_ADDR", fromPeerAddr),
		row("REMOTE_PORT", fromPeerPort),
		row("SERVER_ADDR", fromLocalAddr),
		row("SERVER_PORT", fromLocalPort),
		row("SERVER_NAME", fromServerName),
		fixed("REDIRECT_STATUS", "200"),
		row("REQUEST_ID", fromRequestID),
		row("HTTP_X_REQUEST_ID", fromRequestID),
		row("HTTP_TRACEPARENT", fromTrace),
		row("HTTP_HOST", fromAuthority),
		row("SSL_PROTOCOL", fromTLSVersion),
		row("SSL_CIPHER", fromCipher),
		row("SSL_CLIENT_VERIFY", fromClientVerify),
		row("SSL_CLIENT_S_DN", fromClientSubject),
		row("SSL_CLIENT_I_DN", fromClientIssuer),
		row("SSL_CLIENT_SERIAL", fromClientSerial),
		row("SSL_CLIENT_FINGERPRINT", fromClientFingerprint),
	}
}

// lasts reports whether the value is the same for all requests of a connection
// that speak one version of HTTP.
func (f source) lasts() bool {
	switch f {
	case fromProtocol, fromScheme, fromHTTPS, fromPeerAddr, fromPeerPort, fromLocalAddr, fromLocalPort:
		return true
	}
	return f.aboutTLS()
}

// lastingValue returns the value of a param that lasts, and whether it is sent.
func (p *Params) lastingValue(from source, e *vars.Env) ([]byte, bool) {
	x := e.X
	c := x.Request.Conn
	switch from {
	case fromProtocol:
		return vars.AppendProtocol(x.Alloc(12)[:0], &x.Request), true
	case fromScheme:
		return x.CopyString(c.Scheme), true
	case fromHTTPS:
		return x.CopyString("on"), c.Scheme == "https"
	case fromPeerAddr:
		return c.PeerAddr, true
	case fromPeerPort:
		return c.PeerPort, true
	case fromLocalAddr:
		return c.LocalAddr, true
	case fromLocalPort:
		return c.LocalPort, true
	case fromServerName:
		return p.serverName, true
	}
	return tlsValue(from, e)
}

// value returns the value of sp for a request, and whether the param is sent at
// all. One switch, because twenty calls through pointers cost more than they do.
func (p *Params) value(sp *standardParam, e *vars.Env, s *Script) ([]byte, bool) {
	r := &e.X.Request
	switch sp.from {
	case fromFilename:
		return s.Filename, true
	case fromArgs:
		return e.Args, true
	case fromMethod:
		return r.Method, true
	case fromScriptName:
		return s.Name, true
	case fromTarget:
		return r.Target, true
	case fromPath:
		return e.Path(), true
	case fromDocumentRoot:
		return s.DocumentRoot, true
	case fromPathInfo:
		return s.PathInfo, true
	case fromPathTranslated:
		return s.PathTranslated, len(s.PathInfo) > 0
	case fromRequestID:
		id := e.X.Trace.ID()
		return id, len(id) > 0
	case fromTrace:
		s := &e.X.Trace.Span
		if len(s.Trace) == 0 {
			return nil, false
		}
		return s.AppendParent(e.X.Alloc(exchange.ParentLen)[:0]), true
	case fromAuthority:
		return r.Authority, len(r.Authority) > 0
	case fromServerName:
		return hostAsked(r), true
	}
	return nil, false
}

// hostAsked is SERVER_NAME where none is configured.
func hostAsked(r *exchange.Request) []byte {
	if len(r.Host) > 0 {
		return r.Host
	}
	return r.Conn.LocalAddr
}
