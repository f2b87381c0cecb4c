package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/spool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

func TestCommonFailuresHaveAHint(t *testing.T) {
	tests := []struct {
		err    error
		stderr string
		want   string // empty: no hint
	}{
		{err: fs.ErrNotExist, want: "is php-fpm running"},
		{err: syscall.EACCES, want: "listen.owner"},
		{err: syscall.ECONNREFUSED, want: "start php-fpm"},
		{err: syscall.EAGAIN, want: "listen queue is full"},
		{err: upstream.ErrConnectTimeout, want: "firewall"},
		{err: pool.ErrQueueFull, want: "as `queue` allows: raise pm.max_children"},
		{err: pool.ErrQueueTimeout, want: "for queue_timeout: raise pm.max_children"},
		{err: fcgi.ErrOverloaded, want: "overloaded"},
		{err: fcgi.ErrReadTimeout, want: "read_timeout"},
		{err: fcgi.ErrSendTimeout, want: "send_timeout"},
		{err: upstream.ErrRequestTimeout, want: "request_timeout"},
		{err: fcgi.ErrTruncated, want: "php-fpm was restarted or reloaded"},
		{err: fcgi.ErrStale, want: "request_terminate_timeout"},
		{err: fcgi.ErrUnknownRole, want: "authorizer"},
		{err: fcgi.ErrDataShort, want: "rename"},
		{err: spool.ErrNoSpace, want: "temp_dir"},
		{err: proxy.ErrFull, want: "raise response_temp"},
		{err: fmt.Errorf("%w: %w", proxy.ErrFull, spool.ErrNoSpace), want: "raise temp_limit"},
		{err: &cgi.HeadTooLargeError{Limit: 1}, want: "max_response_header"},
		{err: nil, stderr: "Primary script unknown", want: "remote_root"},
		{err: errors.New("something else")},
		{err: nil, stderr: "PHP Warning"},
	}
	for _, tt := range tests {
		trace := exchange.Trace{Err: tt.err}
		if tt.err != nil {
			trace.Err = fmt.Errorf("wrapped: %w", &upstream.DialError{Server: "s", Err: tt.err})
		}
		if tt.stderr != "" {
			trace.Stderr = []string{"first line", tt.stderr}
		}
		got := failureHint(&trace)
		if !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%v %q: got %q, want %q", tt.err, tt.stderr, got, tt.want)
		}
	}
}

func TestTheHintOfARequestTimeoutSaysWhereTheTimeWent(t *testing.T) {
	for _, tt := range []struct {
		queue, connect, upstream time.Duration
		want                     string
	}{
		{queue: 3, connect: 1, upstream: 1, want: "in the queue for a worker"},
		{queue: 1, connect: 3, upstream: 1, want: "before the server accepted"},
		{queue: 2, connect: 1, upstream: 2, want: "what the script does"},
		{upstream: 5, want: "what the script does"},
	} {
		got := failureHint(&exchange.Trace{Err: upstream.ErrRequestTimeout, Queue: tt.queue, Connect: tt.connect, Upstream: tt.upstream})
		if !strings.Contains(got, tt.want) {
			t.Errorf("queue %d, connect %d, upstream %d: %q", tt.queue, tt.connect, tt.upstream, got)
		}
	}
}

func TestTroubleWithAnAuthorizerHasItsOwnHints(t *testing.T) {
	closed := &location{authorizer: &authorizer{}, cfg: &config.Location{Authorizer: "login", Backend: "php"}}
	for _, tt := range []struct {
		err    error
		loc    *location
		asked  string // backend of the trace
		script string
		want   string
	}{
		{err: fcgi.ErrReadTimeout, loc: closed, asked: "login", want: "standard input"},
		{err: fcgi.ErrReadTimeout, loc: closed, asked: "php", script: "/x.php", want: "the script sent nothing"},
		{err: fcgi.ErrReadTimeout, loc: closed, asked: "login", script: "/x.php", want: "the script sent nothing"},
		{err: fcgi.ErrReadTimeout, loc: &location{cfg: &config.Location{}}, asked: "login", want: "the script sent nothing"},
		{err: fcgi.ErrReadTimeout, asked: "login", want: "the script sent nothing"},
		{err: proxy.ErrAuthorizerFailed, loc: closed, asked: "login", want: "app_status"},
		{err: &refused{502, "no", nil}, loc: closed, asked: "login", want: "may not set"},
		{err: &upstream.ReplyError{What: "it is empty"}, loc: closed, asked: "login", want: "SCRIPT_FILENAME"},
		{err: fcgi.ErrTruncated, loc: closed, asked: "login", want: "the authorizer ended"},
		{err: pool.ErrQueueFull, loc: closed, asked: "login", want: "as `queue` allows"},
	} {
		v := &visit{x: new(exchange.Exchange), loc: tt.loc}
		v.x.Trace.Err, v.x.Trace.Backend = fmt.Errorf("wrapped: %w", tt.err), tt.asked
		if tt.script != "" {
			v.script.Filename = []byte(tt.script)
		}
		if got := v.hint(); !strings.Contains(got, tt.want) {
			t.Errorf("%v by %s, script %q: %q", tt.err, tt.asked, tt.script, got)
		}
	}
}

func TestGlobsOfScripts(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"/*.php", "/a.php", true},
		{"/*.php", "/.php", true},
		{"/*.php", "/a/b.php", false},
		{"/*.php", "/a.phpx", false},
		{"/**.php", "/a/b.php", true},
		{"/**.php", "/a.php/b", false},
		{"/a/*/c.php", "/a/b/c.php", true},
		{"/a/*/c.php", "/a/b/b/c.php", false},
		{"/a/**/c.php", "/a/b/b/c.php", true},
		{"/wp-*.php", "/wp-login.php", true},
		{"/wp-*.php", "/xwp-login.php", false},
		{"/**", "/", true},
		{"/*", "/a/", false},
	}
	for _, tt := range tests {
		s := compileScripts([]string{tt.pattern}, nil)
		if got := s.allows([]byte(tt.path)); got != tt.want {
			t.Errorf("%s allows %s: %v", tt.pattern, tt.path, got)
		}
	}
}
