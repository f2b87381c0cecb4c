package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Program returns the path of a program that a package of Debian's has, by its
// name or its path. Without it the test is skipped, but fails in CI.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	Need(tb, err)
	return path
}

// Need skips the test, or fails it in CI, if what it cannot do without is
// missing, as err says.
func Need(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		tb.Fatal(err)
	default:
		tb.Skip(err)
	}
}

// toolLimit is how long a tool may take to build.
const toolLimit = 4 * time.Minute

// Tool returns the path of a program of test/tools, which is built if need be.
// Without it the test is skipped, but fails in CI.
func Tool(tb testing.TB, name string) string {
	tb.Helper()
	path, err := tool(name)
	Need(tb, err)
	return path
}

func tool(name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolLimit)
	defer cancel()
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("no %s: %w", name, err)
	}
	dir := filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), "test", "tools")
	out, err := exec.CommandContext(ctx, "go", "-C", dir, "tool", "-n", name).Output()
	if err != nil {
		return "", fmt.Errorf("no %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}
