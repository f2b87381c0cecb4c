package cgi

import (
	"strconv"

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
	fromAuthority
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
		row("HTTP_HOST", fromAuthority),
	}
}

// value returns the value of sp for a request, and whether the param is sent at
// all. One switch, because twenty calls through pointers cost more than they do.
func (p *Params) value(sp *standardParam, e *vars.Env, s *Script) ([]byte, bool) {
	r := &e.X.Request
	switch sp.from {
	case fromFixed:
		return sp.fixed, true
	case fromFilename:
		return s.Filename, true
	case fromArgs:
		return e.Args, true
	case fromMethod:
		return r.Method, true
	case fromContentType:
		return r.Header.Get("content-type"), true
	case fromContentLength:
		return contentLength(e.X, s.BodyLen), true
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
	case fromPeerAddr:
		return r.Conn.PeerAddr, true
	case fromPeerPort:
		return r.Conn.PeerPort, true
	case fromLocalAddr:
		return r.Conn.LocalAddr, true
	case fromLocalPort:
		return r.Conn.LocalPort, true
	}
	return p.rarer(sp.from, e)
}

// rarer is value for what is not just there to be taken.
func (p *Params) rarer(from source, e *vars.Env) ([]byte, bool) {
	x := e.X
	switch from {
	case fromProtocol:
		return vars.AppendProtocol(x.Alloc(12)[:0], &x.Request), true
	case fromScheme:
		return x.CopyString(x.Request.Conn.Scheme), true
	case fromHTTPS:
		if x.Request.Conn.Scheme != "https" {
			return nil, false
		}
		return x.CopyString("on"), true
	case fromServerName:
		return p.serverNameFor(&x.Request), true
	case fromRequestID:
		id := x.Trace.ID()
		return id, len(id) > 0
	case fromAuthority:
		return x.Request.Authority, len(x.Request.Authority) > 0
	}
	return nil, false
}

// contentLength tells an announced empty body ("0") from none, as nginx does.
func contentLength(x *exchange.Exchange, n int64) []byte {
	if n < 0 || (n == 0 && !x.Request.Header.Has("content-length")) {
		return nil
	}
	return strconv.AppendInt(x.Alloc(20)[:0], n, 10)
}

func (p *Params) serverNameFor(r *exchange.Request) []byte {
	switch {
	case len(p.serverName) > 0:
		return p.serverName
	case len(r.Host) > 0:
		return r.Host
	}
	return r.Conn.LocalAddr
}
