package cgi

import (
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/vars"
)

// input is what a standard param takes its value from.
type input struct {
	p *Params
	e *vars.Env
	s *Script
}

// source returns a value and whether the param is sent at all.
type source func(in input) ([]byte, bool)

// standardParam is one row of the table; without a value fixed is sent.
type standardParam struct {
	name  []byte
	fixed []byte
	value source
}

// standardParams returns the params every request has, in the order of nginx's
// stock file.
func standardParams(software string) []standardParam {
	var list []standardParam
	fixed := func(name, value string) {
		list = append(list, standardParam{name: []byte(name), fixed: []byte(value)})
	}
	from := func(name string, value source) {
		list = append(list, standardParam{name: []byte(name), value: value})
	}
	always := func(name string, value func(in input) []byte) {
		from(name, func(in input) ([]byte, bool) { return value(in), true })
	}
	always("SCRIPT_FILENAME", func(in input) []byte { return in.s.Filename })
	always("QUERY_STRING", func(in input) []byte { return in.e.Args })
	always("REQUEST_METHOD", func(in input) []byte { return in.e.X.Request.Method })
	always("CONTENT_TYPE", func(in input) []byte { return in.e.X.Request.Header.Get("content-type") })
	always("CONTENT_LENGTH", contentLength)
	always("SCRIPT_NAME", func(in input) []byte { return in.s.Name })
	always("REQUEST_URI", func(in input) []byte { return in.e.X.Request.Target })
	always("DOCUMENT_URI", func(in input) []byte { return in.e.Path() })
	always("DOCUMENT_ROOT", func(in input) []byte { return in.s.DocumentRoot })
	always("PATH_INFO", func(in input) []byte { return in.s.PathInfo })
	from("PATH_TRANSLATED", pathTranslated)
	always("SERVER_PROTOCOL", protocol)
	always("REQUEST_SCHEME", scheme)
	from("HTTPS", https)
	fixed("GATEWAY_INTERFACE", "CGI/1.1")
	fixed("SERVER_SOFTWARE", software)
	always("REMOTE_ADDR", func(in input) []byte { return in.e.X.Request.Conn.PeerAddr })
	always("REMOTE_PORT", func(in input) []byte { return in.e.X.Request.Conn.PeerPort })
	always("SERVER_ADDR", func(in input) []byte { return in.e.X.Request.Conn.LocalAddr })
	always("SERVER_PORT", func(in input) []byte { return in.e.X.Request.Conn.LocalPort })
	always("SERVER_NAME", serverName)
	fixed("REDIRECT_STATUS", "200")
	from("REQUEST_ID", requestID)
	from("HTTP_X_REQUEST_ID", requestID)
	from("HTTP_HOST", httpHost)
	return list
}

// contentLength tells an announced empty body ("0") from none, as nginx does.
func contentLength(in input) []byte {
	n := in.s.BodyLen
	if n < 0 || (n == 0 && !in.e.X.Request.Header.Has("content-length")) {
		return nil
	}
	return strconv.AppendInt(in.e.X.Alloc(20)[:0], n, 10)
}

func pathTranslated(in input) ([]byte, bool) {
	return in.s.PathTranslated, len(in.s.PathInfo) > 0
}

func protocol(in input) []byte {
	return vars.AppendProtocol(in.e.X.Alloc(12)[:0], &in.e.X.Request)
}

func scheme(in input) []byte {
	return in.e.X.CopyString(in.e.X.Request.Conn.Scheme)
}

func https(in input) ([]byte, bool) {
	if in.e.X.Request.Conn.Scheme != "https" {
		return nil, false
	}
	return in.e.X.CopyString("on"), true
}

func serverName(in input) []byte {
	if len(in.p.serverName) > 0 {
		return in.p.serverName
	}
	if host := in.e.X.Request.Host; len(host) > 0 {
		return host
	}
	return in.e.X.Request.Conn.LocalAddr
}

func requestID(in input) ([]byte, bool) {
	id := in.e.X.Trace.ID()
	return id, len(id) > 0
}

func httpHost(in input) ([]byte, bool) {
	host := in.e.X.Request.Authority
	return host, len(host) > 0
}
