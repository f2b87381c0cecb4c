package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// phpBinary is Debian 12's php-fpm.
const phpBinary = "/usr/sbin/php-fpm8.2"

// fpm is a php-fpm with a fixed number of children on a unix socket.
type fpm struct {
	t      testing.TB
	dir    string
	socket string
	conf   fpmConf
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process has been waited for
}

// fpmConf is what tests vary in php-fpm.
type fpmConf struct {
	children    int
	maxRequests int
}

// startFPM runs php-fpm until the test ends.
func startFPM(t testing.TB, conf fpmConf) *fpm {
	t.Helper()
	f := newFPM(t, conf)
	f.start()
	return f
}

// newFPM chooses the socket and starts nothing.
func newFPM(t testing.TB, conf fpmConf) *fpm {
	t.Helper()
	harness.Program(t, phpBinary)
	dir := harness.Dir(t)
	return &fpm{t: t, dir: dir, socket: filepath.Join(dir, "php.sock"), conf: conf}
}

// server is php-fpm's address for a site.
func (f *fpm) server() string { return "unix:" + f.socket }

func (f *fpm) start() {
	f.t.Helper()
	file := filepath.Join(f.dir, "php-fpm.conf")
	if err := os.WriteFile(file, []byte(f.text()), 0o644); err != nil {
		f.t.Fatal(err)
	}
	args := []string{"-F", "-y", file}
	if os.Getuid() == 0 {
		args = append(args, "-R")
	}
	f.cmd = exec.Command(phpBinary, args...)
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := f.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.done = make(chan struct{})
	go func() { // ends with the process
		_ = f.cmd.Wait() // its own log tells more
		close(f.done)
	}()
	f.t.Cleanup(f.stop)
	harness.Eventually(f.t, "php-fpm does not listen", f.accepts)
}

func (f *fpm) text() string {
	user := ""
	if os.Getuid() == 0 {
		user = "user = root\ngroup = root\n"
	}
	return fmt.Sprintf(`[global]
error_log = %s/fpm.log
daemonize = no
process_control_timeout = 10s
[www]
%slisten = %s
listen.backlog = 511
pm = static
pm.max_children = %d
pm.max_requests = %d
php_admin_value[post_max_size] = 200M
php_admin_value[upload_max_filesize] = 200M
php_admin_value[output_buffering] = 0
php_admin_value[upload_tmp_dir] = %s
php_admin_flag[display_errors] = off
php_admin_flag[log_errors] = on
`, f.dir, user, f.socket, f.conf.children, f.conf.maxRequests, f.dir)
}

func (f *fpm) accepts() bool { return harness.Accepts("unix", f.socket) }

// stop lets requests end and waits for php-fpm to end. It may be called twice.
func (f *fpm) stop() {
	_ = f.cmd.Process.Signal(syscall.SIGQUIT) // an error means that it has ended
	select {
	case <-f.done:
	case <-time.After(harness.Patience):
		_ = f.cmd.Process.Signal(syscall.SIGTERM)
		<-f.done
		f.t.Error("php-fpm did not end by SIGQUIT")
	}
}
