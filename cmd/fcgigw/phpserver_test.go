package main

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/worker"
)

func TestTheShownAddressCanBeOpened(t *testing.T) {
	for listen, want := range map[string]string{
		":80": "http://localhost/", ":8080": "http://localhost:8080/", "127.0.0.1:8080": "http://127.0.0.1:8080/",
		"127.0.0.1:80": "http://127.0.0.1/", "0.0.0.0:8080": "http://localhost:8080/", "[::]:80": "http://localhost/",
		"[::1]:80": "http://[::1]/", "[::1]:81": "http://[::1]:81/", "unix:/run/http": "unix:/run/http",
	} {
		if got := shownAddress(listen); got != want {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
	}
}

func TestTheShownScriptsSayHowToRunMore(t *testing.T) {
	for scripts, want := range map[string]string{
		"/index.php":       "only /index.php runs (--scripts '/**.php' for all)",
		"/a.php /b.php":    "only /a.php, /b.php run (--scripts '/**.php' for all)",
		"/*.php":           "only /*.php run (--scripts '/**.php' for all)",
		"/a.php /**.php":   "every .php file runs",
		"":                 "no script runs (--scripts '/**.php' for all)",
		"/admin/index.php": "only /admin/index.php runs (--scripts '/**.php' for all)",
	} {
		if got := shownScripts(strings.Fields(scripts)); got != want {
			t.Errorf("%s: got %s, want %s", scripts, got, want)
		}
	}
}

// startPHPServer starts php-server on a directory with an index.php.
func startPHPServer(t *testing.T) *process {
	t.Helper()
	if _, err := worker.Find(); err != nil {
		t.Skipf("no php-fpm: %v", err)
	}
	dir := openDir(t)
	write(t, dir+"/index.php", "<?php echo 'here';")
	p := launch(t, nil, "php-server", dir, "-l", "unix:"+dir+"/http", "--workers", "1")
	p.waitLog("Ctrl-C stops it")
	if r := mustAsk(t, "unix", dir+"/http", "x", "/"); r.body != "here" {
		t.Errorf("got %q", r.body)
	}
	return p
}

func TestPHPServerEndsWithItsTerminal(t *testing.T) {
	p := startPHPServer(t)
	p.signal(syscall.SIGHUP)
	if code := p.waitEnd(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := p.stderr.String(); !strings.Contains(log, "only /index.php runs (--scripts '/**.php' for all)") || !strings.Contains(log, `"stopped"`) {
		t.Errorf("log: %s", log)
	}
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := user.Lookup("www-data"); err != nil {
		t.Skip("needs the user www-data")
	}
}

func TestPHPServerRefusesARootThatItsWorkersCannotReach(t *testing.T) {
	asRoot(t)
	dir := openDir(t)
	write(t, dir+"/closed/public/index.php", "")
	if err := os.Chmod(dir+"/closed", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/closed/public", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{dir + "/closed/public", dir + "/link"} {
		code, _, errOut := command("php-server", root)
		if code != 2 || !strings.Contains(errOut, "run as www-data") || !strings.Contains(errOut, " "+dir+"/closed;") {
			t.Errorf("%s: code %d: %s", root, code, errOut)
		}
	}
	if os.Geteuid() != 0 {
		t.Error("the check changed the process")
	}
}

func TestAnAccountIsStoppedWhereTheKernelStopsIt(t *testing.T) {
	asRoot(t)
	www, err := workerUser("www-data", "")
	if err != nil {
		t.Fatal(err)
	}
	root, err := workerUser("0", "")
	if err != nil || root.uid != 0 {
		t.Fatal(root, err)
	}
	dir := openDir(t)
	write(t, dir+"/open/index.php", "")
	write(t, dir+"/group/index.php", "")
	write(t, dir+"/mine/index.php", "")
	write(t, dir+"/file/index.php", "")
	write(t, dir+"/empty/x", "")
	err = errors.Join(
		os.Chmod(dir+"/group", 0o710), os.Chown(dir+"/group", 0, www.gid),
		os.Chmod(dir+"/mine", 0o700), os.Chown(dir+"/mine", www.uid, 0),
		os.Chmod(dir+"/file/index.php", 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	other := &account{name: "other", uid: 12345, gid: 12345, groups: []int{12345}}
	member := &account{name: "member", uid: 12345, gid: 12345, groups: []int{12345, www.gid}}
	for _, tt := range []struct {
		who       *account
		dir, want string
	}{
		{www, "/open", ""},
		{www, "/empty", ""},
		{www, "/group", ""},
		{www, "/mine", ""},
		{www, "/file", "/file/index.php"},
		{other, "/open", ""},
		{other, "/group", "/group"},
		{member, "/group", ""},
		{other, "/mine", "/mine"},
		{root, "/mine", ""},
		{root, "/file", ""},
	} {
		want := tt.want
		if want != "" {
			want = dir + want
		}
		if got := tt.who.stoppedAt(dir+tt.dir, "index.php"); got != want {
			t.Errorf("%s in %s: got %q, want %q", tt.who.name, tt.dir, got, want)
		}
	}
}

func TestWorkersOfRootNeedTheFlag(t *testing.T) {
	asRoot(t)
	dir := openDir(t)
	text := "[[site]]\nroot = \"" + dir + "\"\n[[site.location]]\nmatch = \"/\"\nbackend = \"b\"\n[backend.b.workers]\nuser = \"root\"\n"
	for _, args := range [][]string{
		{"php-server", dir, "--user", "root"},
		{"run", write(t, filepath.Join(dir, "c.toml"), text)},
	} {
		if code, _, errOut := command(args...); code != 2 || !strings.Contains(errOut, "--allow-root") {
			t.Errorf("%v: code %d: %s", args, code, errOut)
		}
	}
}

func TestHealthTakesAnAddressWithoutAScheme(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	addr := s.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	for _, url := range []string{addr, addr + "/x?y", "http://" + addr, ":" + port} {
		if code, _, errOut := command("health", url); code != 0 {
			t.Errorf("%s: code %d: %s", url, code, errOut)
		}
	}
}

func TestHealthAsksAHostOverTLS(t *testing.T) {
	names := make(chan string, 1)
	s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		names <- r.Host + " " + r.TLS.ServerName
	}))
	defer s.Close()
	ca := write(t, filepath.Join(t.TempDir(), "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	if code, _, errOut := command("health", s.URL, "--ca", ca, "--host", "example.com"); code != 0 {
		t.Fatalf("code %d: %s", code, errOut)
	}
	if got := <-names; got != "example.com example.com" {
		t.Errorf("asked for %s", got)
	}
	for _, c := range []struct{ args, want string }{
		{"", "--ca FILE names its CA"},
		{"--host x.test --ca " + ca, "--host NAME asks for another host"},
		{"--ca " + ca + ".none", "no such file"},
	} {
		code, _, errOut := command(append([]string{"health", s.URL}, strings.Fields(c.args)...)...)
		if code == 0 || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: code %d: %s", c.args, code, errOut)
		}
	}
}

func TestHealthSaysWhatItWaitedFor(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	code, _, errOut := command("health", ln.Addr().String(), "--timeout", "50ms")
	if code != 1 || !strings.Contains(errOut, ln.Addr().String()+": connected, but no answer within 50ms") {
		t.Errorf("code %d: %s", code, errOut)
	}
}
