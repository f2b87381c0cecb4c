package gateway

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/httpc"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// dialHint says what to do about a server of b that cannot be reached.
func (b *backend) dialHint(err error) string {
	if b.cfg.Protocol == protocolHTTP {
		return serverHint(err)
	}
	return dialHint(err)
}

// serverHint is dialHint for a server that speaks HTTP.
func serverHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the socket does not exist: is the application running, and does it listen on the same path?"
	case errors.Is(err, syscall.EACCES):
		return "no permission on the socket: the gateway's user needs to write to it (gunicorn: --umask; uvicorn: chmod, or a group for both)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: start the application, or correct the address"
	case errors.Is(err, syscall.EAGAIN):
		return "the application's listen queue is full: give it more workers or a larger backlog, or set max_conns so that requests wait in the gateway"
	}
	return dialHint(err)
}

// forwardHint says what to do about a request that failed and whose backend
// speaks HTTP.
func forwardHint(t *exchange.Trace) string {
	var dial *upstream.DialError
	var reply *httpc.ProtocolError
	switch err := t.Err; {
	case errors.As(err, &dial):
		return serverHint(dial)
	case errors.Is(err, pool.ErrQueueFull), errors.Is(err, pool.ErrQueueTimeout):
		return "all connections to the application were busy: raise max_conns if it can do more at once, or give it more workers"
	case errors.Is(err, upstream.ErrTunnels):
		return "as many WebSockets are open as max_tunnels of the backend allows: raise it if the application can hold more"
	case errors.Is(err, httpc.ErrReadTimeout):
		return "the application sent nothing for read_timeout: raise it, or look at what the application waits for"
	case errors.Is(err, httpc.ErrSendTimeout):
		return "the application took nothing of the request for send_timeout: it hangs, or reads slowly"
	case errors.Is(err, httpc.ErrTruncated), errors.Is(err, httpc.ErrStale):
		return "the application closed the connection during the request: it was restarted, crashed, or gave up on it (gunicorn: --timeout); its own log says which"
	case errors.Is(err, httpc.ErrHeadTooLarge):
		return "raise max_response_header of the backend, or let the application send fewer or smaller headers"
	case errors.As(err, &reply):
		return "what came is not valid HTTP/1.1: does an HTTP server listen at that address, and not FastCGI, uwsgi or TLS?"
	}
	return failureHint(t)
}
