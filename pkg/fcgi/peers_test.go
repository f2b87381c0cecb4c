package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	httpfcgi "net/http/fcgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

const (
	phpFPM = "/usr/sbin/php-fpm8.2"
	phpCGI = "/usr/bin/php-cgi8.2"
)

// echoPHP answers as echo does.
const echoPHP = `<?php
$in = file_get_contents('php://input');
if ($_SERVER['NAME'] == 'err') error_log('complaint');
if ($_SERVER['NAME'] == 'exit') exit(3);
header('Content-Type: text/plain');
echo $_SERVER['NAME'], ' ', strlen($in), ':', $in;
`

func needBinary(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not installed: %v", path, err)
	}
}

// run starts a backend process and stops it with the test.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // fails if it is gone already
		_ = cmd.Wait()                          // says how it was killed
		if t.Failed() {
			t.Logf("%s: %s", cmd.Path, log.String())
		}
	})
}

// await waits until a backend listens.
func await(t *testing.T, addr string) string {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	waitFor(t, func() bool {
		nc, err := net.Dial(network, addr)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	return addr
}

// scriptParams are what PHP needs to run the script.
func scriptParams(script, name, method string, n int) []byte {
	return params("SCRIPT_FILENAME", script, "SCRIPT_NAME", "/echo.php", "REQUEST_METHOD", method, "NAME", name,
		"CONTENT_LENGTH", fmt.Sprint(n), "CONTENT_TYPE", "application/octet-stream", "SERVER_PROTOCOL", "HTTP/1.1",
		"REQUEST_URI", "/echo.php", "REDIRECT_STATUS", "200", "BIG", strings.Repeat("p", 3000))
}

func writeScript(t *testing.T, dir string) string {
	t.Helper()
	script := filepath.Join(dir, "echo.php")
	if err := os.WriteFile(script, []byte(echoPHP), 0o644); err != nil {
		t.Fatal(err)
	}
	return script
}

func startFPM(t *testing.T, more string) (addr, script string) {
	t.Helper()
	needBinary(t, phpFPM)
	dir := t.TempDir()
	addr = filepath.Join(dir, "fpm.sock")
	conf := filepath.Join(dir, "fpm.conf")
	args := []string{"--nodaemonize", "--fpm-config", conf}
	user := ""
	if os.Getuid() == 0 {
		args = append(args, "-R")
		user = "user = root\ngroup = root\n"
	}
	text := fmt.Sprintf("[global]\nerror_log = %s/fpm.log\n[www]\n%slisten = %s\npm = static\npm.max_children = 2\nphp_admin_value[post_max_size] = 64M\n%s",
		dir, user, addr, more)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, exec.Command(phpFPM, args...))
	return await(t, addr), writeScript(t, dir)
}

// exchange sends requests with bodies of several sizes, in memory and from a
// reader, on one connection to a PHP backend.
func exchange(t *testing.T, addr, script string) {
	t.Helper()
	c := newConn(t, dial(t, addr), fcgi.Config{Sweeper: sweeper(t, 0), ReadTimeout: patience, SendTimeout: patience})
	for i, size := range []int{0, 1, 65528, 65535, 65536, 99000, 1 << 20} {
		body := attack(size)
		for _, streamed := range []bool{false, true} {
			req := &fcgi.Request{KeepConn: true, Params: scriptParams(script, fmt.Sprint("r", i), "POST", size), Stdin: body}
			if streamed {
				req.Stdin, req.StdinReader, req.StdinLen = nil, bytes.NewReader(body), int64(size)
			}
			h := new(collect)
			e, err := c.Do(req, h)
			want := append(fmt.Appendf(nil, "\r\n\r\nr%d %d:", i, size), body...)
			if err != nil || e != (fcgi.End{}) || !bytes.HasSuffix(h.out.Bytes(), want) {
				t.Fatalf("size %d: %v, %v, %d bytes, stderr %q", size, e, err, h.out.Len(), h.err.String())
			}
			if !c.Reusable() || !c.Alive() {
				t.Fatalf("size %d: not reusable", size)
			}
		}
	}
}

func TestPHPFPMServesManyRequestsOnOneConnection(t *testing.T) {
	addr, script := startFPM(t, "")
	exchange(t, await(t, addr), script)
}

func TestPHPFPMTakesParamsOfManyRecords(t *testing.T) {
	addr, script := startFPM(t, "")
	var more []byte
	for i := range 200 {
		more = fcgi.AppendPair(more, fmt.Sprint("MORE_", i), strings.Repeat("m", 1500))
	}
	more = fcgi.AppendPair(more, "LONG", strings.Repeat("l", 65_000))
	c := newConn(t, dial(t, addr), fcgi.Config{})
	for _, p := range [][]byte{
		append(scriptParams(script, "x", "GET", 0), more...),
		append(more[:len(more):len(more)], scriptParams(script, "x", "GET", 0)...),
	} {
		h := new(collect)
		_, err := c.Do(&fcgi.Request{KeepConn: true, Params: p}, h)
		if err != nil || !c.Reusable() || !strings.HasSuffix(h.out.String(), "x 0:") {
			t.Fatalf("%v, %q", err, h.out.String())
		}
	}
}

func TestPHPFPMStderrAndExit(t *testing.T) {
	addr, script := startFPM(t, "catch_workers_output = no\nphp_admin_value[error_log] =\nphp_admin_flag[log_errors] = on\n")
	c := newConn(t, dial(t, addr), fcgi.Config{})
	h := new(collect)
	if _, err := c.Do(&fcgi.Request{KeepConn: true, Params: scriptParams(script, "err", "GET", 0)}, h); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(h.err.String(), "complaint") || !strings.HasSuffix(h.out.String(), "err 0:") {
		t.Fatalf("stderr %q, stdout %q", h.err.String(), h.out.String())
	}
	h = new(collect)
	if _, err := c.Do(&fcgi.Request{KeepConn: true, Params: scriptParams(script, "exit", "GET", 0)}, h); err != nil || !c.Reusable() {
		t.Fatalf("%v, reusable %v", err, c.Reusable())
	}
}

func TestPHPFPMProbe(t *testing.T) {
	addr, script := startFPM(t, "")
	nc := dial(t, addr)
	v, err := fcgi.Probe(nc, patience)
	if err != nil || v != (fcgi.Values{MpxsKnown: true}) {
		t.Fatalf("%+v, %v", v, err)
	}
	c := newConn(t, nc, fcgi.Config{})
	for range 2 {
		if _, err := c.Do(&fcgi.Request{KeepConn: true, Params: scriptParams(script, "x", "GET", 0)}, new(collect)); err != nil {
			t.Fatal(err)
		}
		got, err := c.GetValues(fcgi.VarMaxConns, fcgi.VarMpxsConns)
		if err != nil || len(got) != 1 || got[fcgi.VarMpxsConns] != "0" {
			t.Fatalf("%v, %v", got, err)
		}
	}
}

func TestPHPFPMThatHasServedItsMaximumIsStale(t *testing.T) {
	addr, script := startFPM(t, "pm.max_requests = 3\n")
	c := newConn(t, dial(t, addr), fcgi.Config{})
	for i := range 3 {
		h := new(collect)
		if _, err := c.Do(&fcgi.Request{KeepConn: true, Params: scriptParams(script, "x", "GET", 0)}, h); err != nil || !strings.HasSuffix(h.out.String(), "x 0:") {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	req := &fcgi.Request{KeepConn: true, Params: scriptParams(script, "x", "GET", 0)}
	if _, err := c.Do(req, new(collect)); !errors.Is(err, fcgi.ErrStale) || req.Progress.Received {
		t.Fatalf("%v, %+v", err, req.Progress)
	}
}

func TestPHPFPMWithoutKeepConn(t *testing.T) {
	addr, script := startFPM(t, "")
	c := newConn(t, dial(t, addr), fcgi.Config{})
	h := new(collect)
	if _, err := c.Do(&fcgi.Request{Params: scriptParams(script, "x", "GET", 0)}, h); err != nil || c.Reusable() || !strings.HasSuffix(h.out.String(), "x 0:") {
		t.Fatalf("%v, reusable %v, %q", err, c.Reusable(), h.out.String())
	}
}

func TestPHPCGIServesManyRequestsOnOneConnection(t *testing.T) {
	needBinary(t, phpCGI)
	dir := t.TempDir()
	addr := filepath.Join(dir, "cgi.sock")
	script := writeScript(t, dir)
	cmd := exec.Command(phpCGI, "-b", addr, "-d", "post_max_size=64M")
	cmd.Env = append(os.Environ(), "PHP_FCGI_CHILDREN=0", "PHP_FCGI_MAX_REQUESTS=1000")
	run(t, cmd)
	exchange(t, await(t, addr), script)
}

func TestLibfcgiResponder(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	needBinary(t, "/usr/include/fcgi_stdio.h")
	dir := t.TempDir()
	bin := filepath.Join(dir, "responder")
	if out, err := exec.Command(gcc, "-O1", "-o", bin, "testdata/responder.c", "-lfcgi").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l := must[*net.UnixListener](t)(net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "c.sock")}))
	defer l.Close()
	f := must[*os.File](t)(l.File())
	defer f.Close()
	cmd := exec.Command(bin)
	cmd.Stdin = f // FCGI_LISTENSOCK_FILENO (section 2.2)
	run(t, cmd)

	silent := dial(t, l.Addr().String())
	if _, err := fcgi.Probe(silent, short); !errors.Is(err, fcgi.ErrReadTimeout) {
		t.Fatal("libfcgi answers GET_VALUES now: ", err)
	}
	silent.Close()
	c := newConn(t, dial(t, l.Addr().String()), fcgi.Config{})
	for i, size := range []int{0, 5, 65535, 65536, 300_000} {
		body := attack(size)
		h := new(collect)
		e, err := c.Do(post(body, "NAME", fmt.Sprint("e", i)), h)
		if err != nil || e.AppStatus != 7 || !bytes.HasSuffix(h.out.Bytes(), append(fmt.Appendf(nil, "e%d %d:", i, size), body...)) {
			t.Fatalf("size %d: %+v, %v, %d bytes", size, e, err, h.out.Len())
		}
		if h.err.String() != "complaint" || !c.Reusable() {
			t.Fatalf("size %d: stderr %q, reusable %v", size, h.err.String(), c.Reusable())
		}
	}
}

func startGo(t *testing.T) string {
	t.Helper()
	return startGoWith(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d:", r.Header.Get("Name"), len(b))
		w.Write(b)
	})
}

// startGoWith starts Go's responder with a handler; it returns its socket.
func startGoWith(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("unix", filepath.Join(t.TempDir(), "go.sock")))
	done := make(chan struct{})
	go func() { // ends when the cleanup closes l
		defer close(done)
		_ = httpfcgi.Serve(l, h)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func goRequest(name string, body []byte) *fcgi.Request {
	req := post(body, "HTTP_NAME", name, "SERVER_PROTOCOL", "HTTP/1.1", "REQUEST_URI", "/", "HTTP_HOST", "x")
	return req
}

func TestGoResponderOneAtATime(t *testing.T) {
	c := newConn(t, dial(t, startGo(t)), fcgi.Config{})
	for _, size := range []int{0, 1, 65536, 300_000} {
		body := pattern(size)
		h := new(collect)
		if _, err := c.Do(goRequest("one", body), h); err != nil || !bytes.HasSuffix(h.out.Bytes(), append(fmt.Appendf(nil, "one %d:", size), body...)) || !c.Reusable() {
			t.Fatalf("size %d: %v, %d bytes", size, err, h.out.Len())
		}
	}
}

func TestGoResponderMultiplexed(t *testing.T) {
	nc := dial(t, startGo(t))
	if v, err := fcgi.Probe(nc, patience); err != nil || !v.Mpxs {
		t.Fatalf("%+v, %v", v, err)
	}
	m := newMux(t, nc, fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond), ReadTimeout: patience})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { // ends with its requests
			for k := range 20 {
				body := pattern(i * k * 200)
				name := fmt.Sprint("c", i, "k", k)
				h := new(collect)
				if _, err := m.Do(goRequest(name, body), h); err != nil || !bytes.HasSuffix(h.out.Bytes(), append(fmt.Appendf(nil, "%s %d:", name, len(body)), body...)) {
					t.Errorf("%s: %v, %d bytes", name, err, h.out.Len())
				}
			}
		})
	}
	wg.Wait()
	if m.InUse() != 0 || m.Err() != nil {
		t.Fatalf("%d in use, %v", m.InUse(), m.Err())
	}
}
