package hostile

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// httpBackend is an application that speaks HTTP itself. It reports what reached
// it as if they were params, so that the rows can be the same.
type httpBackend struct {
	mu   sync.Mutex // guards seen
	seen []*fcgitest.Request
}

func (b *httpBackend) tables(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: b}
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		_ = s.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return fmt.Sprintf(`
  [[site.location]]
  match   = "/"
  backend = "app"
{site}
[backend.app]
protocol  = "http"
servers   = [%q]
max_conns = 4
`, ln.Addr().String())
}

// Requests returns what was seen so far.
func (b *httpBackend) Requests() []*fcgitest.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen)
}

// ServeHTTP implements http.Handler.
func (b *httpBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	q := &fcgitest.Request{Stdin: body, Params: map[string]string{
		"REQUEST_METHOD": r.Method, "REQUEST_URI": r.RequestURI, "SERVER_PROTOCOL": r.Proto, "HTTP_HOST": r.Host,
		"REQUEST_ID": r.Header.Get("X-Request-Id"), "REMOTE_ADDR": r.Header.Get("X-Forwarded-For"), "REQUEST_SCHEME": r.Header.Get("X-Forwarded-Proto"),
	}}
	_, q.Params["QUERY_STRING"], _ = strings.Cut(r.RequestURI, "?")
	if err != nil || r.TransferEncoding != nil || len(r.Trailer) > 0 {
		q.Params["BROKEN"] = fmt.Sprint(err, r.TransferEncoding, r.Trailer)
	}
	for name, values := range r.Header {
		q.Params[paramName(name)] = strings.Join(values, separator(name))
	}
	dropOwn(q.Params, r.Host)
	for name := range q.Params {
		q.Names = append(q.Names, name)
	}
	b.mu.Lock()
	b.seen = append(b.seen, q)
	b.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "ran") // the gateway may have given up
}

func paramName(field string) string {
	name := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(field))
	if name == "CONTENT_TYPE" || name == "CONTENT_LENGTH" {
		return name
	}
	return "HTTP_" + name
}

func separator(field string) string {
	if field == "Cookie" {
		return "; "
	}
	return ", "
}

// dropOwn takes out what the gateway tells of itself, if it is right.
func dropOwn(p map[string]string, host string) {
	for name, value := range map[string]string{
		"HTTP_X_FORWARDED_FOR": p["REMOTE_ADDR"], "HTTP_X_FORWARDED_PROTO": p["REQUEST_SCHEME"], "HTTP_X_FORWARDED_HOST": host,
		"HTTP_FORWARDED": forwardedAs(p, host),
	} {
		if p[name] == value {
			delete(p, name)
		}
	}
}

func forwardedAs(p map[string]string, host string) string {
	s := "for=" + p["REMOTE_ADDR"] + ";proto=" + p["REQUEST_SCHEME"]
	switch {
	case host == "":
		return s
	case strings.ContainsAny(host, ":[]"):
		return s + `;host="` + host + `"`
	}
	return s + ";host=" + host
}

// otherwise names the rows that mean something else to such an application.
func otherwise(r *row) bool {
	return strings.HasPrefix(r.name, "app: ") || strings.HasPrefix(r.ref, "dotfiles") || strings.Contains(r.name, "websocket to what speaks none")
}

// written is what reaches such an application of targets that are written anew:
// those with dot segments, backslashes and two slashes at the beginning, which
// servers resolve differently (docs/http.md), and of a request without Host, which HTTP/1.1 must have.
var written = map[string]string{
	`target: target "/./a"`:                        "GET /a",
	`target: target "/a/."`:                        "GET /a/",
	`target: target "/a/../b"`:                     "GET /b",
	`target: target "/a/%2e%2e/b"`:                 "GET /b",
	`target: target "/a\\..\\b"`:                   "GET /a%5C..%5Cb",
	`target: target "/a\\b"`:                       "GET /a%5Cb",
	`target: target "/\\evil.test"`:                "GET /%5Cevil.test",
	`target: target "//"`:                          "GET /",
	`target: target "///"`:                         "GET /",
	`target: target "//evil.test/x"`:               "GET /evil.test/x",
	"target: absolute form with a path of slashes": "GET /evil.test/",
	"line: HTTP/1.0 without Host":                  `GET / HTTP_FORWARDED="for=127.0.0.1;proto=http" HTTP_HOST="localhost"`,
}

func TestEveryHostileRequestEndsAsItShouldBeforeHTTP(t *testing.T) {
	g := start(t, &httpBackend{}, limits, "")
	via := g.plain()
	via.scene.port = ""
	for _, r := range h1Rows() {
		if otherwise(&r) {
			continue
		}
		for i, want := range r.reach { // servers are spoken to by HTTP/1.1 alone
			r.reach[i] = strings.Replace(want, ` SERVER_PROTOCOL="HTTP/1.0"`, "", 1)
		}
		if anew, ok := written[r.name]; ok {
			r.reach = []string{anew}
		}
		t.Run(r.name, func(t *testing.T) { r.check(t, g, via, paces[0]) })
	}
}

// From HTTP/2 to HTTP/1.1 is where requests are smuggled by what only the latter
// takes for framing (H2.CL, H2.TE).
func TestEveryHostileStreamEndsAsItShouldBeforeHTTP(t *testing.T) {
	g := start(t, &httpBackend{}, limits, "")
	via := g.plain()
	via.scene.port = ""
	for _, r := range h2Rows() {
		t.Run(r.name, func(t *testing.T) {
			if err := r.try(g, via); err != nil {
				t.Errorf("%s: %v", r.ref, err)
			}
		})
	}
}
