package rig

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestDescribeWritesOneConfigurationForEachGateway(t *testing.T) {
	s := Setup{
		Dir: "/d", Root: "/www", Workers: 3, BackendLines: "check_files = false",
		Backend:  Backend{Socket: "/d/app.sock", Conns: 8, Multiplex: true},
		Programs: map[string]string{Nginx: "/bin/nginx", Caddy: "/bin/caddy", Fcgigw: "/bin/fcgigw"},
		Env:      []string{"FCGIGW_CPUPROFILE=/p"},
	}
	cases := []struct {
		name, program, file string
		has, hasNot         []string
	}{
		{
			Nginx, "/bin/nginx", "/d/nginx.conf",
			[]string{"worker_processes 3;", "listen 127.0.0.1:99 ", "server unix:/d/app.sock;", "fastcgi_keep_conn off;"},
			[]string{"keepalive 8;"},
		},
		{
			NginxKept, "/bin/nginx", "/d/nginx-kept.conf",
			[]string{"keepalive 8;", "fastcgi_keep_conn on;"},
			nil,
		},
		{
			Caddy, "/bin/caddy", "/d/Caddyfile",
			[]string{"http://:99 {", "bind 127.0.0.1", "unix//d/app.sock", "root * /www"},
			nil,
		},
		{
			Fcgigw, "/bin/fcgigw", "/d/fcgigw.toml",
			[]string{
				`listen = ["127.0.0.1:99"]`, `root = "/www"`, `servers = ["unix:/d/app.sock"]`,
				"max_conns = 8", `multiplex = "on"`, "streams = 64", "check_files = false",
			},
			nil,
		},
	}
	for _, c := range cases {
		cmd, file, text, err := describe(c.name, s, "127.0.0.1:99")
		if err != nil || cmd.Args[0] != c.program || file != c.file {
			t.Errorf("%s: %v %s %v", c.name, cmd.Args, file, err)
		}
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, text)
			}
		}
		for _, bad := range c.hasNot {
			if strings.Contains(text, bad) {
				t.Errorf("%s: %q is in\n%s", c.name, bad, text)
			}
		}
	}
	if _, _, _, err := describe("lighttpd", s, "127.0.0.1:99"); err == nil {
		t.Error("an unknown gateway is no error")
	}
}

func TestWithoutABackendNothingIsPassedOn(t *testing.T) {
	for _, name := range []string{Nginx, Caddy, Fcgigw} {
		_, _, text, err := describe(name, Setup{Dir: "/d", Root: "/www", Workers: 2}, "127.0.0.1:99")
		if err != nil || strings.Contains(text, "php\\") || strings.Contains(text, "app") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

func TestFcgigwIsConfiguredAsAsked(t *testing.T) {
	s := Setup{Root: "/www", Backend: Backend{Socket: "127.0.0.1:9000", Conns: 1}}
	plain := fcgigwTOML(s, "127.0.0.1:99")
	s.Scripts, s.TempDir, s.AccessLog, s.Backend.Ask = []string{"/a.php"}, "/t", "/t/access", true
	full := fcgigwTOML(s, "127.0.0.1:99")
	for want, text := range map[string]string{
		`servers = ["127.0.0.1:9000"]`: plain, `access = "off"`: plain, `scripts = ["/index.php"]`: plain,
		`multiplex = "off"`: plain, `multiplex = "auto"`: full,
		`temp_dir = "/t"`: full, `access = "/t/access"`: full, `scripts = ["/index.php", "/a.php"]`: full,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(plain, "temp_dir") {
		t.Errorf("a temp_dir that nobody asked for:\n%s", plain)
	}
}

func TestPHPChildrenRunAsAnotherUserOnlyUnderRoot(t *testing.T) {
	for root, want := range map[bool]bool{true: true, false: false} {
		text := PHP{Dir: "/d", Listen: "/d/s", Children: 8}.conf(root)
		if strings.Contains(text, "user = www-data") != want || !strings.Contains(text, "pm.max_children = 8\n") {
			t.Errorf("root %v:\n%s", root, text)
		}
	}
}

func TestPHPIsConfiguredAsAsked(t *testing.T) {
	c := PHP{Dir: "/d", Listen: "127.0.0.1:9000", Children: 2, MaxRequests: 5, Status: "/status.php"}
	text := c.conf(false)
	for _, want := range []string{"listen = 127.0.0.1:9000\n", "pm.max_requests = 5\n", "pm.status_path = /status.php\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if c.network() != "tcp4" || (PHP{Listen: "/d/s"}).network() != "unix" {
		t.Error("network of an address or of a path")
	}
}

// onOneThread keeps the test on its thread, as Start asks.
func onOneThread(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

func TestStopEndsTheWholeProcessGroup(t *testing.T) {
	onOneThread(t)
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "sleep 600 & echo $! >" + pidFile + "; echo ready >" + fifo + "; wait"
	p, err := Start(Command{Name: "sh", Args: []string{"sh", "-c", script}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(fifo); err != nil { // returns when the child has been started
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
	if err == nil && !strings.Contains(string(stat), ") Z ") && !strings.Contains(string(stat), ") X ") {
		t.Errorf("the child of the stopped program lives: %s", stat)
	}
	if err := p.Stop(); !errors.Is(err, ErrEnded) {
		t.Errorf("second Stop: %v", err)
	}
}

func TestAProgramThatEndsAtOnceIsReportedWithItsWords(t *testing.T) {
	onOneThread(t)
	p, err := Start(Command{Name: "sh", Args: []string{"sh", "-c", "echo no such luck >&2; exit 1"}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Ready(context.Background(), "unix", filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("error %v", err)
	}
}

func TestNginxServesAFileWithOurConfiguration(t *testing.T) {
	nginx, err := exec.LookPath("/usr/sbin/nginx")
	if err != nil {
		t.Skip("no nginx on this machine")
	}
	onOneThread(t)
	dir, err := os.MkdirTemp("", "fcgigw-rig-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	root := filepath.Join(dir, "www")
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(root, 0o755), os.WriteFile(filepath.Join(root, "a.txt"), []byte("hello"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := StartGateway(context.Background(), Nginx, Setup{Dir: dir, Root: root, Workers: 1, Programs: map[string]string{Nginx: nginx}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
	}()
	res, err := http.Get("http://" + g.Addr + "/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
}
