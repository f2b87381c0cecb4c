package vars

import (
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// requestTable has the variables of the request as it came.
func requestTable() map[string]variable {
	return map[string]variable{
		"request_uri":    {client: true, value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Target...) }},
		"request_method": {client: true, value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Method...) }},
		"request_id":     {client: true, value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Trace.ID()...) }},
		"trace_id":       {client: true, value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Trace.Span.Trace...) }},
		"http_host":      {client: true, value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Authority...) }},
		"host":           {client: true, value: appendHost},
		"content_length": {client: true, value: appendContentLength},
		"content_type": {client: true, value: func(dst []byte, e *Env, _ string) []byte {
			return append(dst, e.X.Request.Header.Get("content-type")...)
		}},
		"server_protocol": {value: func(dst []byte, e *Env, _ string) []byte { return AppendProtocol(dst, &e.X.Request) }},
	}
}

func appendHost(dst []byte, e *Env, _ string) []byte {
	if len(e.X.Request.Host) > 0 {
		return append(dst, e.X.Request.Host...)
	}
	return append(dst, e.ServerName...)
}

// appendContentLength leaves an unannounced length empty; a zero that the
// client wrote is told from no body by its header line.
func appendContentLength(dst []byte, e *Env, _ string) []byte {
	r := &e.X.Request
	if r.ContentLength > 0 || (r.ContentLength == 0 && r.Header.Has("content-length")) {
		return strconv.AppendInt(dst, r.ContentLength, 10)
	}
	return dst
}

// AppendProtocol appends the protocol of r as CGI names it: "HTTP/1.1",
// "HTTP/2.0".
func AppendProtocol(dst []byte, r *exchange.Request) []byte {
	dst = append(dst, "HTTP/"...)
	dst = strconv.AppendUint(dst, uint64(r.Major), 10)
	dst = append(dst, '.')
	return strconv.AppendUint(dst, uint64(r.Minor), 10)
}

// connTable has the variables of the connection.
func connTable() map[string]variable {
	return map[string]variable{
		"scheme":             {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Conn.Scheme...) }},
		"https":              {value: appendHTTPS},
		"remote_addr":        {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Conn.PeerAddr...) }},
		"remote_port":        {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Conn.PeerPort...) }},
		"realip_remote_addr": {value: func(dst []byte, e *Env, _ string) []byte { a, _ := e.X.Request.Conn.Socket(); return append(dst, a...) }},
		"realip_remote_port": {value: func(dst []byte, e *Env, _ string) []byte { _, p := e.X.Request.Conn.Socket(); return append(dst, p...) }},
		"server_addr":        {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Conn.LocalAddr...) }},
		"server_port":        {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.X.Request.Conn.LocalPort...) }},
		"connection":         {value: func(dst []byte, e *Env, _ string) []byte { return strconv.AppendUint(dst, e.X.Request.Conn.ID, 10) }},
	}
}

func appendHTTPS(dst []byte, e *Env, _ string) []byte {
	if e.X.Request.Conn.Scheme == "https" {
		return append(dst, "on"...)
	}
	return dst
}
