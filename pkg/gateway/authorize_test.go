package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const guarded = `
[[site]]
listen = [":80"]
root = "{dir}/www"
index = ["index.html"]
scripts = ["/**.php"]
params = { APP = "site", SCRIPT_NAME = "/mine", SCRIPT_FILENAME = "/mine.php" }
  [[site.location]]
  match = "/"
  authorizer = "auth"
  authorizer_params = { AREA = "root", PATH_INFO = "/asked/for" }
  headers = { X-Location = "root", Cache-Control = "max-age=60" }
  [[site.location]]
  match = '~ \.php$'
  authorizer = "auth"
  backend = "app"
  params = { SCRIPT_NAME = "/mine", SAME = "params" }
  [[site.location]]
  match = "/text"
  authorizer = "auth"
  return = "200 the text"
  [[site.location]]
  match = "/try/"
  authorizer = "auth"
  try_files = ["$uri", "@named"]
  [[site.location]]
  match = "@named"
  authorizer = "auth"
  authorizer_params = { AREA = "named" }
  backend = "app"
  scripts = ["/**"]
  params = { SCRIPT_FILENAME = "{dir}/www/index.php" }
  [[site.location]]
  match = "/open/"
  [[site.location]]
  match = "/half/"
  authorizer = "auth"
  try_files = ["$uri", "/plain.php5"]
  [[site.location]]
  match = "= /plain.php5"
  backend = "blind"
  scripts = ["/**"]
  [[site.location]]
  match = "/dead/"
  authorizer = "dead"
  return = "200 open"
  [[site.location]]
  match = "/internal/"
  authorizer = "auth"
  internal = true
  [[site.location]]
  match = "/far/"
  authorizer = "far"
  return = "200 far"
[backend.app]
servers = ["{app}"]
max_conns = 1
check_files = true
[backend.auth]
servers = ["{app}"]
max_conns = 1
[backend.blind]
servers = ["{app}"]
check_files = false
[backend.far]
servers = ["{app}"]
remote_root = "/srv/far/"
[backend.dead]
servers = ["unix:{dir}/no-such.sock"]
tries = 1
retry_timeout = 0
`

// guard is an authorizer that knows what to reply from the header X-Do, and a
// responder that shows what it got.
func guard(w *fcgitest.Response, r *fcgitest.Request) {
	if r.Role != fcgi.RoleAuthorizer {
		fmt.Fprintf(w, "Content-Type: text/plain\r\n\r\nuser %s, body %q", r.Params["REMOTE_USER"], r.Stdin)
		return
	}
	switch do := r.Params["HTTP_X_DO"]; {
	case do == "":
		_, _ = w.WriteString("Status: 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nVariable-SECRET: s\r\nContent-Type: text/plain\r\n\r\nwho are you?")
	case do == "login":
		_, _ = w.WriteString("Location: https://login.test/\r\n\r\n")
	case do == "die":
		w.Close()
	case do == "fail":
		_, _ = w.WriteString("\r\nx")
		_ = w.End(1, fcgi.StatusComplete)
	case do == "plain":
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\nnobody sees this")
	default:
		_, _ = w.WriteString("Status: 200 OK\r\nSet-Cookie: a=b\r\n" + strings.ReplaceAll(do, "; ", "\r\n") + "\r\n\r\nnobody sees this")
	}
}

// ask sends a request whose authorizers do what do says.
func (r *rig) ask(target, do string, more ...string) reply {
	r.tb.Helper()
	return r.raw(":80", "GET "+target+" HTTP/1.1\r\nHost: x\r\nX-Do: "+do+"\r\n"+strings.Join(more, "")+"\r\n")
}

// asked returns the requests that authorizers got from the nth request on.
func (r *rig) asked(n int) (list []*fcgitest.Request) {
	for _, q := range r.app.Requests()[n:] {
		if q.Role == fcgi.RoleAuthorizer {
			list = append(list, q)
		}
	}
	return list
}

const joe = "Variable-REMOTE_USER: joe"

func TestAnAuthorizerStandsInFrontOfWhateverAnswers(t *testing.T) {
	r := start(t, guarded, []string{"a.txt", "index.php", "open/o.txt", "sub/index.html", "try/x.txt"}, guard)
	for _, tt := range []struct {
		target string
		times  int // that an authorizer is asked
		body   string
	}{
		{"/a.txt", 1, "file a.txt"},
		{"/index.php", 1, `user joe, body ""`},
		{"/text", 1, "the text"},
		{"/try/x.txt", 1, "file try/x.txt"},
		{"/sub/", 2, "file sub/index.html"}, // the directory's location, and the file's
		{"/open/o.txt", 0, "file open/o.txt"},
	} {
		before := len(r.app.Requests())
		got := r.ask(tt.target, joe)
		if got.StatusCode != 200 || got.body != tt.body || got.Header.Get("Set-Cookie") != "" || got.Header.Get("Variable-Remote_user") != "" {
			t.Errorf("%s: got %d %q %v", tt.target, got.StatusCode, got.body, got.Header)
		}
		if n := len(r.asked(before)); n != tt.times {
			t.Errorf("%s: asked %d times, want %d", tt.target, n, tt.times)
		}
		if tt.times == 0 {
			continue
		}
		before = len(r.app.Requests())
		got = r.ask(tt.target, "")
		if got.StatusCode != 401 || got.body != "who are you?" || got.Header.Get("WWW-Authenticate") != `Basic realm="x"` {
			t.Errorf("%s: refused with %d %q %v", tt.target, got.StatusCode, got.body, got.Header)
		}
		if got.Header.Get("Variable-SECRET") != "" {
			t.Errorf("%s: a variable went to the client", tt.target)
		}
		if list := r.app.Requests()[before:]; len(list) != 1 {
			t.Errorf("%s: %d requests behind a refusal", tt.target, len(list))
		}
	}
}

func TestOnlyAReplyOf200OpensALocation(t *testing.T) {
	r := start(t, guarded, nil, guard)
	for _, tt := range []struct {
		do     string
		status int
		body   string // empty: not looked at
	}{
		{"plain", 200, "the text"}, // no Status is 200
		{"Status: 200", 502, ""},   // two of them
		{"", 401, "who are you?"},
		{"login", 302, ""},
		{"die", 502, ""},
		{"fail", 502, ""},
	} {
		got := r.ask("/text", tt.do)
		if got.StatusCode != tt.status || tt.body != "" && got.body != tt.body || tt.status != 200 && strings.Contains(got.body, "the text") {
			t.Errorf("%q: got %d %q, want %d", tt.do, got.StatusCode, got.body, tt.status)
		}
	}
	if got := r.ask("/text", "login"); got.Header.Get("Location") != "https://login.test/" {
		t.Errorf("got %v", got.Header)
	}
	if got := r.ask("/dead/x", joe); got.StatusCode != 502 {
		t.Errorf("an authorizer that is down: got %d %q", got.StatusCode, got.body)
	}
	if got := r.ask("/internal/x", joe); got.StatusCode != 404 {
		t.Errorf("an internal location: got %d", got.StatusCode)
	}
}

func TestEveryStatusButOneIsARefusal(t *testing.T) {
	status := 0
	r := start(t, guarded, nil, func(w *fcgitest.Response, _ *fcgitest.Request) {
		fmt.Fprintf(w, "Status: %d\r\nContent-Type: text/plain\r\n\r\nno", status)
	})
	for _, status = range []int{201, 204, 206, 299, 301, 304, 400, 403, 404, 429, 500, 503} {
		if got := r.ask("/text", ""); got.StatusCode != status || strings.Contains(got.body, "the text") {
			t.Errorf("%d: got %d %q", status, got.StatusCode, got.body)
		}
	}
	if status = 200; r.ask("/text", "").body != "the text" {
		t.Error("200 is refused")
	}
}

func TestAnAuthorizerGetsTheParamsOfTheSpecification(t *testing.T) {
	r := start(t, guarded, []string{"a.txt", "index.php"}, guard)
	body := "POST /a.txt?q=1 HTTP/1.1\r\nHost: x\r\nX-Do: plain\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nbody"
	r.raw(":80", body)
	q := r.asked(0)[0]
	for name, want := range map[string]string{
		"REQUEST_METHOD": "POST", "REQUEST_URI": "/a.txt?q=1", "DOCUMENT_URI": "/a.txt", "QUERY_STRING": "q=1", "CONTENT_TYPE": "text/x",
		"DOCUMENT_ROOT": r.dir + "/www", "APP": "site", "AREA": "root", "HTTP_X_DO": "plain",
		"PATH_INFO": "/asked/for", // by authorizer_params
	} {
		if q.Params[name] != want {
			t.Errorf("%s is %q, want %q", name, q.Params[name], want)
		}
	}
	for _, name := range []string{"CONTENT_LENGTH", "PATH_TRANSLATED", "SCRIPT_NAME", "SCRIPT_FILENAME"} {
		if v, ok := q.Params[name]; ok {
			t.Errorf("%s is sent: %q", name, v)
		}
	}
	if len(q.Stdin) > 0 || !slices.Equal(slices.Compact(slices.Sorted(slices.Values(q.Names))), slices.Sorted(slices.Values(q.Names))) {
		t.Errorf("body %q, params %v", q.Stdin, q.Names)
	}
	r.ask("/far/", "plain")
	if q := r.asked(1)[0]; q.Params["DOCUMENT_ROOT"] != "/srv/far" {
		t.Errorf("with a remote_root DOCUMENT_ROOT is %q", q.Params["DOCUMENT_ROOT"])
	}
}

func TestVariablesBecomeParamsOnce(t *testing.T) {
	r := start(t, guarded, []string{"index.php"}, guard)
	r.ask("/index.php", joe+"; variable-AUTH_TYPE: cookie; Variable-HTTP_X_USER: joe; Variable-SAME: authorizer; Variable-A: 1; Variable-A: 2; Variable-EMPTY:",
		"X-User: evil\r\n", "Remote-User: evil\r\n")
	list := r.app.Requests()
	q := list[len(list)-1]
	for name, want := range map[string]string{
		"REMOTE_USER": "joe", "AUTH_TYPE": "cookie", "HTTP_X_USER": "joe", "SAME": "authorizer", "A": "2", "EMPTY": "",
		"HTTP_REMOTE_USER": "evil", "APP": "site", "SCRIPT_NAME": "/mine",
	} {
		if v, ok := q.Params[name]; v != want || !ok {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	seen := make(map[string]bool)
	for _, name := range q.Names {
		if seen[name] {
			t.Errorf("%s is sent twice", name)
		}
		seen[name] = true
	}
}

// The storage of a request is used again for the next of its connection.
func TestNothingOfAUserIsLeftForTheNextRequest(t *testing.T) {
	r := start(t, guarded, []string{"index.php"}, guard)
	const get = "GET /index.php HTTP/1.1\r\nHost: x\r\n"
	got := r.onOne(
		get+"X-Do: "+joe+"\r\n\r\n",
		get+"X-Do: plain\r\n\r\n",
		"POST /index.php HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", // refused with its body unread
		get+"X-Do: Variable-HTTP_ACCEPT: evil\r\n\r\n",
		get+"X-Do: plain\r\nAccept: all\r\n\r\n",
	)
	want := []string{`user joe, body ""`, `user , body ""`, "who are you?", `user , body ""`, `user , body ""`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if p := r.lastParams(); p["HTTP_ACCEPT"] != "all" {
		t.Errorf("HTTP_ACCEPT is %q", p["HTTP_ACCEPT"])
	}
	harness.Eventually(t, "all are recorded", func() bool { return strings.Count(r.read("access.log"), "\n") == len(want) })
	if n := strings.Count(r.read("access.log"), `"user":"joe"`); n != 1 {
		t.Errorf("%d records are joe's", n)
	}
}

// onOne sends requests one after the other on one connection and returns the
// bodies of the responses.
func (r *rig) onOne(requests ...string) (bodies []string) {
	r.tb.Helper()
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		r.tb.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patient))
	in := bufio.NewReader(nc)
	for _, text := range requests {
		_, _ = io.WriteString(nc, text)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			r.tb.Fatalf("%.60q: %v", text, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			r.tb.Fatal(err)
		}
		bodies = append(bodies, string(body))
	}
	return bodies
}

func TestReservedVariablesCloseTheLocation(t *testing.T) {
	r := start(t, guarded, []string{"index.php"}, guard)
	for _, name := range []string{
		"SCRIPT_FILENAME", "Script_Filename", "DOCUMENT_ROOT", "PATH_INFO", "REQUEST_METHOD", "CONTENT_LENGTH", "PHP_VALUE",
		"PHP_ADMIN_VALUE", "HTTP_PROXY", "REMOTE_ADDR", "HTTPS", "FCGI_ROLE", "LD_PRELOAD", "A-B", "1", "",
	} {
		before := len(r.app.Requests())
		got := r.ask("/index.php", "Variable-"+name+": evil")
		if got.StatusCode != 502 || len(r.app.Requests()) != before+1 {
			t.Errorf("%s: got %d, %d requests", name, got.StatusCode, len(r.app.Requests())-before)
		}
	}
	harness.Eventually(t, "the log names the variable", func() bool {
		return strings.Contains(r.read("error.log"), "the authorizer sets a variable that it may not set: PHP_ADMIN_VALUE")
	})
}

func TestTheBodyIsStillThereForTheResponder(t *testing.T) {
	r := start(t, guarded, []string{"index.php"}, guard)
	for _, text := range []string{
		"Content-Length: 4\r\n\r\nbody",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n",
	} {
		got := r.raw(":80", "POST /index.php HTTP/1.1\r\nHost: x\r\nX-Do: "+joe+"\r\n"+text)
		if got.StatusCode != 200 || got.body != `user joe, body "body"` {
			t.Errorf("got %d %q", got.StatusCode, got.body)
		}
		if got := r.raw(":80", "POST /index.php HTTP/1.1\r\nHost: x\r\n"+text); got.StatusCode != 401 {
			t.Errorf("got %d %q", got.StatusCode, got.body)
		}
	}
	for _, q := range r.asked(0) {
		if len(q.Stdin) > 0 {
			t.Errorf("an authorizer got %q", q.Stdin)
		}
	}
}

func TestARedirectAsksAgainAndVariablesLast(t *testing.T) {
	r := start(t, guarded, []string{"index.php"}, guard)
	if got := r.ask("/try/none", joe); got.StatusCode != 404 { // the named location's script does not exist
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
	list := r.asked(0)
	if len(list) != 2 || list[0].Params["AREA"] != "" || list[1].Params["AREA"] != "named" {
		t.Fatalf("asked %d times", len(list))
	}
	if list[0].Params["REMOTE_USER"] != "" || list[1].Params["REMOTE_USER"] != "joe" {
		t.Errorf("the second authorizer got the user %q", list[1].Params["REMOTE_USER"])
	}
	// A location without an authorizer gets what that of the one before said.
	if got := r.ask("/half/none", joe); got.body != `user joe, body ""` {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
	if got := r.ask("/half/none", ""); got.StatusCode != 401 {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
}

func TestALocationsLifetimeIsNotForARefusal(t *testing.T) {
	r := start(t, guarded, []string{"a.txt"}, guard)
	got := r.ask("/a.txt", joe)
	if got.Header.Get("Cache-Control") != "max-age=60" || got.Header.Get("X-Location") != "root" {
		t.Errorf("allowed: %v", got.Header)
	}
	got = r.ask("/a.txt", "login")
	if got.Header.Get("Cache-Control") != "" || got.Header.Get("X-Location") != "root" {
		t.Errorf("refused: %v", got.Header)
	}
}

func TestASitesAuthorizerGuardsEveryLocationButThoseThatSayOtherwise(t *testing.T) {
	const text = `
[[site]]
listen = [":80"]
hosts = ["x"]
root = "{dir}/www"
authorizer = "auth"
authorizer_params = { AREA = "site", ONE = "1" }
  [[site.location]]
  match = "/"
  authorizer_params = { AREA = "location" }
  [[site.location]]
  match = "/open/"
  authorizer = ""
[[site]]
listen = [":80"]
hosts = ["bare"]
root = "{dir}/www"
authorizer = "auth"
params = { APP = "bare" }
[backend.auth]
servers = ["{app}"]
`
	r := start(t, text, []string{"a.txt", "open/o.txt"}, guard)
	if got := r.ask("/a.txt", ""); got.StatusCode != 401 {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
	if p := r.lastParams(); p["AREA"] != "location" || p["ONE"] != "1" {
		t.Errorf("got %v", p)
	}
	if got := r.ask("/open/o.txt", ""); got.body != "file open/o.txt" {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
	bare := "GET /a.txt HTTP/1.1\r\nHost: bare\r\n"
	if got := r.raw(":80", bare+"\r\n"); got.StatusCode != http.StatusUnauthorized || r.lastParams()["APP"] != "bare" {
		t.Errorf("a site without locations is open: %d %q", got.StatusCode, got.body)
	}
	if got := r.raw(":80", bare+"X-Do: plain\r\n\r\n"); got.body != "file a.txt" {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
}

// With one worker for both, a request that kept it between its two roles would
// wait for itself.
func TestOneWorkerServesBothRoles(t *testing.T) {
	text := strings.Replace(guarded, `authorizer = "auth"
  backend = "app"`, `authorizer = "app"
  backend = "app"`, 1)
	r := start(t, text, []string{"index.php"}, guard)
	done := make(chan reply)
	const clients = 8
	for range clients {
		go func() { done <- r.ask("/index.php", joe) }() // ends with its response
	}
	for range clients {
		if got := <-done; got.body != `user joe, body ""` {
			t.Errorf("got %d %q", got.StatusCode, got.body)
		}
	}
	if n := len(r.asked(0)); n != clients {
		t.Errorf("asked %d times", n)
	}
}
