package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// python is Debian's, which has the packages; another may come first in PATH.
const python = "/usr/bin/python3"

// appServer runs a server of testdata until the test ends and returns its
// address. args get the path of its unix socket in place of {socket}.
func appServer(t testing.TB, program string, args ...string) string {
	t.Helper()
	harness.Program(t, program)
	socket := filepath.Join(harness.Dir(t), "app.sock")
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{socket}", socket)
	}
	cmd := exec.Command(program, args...)
	out := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails if it has ended
		_ = cmd.Wait()                          // says how it was ended
		if t.Failed() {
			t.Logf("%s:\n%s", program, tail(out.String()))
		}
	})
	harness.Eventually(t, program+" does not listen", func() bool { return harness.Accepts("unix", socket) })
	return "unix:" + socket
}

func uvicorn(t testing.TB) string {
	t.Helper()
	return appServer(t, "/usr/bin/uvicorn", "--uds", "{socket}", "--no-access-log", "--app-dir", "testdata", "asgi_app:app")
}

// gunicorn runs the WSGI application with workers of a class.
func gunicorn(t testing.TB, class string) string {
	t.Helper()
	return appServer(t, "/usr/bin/gunicorn", "--bind", "unix:{socket}", "--workers", "2", "--worker-class", class, "--threads", "2",
		"--chdir", "testdata", "wsgi_app:app")
}

// goServer is net/http's.
func goServer(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		h := w.Header()
		h["Set-Cookie"] = []string{"a=b", "c=d"}
		if r.URL.Path == "/missing" {
			w.WriteHeader(404)
		}
		path, query, _ := strings.Cut(r.RequestURI, "?")
		fmt.Fprintf(w, "%s %s %s %d %s", r.Method, path, query, n, r.Header.Get("X-Forwarded-Proto"))
	})}
	go s.Serve(ln) // ends with Close
	t.Cleanup(func() { s.Close() })
	return ln.Addr().String()
}

const httpSite = `
{tables}
[[site]]
listen = ["{listen}"]
max_body = "200MiB"

  [[site.location]]
  match   = "/"
  backend = "app"

[backend.app]
protocol = "http"
servers  = ["{server}"]
{backend}
`

// startHTTP runs a gateway in front of an HTTP server.
func startHTTP(t testing.TB, s *site) *gateway {
	t.Helper()
	g := newGateway(t, s)
	g.write(s.fill(httpSite))
	g.run()
	return g
}

func TestHTTPServersAnswer(t *testing.T) {
	servers := map[string]func(testing.TB) string{
		"uvicorn":          uvicorn,
		"gunicorn sync":    func(t testing.TB) string { return gunicorn(t, "sync") },
		"gunicorn gthread": func(t testing.TB) string { return gunicorn(t, "gthread") },
		"net/http":         goServer,
	}
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			g := startHTTP(t, &site{server: server(t)})
			for range 3 {
				g.get("/a%20b//c?q=1").expect(t, 200, "GET /a%20b//c q=1 0 http")
			}
			g.get("/missing").expect(t, 404, "GET /missing  0 http")
			for _, size := range []int{0, 5, 100 << 10, 20 << 20} {
				body := strings.NewReader(strings.Repeat("x", size))
				resp, err := g.httpClient().Post(g.url("/"), "text/plain", io.MultiReader(body)) // chunked
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := fmt.Sprintf("POST /  %d http", size); err != nil || string(got) != want || len(resp.Header["Set-Cookie"]) != 2 {
					t.Errorf("%d bytes: %q, %v, %v", size, got, resp.Header, err)
				}
			}
			c := g.dial()
			c.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
			if head := c.answer("HEAD"); head.StatusCode != 200 || head.body != "" {
				t.Errorf("HEAD: %d %q", head.StatusCode, head.body)
			}
			c.answer("GET").expect(t, 200, "GET /next  0 http")
		})
	}
}

func TestAnASGIStreamIsPassedOnPieceByPiece(t *testing.T) {
	g := startHTTP(t, &site{server: uvicorn(t)})
	c := g.dial()
	c.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	resp := c.head("GET")
	first := make([]byte, len("data: 0\n\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "data: 0\n\n" {
		t.Errorf("%q, %v", first, err)
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "data: 1\n\ndata: 2\n\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestTheExampleForHTTPServersWorks(t *testing.T) {
	example := readFile(t, "../../configs/http-backend.toml")
	s := &site{root: docroot(t, "style.css", "css"), server: uvicorn(t)}
	g := newGateway(t, s)
	g.write(strings.NewReplacer(`":80"`, `"`+s.listen+`"`, `"/srv/app/public"`, `"`+s.root+`"`,
		`"unix:/run/app/app.sock"`, `"`+s.server+`"`).Replace(example))
	g.run()
	g.get("/style.css").expect(t, 200, "css")
	g.get("/users/1?a=b").expect(t, 200, "GET /users/1 a=b 0 http")
	g.speaksWebSocket("ws://" + g.addr + "/chat")
}
