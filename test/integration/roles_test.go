package integration

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// rolesProgram compiles the authorizer and filter on libfcgi, runs it with the
// socket as its descriptor 0 (FastCGI section 2.2) and returns its address. stop
// ends it before the test does.
func rolesProgram(t *testing.T) (server string, stop func()) {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip(err)
	}
	if _, err := os.Stat("/usr/include/fcgiapp.h"); err != nil {
		t.Skip("libfcgi-dev: ", err)
	}
	dir := harness.Dir(t)
	bin := filepath.Join(dir, "roles")
	if out, err := exec.Command(gcc, "-O1", "-o", bin, "testdata/roles.c", "-lfcgi").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "r.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	defer ln.Close()
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(bin)
	cmd.Stdin = f
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill() // fails if it has ended
		_ = cmd.Wait()         // says how it was killed
	}
	t.Cleanup(stop)
	return "unix:" + ln.Addr().String(), stop
}

// whoPHP shows what an authorizer said and the body.
const whoPHP = `<?php header('Content-Type: text/plain');
echo 'user ', $_SERVER['REMOTE_USER'] ?? '-', ' length ', $_SERVER['LENGTH'] ?? '-', ' role ', $_SERVER['FCGI_ROLE'],
  ' body ', file_get_contents('php://input');`

const guardedSite = `
[[site]]
listen  = ["{listen}"]
root    = "{root}"
scripts = {scripts}
  [[site.location]]
  match      = "/"
  authorizer = "auth"
  [[site.location]]
  match      = "/fixed"
  authorizer = "auth"
  return     = "200 fixed"
  [[site.location]]
  match      = '~ \.php$'
  authorizer = "auth"
  backend    = "php"
{tables}
[backend.php]
servers   = ["{server}"]
max_conns = {conns}
`

// startGuarded runs the gateway with guardedSite; tables has backend.auth.
func startGuarded(t *testing.T, f *fpm, tables string, files ...string) *gateway {
	t.Helper()
	s := &site{root: docroot(t, files...), server: f.server(), conns: f.conf.children, tables: tables}
	g := newGateway(t, s)
	g.write(s.fill(guardedSite))
	g.run()
	return g
}

const basicJoe = "Authorization: Basic am9lOnB3\r\n"

func TestALibfcgiProgramDecidesWhoMayEnter(t *testing.T) {
	auth, stop := rolesProgram(t)
	f := startFPM(t, fpmConf{children: 2})
	g := startGuarded(t, f, "[backend.auth]\nservers = [\""+auth+"\"]\nmax_conns = 1\nretry_timeout = 0\n",
		"a.txt", "the file", "index.php", whoPHP)
	for range 3 { // on kept connections as well
		for path, want := range map[string]string{
			"/a.txt": "the file", "/fixed": "fixed", "/index.php": "user joe length . role RESPONDER body ",
		} {
			a := g.request("GET " + path + " HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\n\r\n")
			a.expect(t, 401, "who asks for "+path+"?")
			if got := a.Header.Get("WWW-Authenticate"); got != `Basic realm="here"` {
				t.Errorf("%s: WWW-Authenticate is %q", path, got)
			}
			a = g.request("GET " + path + " HTTP/1.1\r\nHost: ex.test\r\n" + basicJoe + "Connection: close\r\n\r\n")
			a.expect(t, 200, want)
		}
	}
	body := strings.Repeat("b", 300_000)
	c := g.dial()
	c.send("POST /index.php HTTP/1.1\r\nHost: ex.test\r\n" + basicJoe + "Content-Length: " + itoa(len(body)) + "\r\n\r\n" + body)
	c.answer(http.MethodPost).expect(t, 200, "user joe length . role RESPONDER body "+body)

	stop()
	a := g.request("GET /a.txt HTTP/1.1\r\nHost: ex.test\r\n" + basicJoe + "Connection: close\r\n\r\n")
	if a.StatusCode != 502 || strings.Contains(a.body, "the file") {
		t.Errorf("without an authorizer: %d %q", a.StatusCode, a.body)
	}
}

// checkPHP is an authorizer. It says no first, so that whatever ends it early
// says no.
const checkPHP = `<?php http_response_code(403);
if ($_SERVER['FCGI_ROLE'] !== 'AUTHORIZER' || isset($_SERVER['CONTENT_LENGTH'])) exit('not as an authorizer is asked');
switch ($_COOKIE['session'] ?? '') {
case 'joe':
  header('Variable-REMOTE_USER: joe');
  header('Variable-LENGTH: ' . strlen(file_get_contents('php://input')));
  http_response_code(200);
  exit;
case 'fatal':
  no_such_function();
}
header('Location: /login', true, 303);`

func TestPHPDecidesWhoMayEnter(t *testing.T) {
	f := startFPM(t, fpmConf{children: 1}) // for both, one after the other
	check := writeCheck(t, checkPHP)
	s := &site{root: docroot(t, "a.txt", "the file", "index.php", whoPHP), server: f.server(), conns: 1}
	g := newGateway(t, s)
	g.write(strings.ReplaceAll(s.fill(guardedSite), `authorizer = "auth"`,
		"authorizer = \"php\"\n  authorizer_params = { SCRIPT_FILENAME = \""+check+"\" }"))
	g.run()
	ask := func(path, session string) answer {
		return g.request("GET " + path + " HTTP/1.1\r\nHost: ex.test\r\nCookie: session=" + session + "\r\nConnection: close\r\n\r\n")
	}
	for range 3 {
		ask("/a.txt", "joe").expect(t, 200, "the file")
		ask("/index.php", "joe").expect(t, 200, "user joe length 0 role RESPONDER body ")
		a := ask("/a.txt", "eve")
		a.expect(t, 303, "")
		if got := a.Header.Get("Location"); got != "/login" {
			t.Errorf("Location is %q", got)
		}
		if a := ask("/a.txt", "fatal"); a.StatusCode < 400 || strings.Contains(a.body, "the file") {
			t.Errorf("a script that fails: %d %q", a.StatusCode, a.body)
		}
	}
	c := g.dial()
	c.send("POST /index.php HTTP/1.1\r\nHost: ex.test\r\nCookie: session=joe\r\nContent-Length: 4\r\n\r\nbody")
	c.answer(http.MethodPost).expect(t, 200, "user joe length 0 role RESPONDER body body")
}

// writeCheck writes an authorizer beside all roots.
func writeCheck(t *testing.T, text string) string {
	t.Helper()
	dir := harness.Dir(t)
	writeFile(t, dir, "check.php", text)
	return filepath.Join(dir, "check.php")
}

func TestALibfcgiFilterGetsTheFile(t *testing.T) {
	filter, _ := rolesProgram(t)
	big := strings.Repeat("a line of text\n", 200_000)
	s := &site{root: docroot(t, "a.txt", "the file", "big.txt", big, "empty.txt", "", "x.php", "<?php"), server: filter, conns: 1}
	at := time.Unix(1_700_000_000, 0)
	for _, name := range []string{"a.txt", "big.txt", "empty.txt"} {
		if err := os.Chtimes(filepath.Join(s.root, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	g := newGateway(t, s)
	g.write(s.fill(`
[[site]]
listen = ["{listen}"]
root   = "{root}"
  [[site.location]]
  match   = "/"
  role    = "filter"
  backend = "filter"
[backend.filter]
servers   = ["{server}"]
max_conns = {conns}
`))
	g.run()
	for range 2 {
		g.get("/a.txt").expect(t, 200, "start 0, in 0, length 8, time 1700000000:THE FILE")
		g.get("/empty.txt").expect(t, 200, "start 0, in 0, length 0, time 1700000000:")
		g.get("/big.txt").expect(t, 200, "start 0, in 0, length 3000000, time 1700000000:"+strings.ToUpper(big))
		// It answers this one without reading the file, which must not get in the
		// way of the next.
		a := g.request("GET /big.txt HTTP/1.1\r\nHost: ex.test\r\nIf-Modified-Since: Wed, 15 Nov 2023 00:00:00 GMT\r\nConnection: close\r\n\r\n")
		a.expect(t, 304, "")
		for _, path := range []string{"/x.php", "/none.txt"} {
			if a := g.get(path); a.StatusCode != 404 {
				t.Errorf("%s: %d %q", path, a.StatusCode, a.body)
			}
		}
	}
	c := g.dial()
	c.send("POST /a.txt HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 4\r\n\r\nbody")
	c.answer(http.MethodPost).expect(t, 200, "start 0, in 4, length 8, time 1700000000:THE FILE")
	c.send("HEAD /a.txt HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	c.answer(http.MethodHead).expect(t, 200, "")
}
