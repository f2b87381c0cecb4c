package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// writeFile writes a file of a docroot, with its directories.
func writeFile(t testing.TB, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// docroot makes a root of the given files, names and contents by turns.
func docroot(t testing.TB, files ...string) string {
	t.Helper()
	root := filepath.Join(harness.Dir(t), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(files); i += 2 {
		writeFile(t, root, files[i], files[i+1])
	}
	return root
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// site is what the tests vary in the gateway's configuration.
type site struct {
	listen  string // of the gateway; filled in by startGateway
	root    string
	server  string // of the backend: unix:/path or host:port
	scripts string // TOML array; "" is every script
	conns   int    // max_conns of the backend; 0: unknown
	backend string // more lines of the backend
	tables  string // more tables
	gateway string // more lines of [gateway]
	log     string // more lines of [log]
	kept    int    // connections that a library keeps to the end of the process, with three goroutines each
}

const everyScript = `["/**.php"]`

// fill puts the site's values in place of the names in braces.
func (s *site) fill(text string) string {
	scripts := s.scripts
	if scripts == "" {
		scripts = everyScript
	}
	return strings.NewReplacer(
		"{listen}", s.listen, "{root}", s.root, "{server}", s.server,
		"{scripts}", scripts, "{conns}", itoa(s.conns), "{backend}", s.backend, "{tables}", s.tables,
	).Replace(text)
}

// toml writes the configuration that php-server stands for, in front of the
// site's server.
func (s *site) toml() string {
	return s.fill(`
{tables}
[[site]]
listen  = ["{listen}"]
root    = "{root}"
scripts = {scripts}
max_body = "200MiB"

  [[site.location]]
  match     = "/"
  try_files = ["$uri", "$uri/", "/index.php?$args"]

  [[site.location]]
  match   = '~ \.php(/|$)'
  backend = "php"

[backend.php]
servers      = ["{server}"]
max_conns    = {conns}
idle_timeout = "300ms"
{backend}
`)
}
