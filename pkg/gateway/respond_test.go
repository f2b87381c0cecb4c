package gateway_test

import (
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const responses = `
[[site]]
listen = [":80"]
root = "{dir}/www"
scripts = ["/**"]
headers = { X-Site = "$host", X-Frame-Options = "DENY", X-Powered-By = "", Server = "mine" }
  [[site.location]]
  match = "/"
  headers = { X-Frame-Options = "SAMEORIGIN", X-URI = "$uri" }
  [[site.location]]
  match = "/app/"
  backend = "app"
  [[site.location]]
  match = "/kept/"
  backend = "app"
  intercept_errors = true
  [[site.location]]
  match = "/dead/"
  backend = "dead"
  [[site.location]]
  match = "/busy/"
  backend = "busy"
  [[site.location]]
  match = "/text"
  return = "200 hello"
  [[site.location]]
  match = "/small/"
  backend = "app"
  max_body = 10
[backend.app]
servers = ["{app}"]
check_files = false
[backend.dead]
servers = ["unix:{dir}/no-such.sock"]
check_files = false
retry_timeout = 0
tries = 1
[backend.busy]
servers = ["{app}"]
check_files = false
max_conns = 1
queue = 1
queue_timeout = "30ms"
`

// play answers as the last segment of the path says.
func play(w *fcgitest.Response, r *fcgitest.Request) {
	uri := r.Params["REQUEST_URI"]
	switch uri[strings.LastIndexByte(uri, '/')+1:] {
	case "500":
		_, _ = w.WriteString("Status: 500 Oops\r\nContent-Type: text/plain\r\n\r\nfrom the application")
	case "id":
		_, _ = w.WriteString("X-Request-ID: theirs\r\nX-Powered-By: PHP/8\r\nX-Frame-Options: ALLOW\r\nContent-Type: text/plain\r\n\r\nok")
	case "garbage":
		_, _ = w.WriteString("no header at all")
	case "cut":
		_, _ = w.WriteString("Content-Type: text/")
		_ = w.Flush()
		w.Close()
	case "unknown":
		_ = w.Stderr([]byte("Primary script unknown"))
		_, _ = w.WriteString("Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\nFile not found.\n")
	case "hold":
		<-r.Aborted
	default:
		show(w, r)
	}
}

func TestTheHeadersOfALocationAreOnEveryKindOfResponse(t *testing.T) {
	r := start(t, responses, []string{"a.txt", "dir/x"}, play)
	tests := []struct {
		target string
		status int
		frame  string
	}{
		{"/a.txt", 200, "SAMEORIGIN"},
		{"/none", 404, "SAMEORIGIN"},
		{"/dir", 301, "SAMEORIGIN"},
		{"/dir/", 403, "SAMEORIGIN"},
		{"/text", 200, "DENY"},
		{"/app/x", 200, "DENY"},
		{"/app/id", 200, "DENY"},
		{"/app/500", 500, "DENY"},
		{"/app/garbage", 502, "DENY"},
		{"/kept/500", 500, "DENY"},
		{"/dead/x", 502, "DENY"},
	}
	for _, tt := range tests {
		got := r.get(tt.target)
		h := got.Header
		if got.StatusCode != tt.status || strings.Join(h.Values("X-Frame-Options"), ",") != tt.frame ||
			h.Get("X-Site") != "x" || h.Get("X-Powered-By") != "" || strings.Join(h.Values("Server"), ",") != "mine" {
			t.Errorf("%s: got %d, %v", tt.target, got.StatusCode, h)
		}
		if uri := h.Get("X-URI"); (uri != "") != (tt.frame == "SAMEORIGIN") {
			t.Errorf("%s: X-URI %q", tt.target, uri)
		}
		if id := h.Values("X-Request-ID"); len(id) != 1 || len(id[0]) != 32 {
			t.Errorf("%s: X-Request-ID %q", tt.target, id)
		}
	}
}

func TestErrorPagesNameTheRequestAndNothingElse(t *testing.T) {
	r := start(t, responses, nil, play)
	for target, status := range map[string]int{
		"/dead/x": 502, "/app/garbage": 502, "/app/cut": 502, "/none": 404, "/kept/500": 500,
	} {
		got := r.get(target)
		if got.StatusCode != status || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Retry-After") != "" {
			t.Errorf("%s: got %d, %v", target, got.StatusCode, got.Header)
		}
		if !strings.Contains(got.body, got.Header.Get("X-Request-ID")) {
			t.Errorf("%s: the page does not name the request", target)
		}
		for _, leak := range []string{r.dir, ".sock", "unix:", "application", "fcgi", "upstream", target} {
			if strings.Contains(got.body, leak) {
				t.Errorf("%s: the page holds %q", target, leak)
			}
		}
	}
	harness.Eventually(t, "the reasons are in the log", func() bool {
		log := r.read("error.log")
		return strings.Contains(log, "no-such.sock") && strings.Contains(log, "is php-fpm running")
	})
}

func TestAnApplicationsErrorIsItsOwnUnlessIntercepted(t *testing.T) {
	r := start(t, responses, nil, play)
	if got := r.get("/app/500"); got.StatusCode != 500 || got.body != "from the application" {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
	if got := r.get("/kept/500"); got.StatusCode != 500 || !strings.Contains(got.body, "<h1>500") {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
}

func TestABusyBackendAsksToComeAgain(t *testing.T) {
	entered := make(chan struct{}, 4)
	goOn := make(chan struct{})
	r := start(t, responses, nil, func(w *fcgitest.Response, req *fcgitest.Request) {
		entered <- struct{}{}
		select {
		case <-goOn:
		case <-req.Aborted:
		}
		show(w, req)
	})
	first := make(chan reply, 1)
	go func() { first <- r.get("/busy/1") }() // ends with goOn
	<-entered
	got := r.get("/busy/2")
	if got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", got.StatusCode, got.Header.Get("Retry-After"))
	}
	close(goOn)
	if got := <-first; got.StatusCode != 200 {
		t.Errorf("the first: %d", got.StatusCode)
	}
	harness.Eventually(t, "the hint is in the log", func() bool { return strings.Contains(r.read("error.log"), "all workers were busy") })
}

func TestABodyBeyondTheLimitNeverReachesTheBackend(t *testing.T) {
	r := start(t, responses, nil, play)
	for _, request := range []string{
		"POST /small/x HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n01234567890",
		"POST /small/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
	} {
		if got := r.raw(":80", request); got.StatusCode != 413 {
			t.Errorf("got %d", got.StatusCode)
		}
	}
	if n := len(r.app.Requests()); n != 0 {
		t.Errorf("the backend got %d requests", n)
	}
	if got := r.raw(":80", "POST /small/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789"); got.StatusCode != 200 {
		t.Errorf("a body of the limit: got %d", got.StatusCode)
	}
}

func TestAnUnknownScriptIsExplainedInTheLog(t *testing.T) {
	r := start(t, responses, nil, play)
	if got := r.get("/app/unknown"); got.StatusCode != 404 {
		t.Errorf("got %d", got.StatusCode)
	}
	harness.Eventually(t, "the hint is in the log", func() bool { return strings.Contains(r.read("error.log"), "set remote_root") })
}
