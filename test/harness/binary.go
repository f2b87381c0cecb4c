package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaryVar names the variable in which Main hands the tests the path of the
// gateway that it has built.
const binaryVar = "FCGIGW_TEST_BINARY"

// Main builds the gateway once, with the race detector, for the tests of a
// package, runs them and returns their exit status: what a TestMain does.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fcgigw-build-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "fcgigw")
	build := exec.Command("go", "build", "-race", "-o", binary, "github.com/fcgigw/fcgigw/cmd/fcgigw")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(binaryVar, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Gateway returns a command that runs the gateway which Main has built.
func Gateway(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Getenv(binaryVar), args...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=10") // the default is a second for each test
	return cmd
}
