package dokuwiki

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// startProcess runs cmd until the test ends, by sig, and holds it to exit status
// 0 and to an output without races and panics.
func startProcess(t testing.TB, dir string, cmd *exec.Cmd, sig syscall.Signal) *harness.Process {
	t.Helper()
	p := harness.Run(t, filepath.Join(dir, "output"), cmd)
	t.Cleanup(func() {
		if code := p.Stop(sig); code != 0 {
			t.Errorf("%s: exit status %d, want 0\n%s", cmd.Path, code, p.Output())
		}
		harness.CheckOutput(t, p.Output())
	})
	return p
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
