package gateway

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/spool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// dialHint says what to do about a server that cannot be reached.
func dialHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the socket does not exist: is php-fpm running, and is its `listen` the same path?"
	case errors.Is(err, syscall.EACCES):
		return "no permission on the socket: set listen.owner/listen.group (or listen.mode) in the php-fpm pool to the gateway's user"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: start php-fpm, or correct the address"
	case errors.Is(err, syscall.EAGAIN):
		return "php-fpm's listen queue is full: raise pm.max_children, or listen.backlog"
	case errors.Is(err, upstream.ErrConnectTimeout):
		return "no answer to the connection: a firewall, a wrong address, or a full listen queue"
	}
	return ""
}

// failureHint says what to do about a request that failed.
func failureHint(t *exchange.Trace) string {
	var large *cgi.HeadTooLargeError
	switch err := t.Err; {
	case errors.Is(err, pool.ErrQueueFull):
		return "all workers were busy, and as many requests waited as `queue` allows: " + moreWorkers
	case errors.Is(err, pool.ErrQueueTimeout):
		return "all workers were busy for queue_timeout: " + moreWorkers
	case errors.Is(err, fcgi.ErrOverloaded):
		return "the application said that it is overloaded: give it more workers, or lower max_conns to what it can do"
	case errors.Is(err, fcgi.ErrReadTimeout):
		return "the script sent nothing for read_timeout: raise it, or look at what the script waits for (request_slowlog_timeout in php-fpm)"
	case errors.Is(err, fcgi.ErrSendTimeout):
		return "the application took nothing of the request for send_timeout: it hangs, or reads slowly"
	case errors.Is(err, upstream.ErrRequestTimeout):
		return requestTimeoutHint(t)
	case errors.Is(err, fcgi.ErrTruncated), errors.Is(err, fcgi.ErrStale):
		return "the worker ended during the request: php-fpm was restarted or reloaded (set process_control_timeout in its [global] section), it crashed, was killed for lack of memory, or by request_terminate_timeout; php-fpm's own log says which"
	case errors.Is(err, fcgi.ErrUnknownRole):
		return "the program at that address does not know the role it is asked to play: an authorizer or a filter must be written as one, and Go's net/http/fcgi is neither"
	case errors.Is(err, fcgi.ErrDataShort):
		return "the file became shorter while the filter was getting it: put a new version in its place by a rename"
	case outOfFiles(err):
		return "the gateway has no file descriptor left: raise its limit (LimitNOFILE= under systemd, ulimit -n, --ulimit nofile= for a container)"
	case errors.Is(err, proxy.ErrFull) && errors.Is(err, spool.ErrNoSpace):
		return "the client read its reply too slowly, and the room for the bodies of all requests together is full: raise temp_limit if the disk of temp_dir has the space, or lower response_temp of the backend so that few clients cannot fill it"
	case errors.Is(err, spool.ErrNoSpace):
		return "no room for temporary files: see temp_limit and the disk of temp_dir"
	case errors.Is(err, proxy.ErrFull):
		return "the client read its reply too slowly, and on a multiplexed connection the application cannot be made to wait: raise response_temp of the backend"
	case errors.As(err, &large):
		return "raise max_response_header of the backend, or let the application send fewer or smaller headers"
	case strings.Contains(strings.Join(t.Stderr, "\n"), "Primary script unknown"):
		return primaryUnknown
	}
	var dial *upstream.DialError
	if errors.As(t.Err, &dial) {
		return dialHint(dial)
	}
	return ""
}

// moreWorkers is what helps when requests wait for a worker.
const moreWorkers = "raise pm.max_children and max_conns together, or find what makes the requests slow"

// requestTimeoutHint says on what the time of the whole request went.
func requestTimeoutHint(t *exchange.Trace) string {
	const over = "the request took longer than request_timeout"
	switch {
	case t.Queue > t.Connect+t.Upstream:
		return over + ", and most of it went by in the queue for a worker: " + moreWorkers
	case t.Connect > t.Queue+t.Upstream:
		return over + ", and most of it went by before the server accepted a connection: is it running?"
	}
	return over + ": raise it, or look at what the script does (request_slowlog_timeout in php-fpm)"
}

// hint says what to do about the request's failure. What is true of a script is
// not always true of an authorizer.
func (v *visit) hint() string {
	if v.byAuthorizer() {
		if h := authorizerHint(&v.x.Trace); h != "" {
			return h
		}
	}
	if v.loc != nil && v.loc.forward != nil {
		return forwardHint(&v.x.Trace)
	}
	return failureHint(&v.x.Trace)
}

// byAuthorizer reports whether the request failed while an authorizer was asked:
// once it has allowed the request, the trace has forgotten its backend, and a
// script has a name before its worker is asked for.
func (v *visit) byAuthorizer() bool {
	return v.loc != nil && v.loc.authorizer != nil && v.x.Trace.Backend != "" && v.script.Filename == nil &&
		v.x.Trace.Backend == v.loc.cfg.Authorizer
}

// authorizerHint says what to do about an authorizer that gave no valid answer.
func authorizerHint(t *exchange.Trace) string {
	var reply *upstream.ReplyError
	var name *refused
	switch err := t.Err; {
	case errors.Is(err, fcgi.ErrReadTimeout):
		return "the authorizer sent nothing for read_timeout: it may be reading its standard input, which an authorizer does not get, or be slow"
	case errors.Is(err, proxy.ErrAuthorizerFailed):
		return "the authorizer answered 200 and ended with an exit status that is not 0, so the location stays closed: see app_status in the access log"
	case errors.As(err, &name):
		return "an authorizer may not set this variable: docs/roles.md lists them"
	case errors.As(err, &reply):
		return "the answer came from the location's authorizer, which must write a header, at least \"Status: 200\" or \"Status: 403\" and an empty line; was it given a script (authorizer_params, SCRIPT_FILENAME)?"
	case errors.Is(err, fcgi.ErrTruncated), errors.Is(err, fcgi.ErrStale):
		return "the authorizer ended before it had answered, so the location stays closed: it was restarted, or it crashed"
	}
	return ""
}

// primaryUnknown is the commonest failure of gateway and php-fpm in two
// containers.
const primaryUnknown = "php-fpm does not find the script at that path: with gateway and php-fpm in different containers set remote_root to the root inside php-fpm's"
