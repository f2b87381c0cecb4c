package integration

import (
	"os"
	"os/user"
	"strings"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestABadConfigurationIsExitStatus2WithItsPlace(t *testing.T) {
	tests := []struct{ name, find, replace, what string }{
		{"unknown key", "max_body =", "max_boby =", "max_boby"},
		{"no TOML", "[[site]]", "[[site]", ""},
		{"unknown backend", `backend = "php"`, `backend = "pph"`, "pph"},
		{"bad duration", `"300ms"`, `"300"`, "idle_timeout"},
	}
	for _, tt := range tests {
		for _, command := range []string{"run", "check"} {
			t.Run(command+" "+tt.name, func(t *testing.T) {
				s := &site{root: docroot(t), server: "127.0.0.1:1"}
				g := newGateway(t, s)
				g.write(strings.Replace(s.toml(), tt.find, tt.replace, 1))
				g.start(command, "--config", g.config)
				if code := g.ExitCode(); code != 2 {
					t.Errorf("exit status %d, want 2", code)
				}
				if out := g.logged(); !positioned(out, g.config) || !strings.Contains(out, tt.what) {
					t.Errorf("output: %s", out)
				}
			})
		}
	}
}

func TestAMissingConfigurationAndABadFlagAreExitStatus2(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--config", "/nonexistent/gw.toml"}, {"run", "--no-such-flag"}, {"php-server", "--root", "/nonexistent"},
	} {
		g := newGateway(t, &site{root: docroot(t), server: "127.0.0.1:1"})
		g.start(args...)
		if code := g.ExitCode(); code != 2 {
			t.Errorf("%q: exit status %d, want 2\n%s", args, code, g.logged())
		}
	}
}

func TestAnAddressInUseIsExitStatus1(t *testing.T) {
	first := startGateway(t, &site{root: docroot(t), server: "127.0.0.1:1"})
	second := newGateway(t, &site{listen: first.addr, root: docroot(t), server: "127.0.0.1:1"})
	second.start("run", "--config", second.config)
	if code := second.ExitCode(); code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
	if out := second.logged(); !containsAll(out, []string{first.addr, "in use"}) {
		t.Errorf("output: %s", out)
	}
}

func TestPHPServerRunsItsOwnPHPAndTakesItAlong(t *testing.T) {
	newFPM(t, fpmConf{}) // skips without php-fpm
	root := docroot(t, "index.php", `<?php echo "own ", posix_getppid();`, "a.php", "<?php // "+secret)
	if os.Getuid() == 0 {
		if _, err := user.Lookup("www-data"); err != nil {
			t.Skip("root needs a user www-data for the workers")
		}
		openUp(t, root)
	}
	g := newGateway(t, &site{root: root, server: "127.0.0.1:1"})
	g.start("php-server", "--root", root, "--listen", g.addr, "--workers", "2")
	harness.Eventually(t, "php-server does not serve", func() bool { return g.Ended() || g.accepts() })
	a := g.get("/some/path")
	master, ok := strings.CutPrefix(a.body, "own ")
	if a.StatusCode != 200 || !ok {
		t.Errorf("got %d %q\n%s", a.StatusCode, a.body, g.logged())
	}
	if a := g.get("/a.php"); a.StatusCode != 404 || strings.Contains(a.body, secret) {
		t.Errorf("another script: %d %q", a.StatusCode, a.body)
	}
	g.Signal(syscall.SIGTERM)
	if code := g.ExitCode(); code != 0 {
		t.Errorf("exit status %d, want 0\n%s", code, g.logged())
	}
	g.checkOutput()
	if _, err := os.Stat("/proc/" + master); err == nil && isNumber(master) {
		t.Errorf("php-fpm (%s) is still there", master)
	}
}

// openUp lets other users read the root.
func openUp(t *testing.T, root string) {
	t.Helper()
	if err := os.Chmod(root[:strings.LastIndexByte(root, '/')], 0o755); err != nil {
		t.Fatal(err)
	}
}
