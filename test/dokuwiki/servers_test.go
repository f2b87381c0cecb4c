package dokuwiki

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// phpBinary is Debian 12's php-fpm, with the extensions of its conf.d.
const phpBinary = "/usr/sbin/php-fpm8.2"

// children is the number of PHP workers.
const children = 4

// startPHP runs php-fpm on a unix socket until the test ends and returns its
// address for the gateway.
func startPHP(t testing.TB) string {
	t.Helper()
	dir := harness.Dir(t)
	socket := filepath.Join(dir, "php.sock")
	user := ""
	args := []string{"-F", "-y", filepath.Join(dir, "php-fpm.conf")}
	if os.Getuid() == 0 {
		user = "user = root\ngroup = root"
		args = append(args, "-R")
	}
	writeFile(t, filepath.Join(dir, "php-fpm.conf"), fmt.Sprintf(`[global]
error_log = /dev/stderr
daemonize = no
process_control_timeout = 10s
[www]
%s
listen = %s
pm = static
pm.max_children = %d
php_admin_value[session.save_path] = %s
php_admin_value[upload_tmp_dir] = %[4]s
php_admin_value[upload_max_filesize] = 16M
php_admin_value[post_max_size] = 16M
php_admin_flag[display_errors] = off
`, user, socket, children, dir))
	p := startProcess(t, dir, exec.Command(phpBinary, args...), syscall.SIGQUIT)
	p.AwaitListener("unix", socket)
	return "unix:" + socket
}

// gateway is a running fcgigw in front of a wiki.
type gateway struct {
	*harness.Process
	t      testing.TB
	addr   string
	config string // path of the configuration
	root   string // of the wiki
	server string // of php-fpm
}

// startGateway runs the gateway, open for the installer, until the test ends.
func startGateway(t testing.TB, root, server string) *gateway {
	t.Helper()
	dir := harness.Dir(t)
	g := &gateway{t: t, addr: harness.FreeAddr(t), config: filepath.Join(dir, "wiki.toml"), root: root, server: server}
	writeFile(t, g.config, g.toml(scriptsToInstall))
	g.Process = startProcess(t, dir, harness.Gateway("run", "--config", g.config), syscall.SIGTERM)
	g.AwaitListener("tcp", g.addr)
	return g
}

// configure replaces the configuration and has it reloaded.
func (g *gateway) configure(scripts string) {
	g.t.Helper()
	writeFile(g.t, g.config, g.toml(scripts))
	g.Signal(syscall.SIGHUP)
	harness.Eventually(g.t, "the gateway does not reload", func() bool {
		return strings.Contains(g.Output(), `"msg":"reloaded"`)
	})
}

// The scripts of a wiki: while it waits for its installer, and after that.
const (
	scriptsToUse     = `["/doku.php", "/feed.php", "/lib/exe/*.php"]`
	scriptsToInstall = `["/doku.php", "/feed.php", "/lib/exe/*.php", "/install.php"]`
)

// toml is what an operator would write for DokuWiki.
func (g *gateway) toml(scripts string) string {
	return strings.NewReplacer(
		"{listen}", g.addr, "{root}", g.root, "{server}", g.server, "{scripts}", scripts,
		"{children}", fmt.Sprint(children),
	).Replace(`
[log]
format = "json"

[[site]]
listen   = ["{listen}"]
root     = "{root}"
index    = ["doku.php"]
max_body = "16MiB"
scripts  = {scripts}

  # What the wiki keeps and what it is made of is nobody else's business.
  [[site.location]]
  match  = '~ ^/(data|conf|bin|inc|vendor)(/|$)'
  return = "404"

  [[site.location]]
  match  = '~ ^/(VERSION|README|COPYING|install\.conf)$'
  return = "404"

  [[site.location]]
  match   = '~ \.php(/|$)'
  backend = "php"

  # The addresses that DokuWiki writes with userewrite = 1.
  [[site.location]]
  match     = '~ ^/_media/(?P<media>.+)$'
  try_files = ["/lib/exe/fetch.php?media=$media&$args"]

  [[site.location]]
  match     = '~ ^/_detail/(?P<media>.+)$'
  try_files = ["/lib/exe/detail.php?media=$media&$args"]

  [[site.location]]
  match     = '~ ^/_export/(?P<form>[^/]+)/(?P<page>.+)$'
  try_files = ["/doku.php?do=export_$form&id=$page&$args"]

  [[site.location]]
  match     = "/"
  try_files = ["$uri", "$uri/", "/doku.php?id=$uri&$args"]

[backend.php]
servers      = ["{server}"]
max_conns    = {children}
read_timeout = "30s"
`)
}
