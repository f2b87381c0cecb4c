package hostile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// backend is the application: it keeps what reaches it, and answers with what
// the row at hand wants of it.
type backend struct {
	fcgitest.Server
	outputs map[string]string // by query string; others get "ran"
}

const ran = "Content-Type: text/plain\r\n\r\nran"

// tables are the locations and the backend of the configuration.
func (b *backend) tables(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf(`
  [[site.location]]
  match     = "/"
  try_files = ["/index.php?$args"]
  [[site.location]]
  match   = '~ \.php(/|$)'
  backend = "app"
{site}
[backend.app]
servers   = [%q]
max_conns = 4
multiplex = "off"
`, b.listen(t))
}

func (b *backend) listen(t testing.TB) string {
	t.Helper()
	b.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
		out, ok := b.outputs[r.Params["QUERY_STRING"]]
		if !ok {
			out = ran
		}
		_, _ = w.WriteString(out) // the gateway may have given up
	}
	return "unix:" + b.Start(t)
}

// scene is what the params of every request have in common.
type scene struct {
	port     string
	scheme   string
	protocol string
}

// ordinary are the params that every request has. They are not reported, but
// for those that check looks at.
var ordinary = []string{
	"CONTENT_LENGTH", "CONTENT_TYPE", "DOCUMENT_ROOT", "DOCUMENT_URI", "GATEWAY_INTERFACE", "HTTP_HOST", "PATH_INFO",
	"QUERY_STRING", "REDIRECT_STATUS", "REMOTE_ADDR", "REMOTE_PORT", "REQUEST_ID", "REQUEST_METHOD", "REQUEST_SCHEME",
	"REQUEST_URI", "SCRIPT_FILENAME", "SCRIPT_NAME", "SERVER_ADDR", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
	"SERVER_SOFTWARE", "HTTP_X_REQUEST_ID", "HTTP_TRACEPARENT",
}

// ownTrace is the traceparent of a request that came without one.
var ownTrace = regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]$`)

// ordinary says whether a param is one that every request over TLS has.
func (s scene) ordinary(name string) bool {
	return s.scheme == "https" && (name == "HTTPS" || strings.HasPrefix(name, "SSL_"))
}

// report writes a request as rows expect it: method and target, then whatever is
// not as it is with the plainest request for ex.test, then the body.
func (s scene) report(r *fcgitest.Request) string {
	p := r.Params
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", p["REQUEST_METHOD"], p["REQUEST_URI"])
	for _, name := range slices.Sorted(slices.Values(r.Names)) {
		if !slices.Contains(ordinary, name) && !s.ordinary(name) {
			fmt.Fprintf(&b, " %s=%q", name, p[name])
		}
	}
	differs := func(name, usual string) {
		if p[name] != usual {
			fmt.Fprintf(&b, " %s=%q", name, p[name])
		}
	}
	differs("HTTP_HOST", "ex.test")
	differs("SERVER_PROTOCOL", s.protocol)
	differs("CONTENT_TYPE", "")
	differs("REMOTE_ADDR", "127.0.0.1")
	differs("SERVER_PORT", s.port)
	differs("REQUEST_SCHEME", s.scheme)
	differs("HTTP_X_REQUEST_ID", p["REQUEST_ID"])
	if m := ownTrace.FindStringSubmatch(p["HTTP_TRACEPARENT"]); m == nil || m[1] != p["REQUEST_ID"] {
		differs("HTTP_TRACEPARENT", "")
	}
	if s.scheme == "https" {
		differs("HTTPS", "on")
	}
	_, query, _ := strings.Cut(p["REQUEST_URI"], "?")
	differs("QUERY_STRING", query)
	if n := p["CONTENT_LENGTH"]; n != strconv.Itoa(len(r.Stdin)) && !(n == "" && len(r.Stdin) == 0) {
		fmt.Fprintf(&b, " CONTENT_LENGTH=%q", n)
	}
	if len(r.Stdin) > 0 {
		fmt.Fprintf(&b, " %.60q", r.Stdin)
	}
	return b.String()
}
