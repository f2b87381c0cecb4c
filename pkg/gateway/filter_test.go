package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const filtered = `
[[site]]
listen = [":80"]
root = "{dir}/www"
index = ["index.txt"]
  [[site.location]]
  match = "/"
  role = "filter"
  backend = "app"
  params = { APP = "$script_filename", FCGI_DATA_LENGTH = "1" }
  [[site.location]]
  match = "/far/"
  role = "filter"
  backend = "far"
  [[site.location]]
  match = "/alias/"
  alias = "{dir}/www/sub/"
  role = "filter"
  backend = "app"
  deny_source = []
  [[site.location]]
  match = "/tried/"
  try_files = ["/sub$uri", "/a.txt"]
  role = "filter"
  backend = "app"
  [[site.location]]
  match = "/guarded/"
  authorizer = "app"
  role = "filter"
  backend = "app"
[backend.app]
servers = ["{app}"]
max_conns = 1
[backend.far]
servers = ["{app}"]
remote_root = "/srv/far/"
check_files = false
`

// upper is a filter that shows its file in capitals.
func upper(w *fcgitest.Response, r *fcgitest.Request) {
	if r.Role == fcgi.RoleAuthorizer {
		_, _ = w.WriteString("Variable-FCGI: x\r\nVariable-REMOTE_USER: joe\r\n\r\n")
		return
	}
	fmt.Fprintf(w, "Content-Type: text/plain\r\n\r\n%s %s%s", strings.ToUpper(string(r.Data)), r.Params["REMOTE_USER"], r.Stdin)
}

func TestAFilterGetsTheFileThatThePathNames(t *testing.T) {
	r := start(t, filtered, []string{"a.txt", "sub/b.txt", "sub/index.txt", "sub/c.php", "c.php", "far/d.txt", ".dot", "guarded/e.txt"}, upper)
	for name, target := range map[string]string{"out": r.dir + "/error.log", "in": "sub/b.txt", "source.txt": "c.php"} {
		if err := os.Symlink(target, filepath.Join(r.dir, "www", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		target string
		status int
		body   string
	}{
		{"/a.txt", 200, "FILE A.TXT "},
		{"/sub/b.txt", 200, "FILE SUB/B.TXT "},
		{"/sub/", 200, "FILE SUB/INDEX.TXT "},
		{"/in", 200, "FILE SUB/B.TXT "},
		{"/alias/b.txt", 200, "FILE SUB/B.TXT "},
		{"/alias/c.php", 200, "FILE SUB/C.PHP "}, // its location denies no source
		{"/tried/none", 200, "FILE A.TXT "},
		{"/far/d.txt", 200, "FILE FAR/D.TXT "},
		{"/guarded/e.txt", 200, "FILE GUARDED/E.TXT joe"},
		{"/sub", 301, ""},
		{"/none.txt", 404, ""},
		{"/a.txt/", 404, ""},
		{"/out", 404, ""},
		{"/c.php", 404, ""},
		{"/source.txt", 404, ""},
		{"/.dot", 404, ""},
		{"/far/", 403, ""},
	} {
		before := len(r.app.Requests())
		got := r.get(tt.target)
		if got.StatusCode != tt.status || tt.status == 200 && got.body != tt.body {
			t.Errorf("%s: got %d %.80q, want %d", tt.target, got.StatusCode, got.body, tt.status)
		}
		if ran := len(r.app.Requests()) > before; ran != (tt.status == 200) {
			t.Errorf("%s: the filter ran: %v", tt.target, ran)
		}
	}
}

func TestAFilterIsToldOfItsFile(t *testing.T) {
	r := start(t, filtered, []string{"a.txt", "far/d.txt", "sub/b.txt"}, upper)
	at := time.Unix(1700000000, 123)
	if err := os.Chtimes(r.dir+"/www/a.txt", at, at); err != nil {
		t.Fatal(err)
	}
	got := r.raw(":80", "POST /a.txt?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nFcgi-Data-Length: 9\r\n\r\nbody")
	if got.body != "FILE A.TXT body" {
		t.Fatalf("got %d %q", got.StatusCode, got.body)
	}
	for name, want := range map[string]string{
		"FCGI_DATA_LAST_MOD": "1700000000", "FCGI_DATA_LENGTH": "10", "CONTENT_LENGTH": "4", "QUERY_STRING": "q=1", "SCRIPT_NAME": "/a.txt",
		"SCRIPT_FILENAME": r.dir + "/www/a.txt", "DOCUMENT_ROOT": r.dir + "/www", "PATH_INFO": "", "APP": r.dir + "/www/a.txt",
		"HTTP_FCGI_DATA_LENGTH": "9",
	} {
		if p := r.lastParams(); p[name] != want {
			t.Errorf("%s is %q, want %q", name, p[name], want)
		}
	}
	q := r.app.Requests()[0]
	if q.Role != fcgi.RoleFilter || string(q.Data) != "file a.txt" || q.KeepConn {
		t.Errorf("role %d, data %q, keep %v", q.Role, q.Data, q.KeepConn)
	}
	r.get("/far/d.txt")
	if p := r.lastParams(); p["SCRIPT_FILENAME"] != "/srv/far/far/d.txt" || p["DOCUMENT_ROOT"] != "/srv/far" {
		t.Errorf("with a remote_root: %q in %q", p["SCRIPT_FILENAME"], p["DOCUMENT_ROOT"])
	}
}

// opens reports whether this process has the file open.
func opens(path string) bool {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == path {
			return true
		}
	}
	return false
}

// queued reports whether a request of this process waits for a worker.
func queued() bool {
	stacks := make([]byte, 1<<20)
	return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("semaphore.(*Weighted).Acquire("))
}

func TestAFileThatChangesWhileItsRequestWaits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(path string) error
		status int
		body   string
	}{
		{"shorter", func(path string) error { return os.Truncate(path, 9) }, 502, ""},
		{"empty", func(path string) error { return os.Truncate(path, 0) }, 502, ""},
		{"longer", func(path string) error { return os.WriteFile(path, []byte("file b.txt and more"), 0o644) }, 200, "FILE B.TXT "},
		{"another", func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("new"), 0o644), os.Rename(path+".new", path))
		}, 200, "FILE B.TXT "},
		{"removed", os.Remove, 200, "FILE B.TXT "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			release := make(chan struct{})
			r := start(t, filtered, []string{"a.txt", "b.txt", "sub/x"}, func(w *fcgitest.Response, q *fcgitest.Request) {
				if q.Params["REQUEST_URI"] == "/a.txt" {
					select {
					case <-release:
					case <-q.Aborted:
					}
				}
				upper(w, q)
			})
			first, second := make(chan reply, 1), make(chan reply, 1)
			go func() { first <- r.get("/a.txt") }() // ends with its response; it has the only worker
			harness.Eventually(t, "the worker is busy", func() bool { return len(r.app.Requests()) == 1 })
			go func() { second <- r.get("/b.txt") }() // ends with its response
			path := r.dir + "/www/b.txt"
			harness.Eventually(t, "the file is open, and its length taken", func() bool { return opens(path) && queued() })
			if err := tt.change(path); err != nil {
				t.Fatal(err)
			}
			close(release)
			if got := <-first; got.body != "FILE A.TXT " {
				t.Fatalf("got %d %q", got.StatusCode, got.body)
			}
			if got := <-second; got.StatusCode != tt.status || tt.status == 200 && got.body != tt.body {
				t.Errorf("got %d %q", got.StatusCode, got.body)
			}
			harness.Eventually(t, "the file is closed", func() bool { return !opens(path) && !opens(path+" (deleted)") })
			if got := r.get("/a.txt"); got.body != "FILE A.TXT " {
				t.Errorf("the worker is lost: %d %q", got.StatusCode, got.body)
			}
		})
	}
}

func TestFilesOfManyRequestsShareAConnection(t *testing.T) {
	app := &fcgitest.Server{Mpxs: true, Handler: upper}
	text := strings.Replace(filtered, "servers = [\"{app}\"]\nmax_conns = 1\n",
		"servers = [\"unix:"+app.Start(t)+"\"]\nmax_conns = 1\nmultiplex = \"on\"\n", 1)
	r := start(t, text, []string{"sub/b.txt"}, nil)
	big := strings.Repeat("0123456789abcdef", 20_000)
	for i := range 8 {
		r.write(fmt.Sprintf("www/%d.txt", i), fmt.Sprint(i)+big)
	}
	got := make(chan string)
	const requests = 32
	for i := range requests {
		go func() { // ends with its response
			if body := r.get(fmt.Sprintf("/%d.txt", i%8)).body; body != fmt.Sprint(i%8)+strings.ToUpper(big)+" " {
				got <- fmt.Sprintf("file %d: %d bytes, %.40q", i%8, len(body), body)
				return
			}
			got <- ""
		}()
	}
	for range requests {
		if s := <-got; s != "" {
			t.Error(s)
		}
	}
	if n := app.Accepted(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
