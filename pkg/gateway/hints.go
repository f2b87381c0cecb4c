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
	case errors.Is(err, pool.ErrQueueFull), errors.Is(err, pool.ErrQueueTimeout):
		return "all workers were busy: raise pm.max_children and max_conns together, or find what makes the requests slow"
	case errors.Is(err, fcgi.ErrReadTimeout):
		return "the script sent nothing for read_timeout: raise it, or look at what the script waits for (request_slowlog_timeout in php-fpm)"
	case errors.Is(err, fcgi.ErrTruncated), errors.Is(err, fcgi.ErrStale):
		return "the worker ended during the request: a crash, an out-of-memory kill or request_terminate_timeout; php-fpm's own log says which"
	case errors.Is(err, fcgi.ErrUnknownRole):
		return "the program at that address does not know the role it is asked to play: an authorizer or a filter must be written as one, and Go's net/http/fcgi is neither"
	case errors.Is(err, fcgi.ErrDataShort):
		return "the file became shorter while the filter was getting it: put a new version in its place by a rename"
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

// primaryUnknown is the commonest failure of gateway and php-fpm in two
// containers.
const primaryUnknown = "php-fpm does not find the script at that path: with gateway and php-fpm in different containers set remote_root to the root inside php-fpm's"
