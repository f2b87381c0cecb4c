package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/worker"
	"github.com/fcgigw/fcgigw/test/harness"
)

// startPHP runs a php-fpm with one pool for each address ("unix:/path" or
// "host:port") until the test ends.
func startPHP(tb testing.TB, addrs ...string) {
	tb.Helper()
	binary, err := worker.Find()
	if err != nil {
		tb.Skipf("no php-fpm: %v", err)
	}
	dir := openDir(tb)
	var conf strings.Builder
	fmt.Fprintf(&conf, "[global]\ndaemonize = no\nerror_log = %s/error.log\n", dir)
	for i, addr := range addrs {
		fmt.Fprintf(&conf, "[pool%d]\nlisten = %s\nlisten.mode = 0666\npm = static\npm.max_children = 2\n",
			i, strings.TrimPrefix(addr, "unix:"))
		if os.Getuid() == 0 {
			conf.WriteString("user = www-data\ngroup = www-data\n")
		}
	}
	cmd := exec.Command(binary, "-F", "-n", "-y", write(tb, filepath.Join(dir, "fpm.conf"), conf.String()))
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for _, addr := range addrs {
		network, address := "tcp", addr
		if path, ok := strings.CutPrefix(addr, "unix:"); ok {
			network, address = "unix", path
		}
		harness.Eventually(tb, "php-fpm listens on "+addr, func() bool {
			nc, err := net.Dial(network, address)
			if err == nil {
				nc.Close()
			}
			return err == nil
		})
	}
}
