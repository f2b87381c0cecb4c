package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/cgi"
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
		{err: pool.ErrQueueFull, want: "max_children"},
		{err: pool.ErrQueueTimeout, want: "max_children"},
		{err: fcgi.ErrReadTimeout, want: "read_timeout"},
		{err: fcgi.ErrTruncated, want: "request_terminate_timeout"},
		{err: fcgi.ErrStale, want: "request_terminate_timeout"},
		{err: fcgi.ErrUnknownRole, want: "authorizer"},
		{err: fcgi.ErrDataShort, want: "rename"},
		{err: spool.ErrNoSpace, want: "temp_dir"},
		{err: proxy.ErrFull, want: "response_temp"},
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
