// Package hostile sends requests as raw bytes to the gateway's binary and holds
// what comes of each against what the RFCs say: the answers, the end of the
// connection, and every byte that reaches the application behind it.
package hostile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaryVar names the variable in which TestMain hands the tests the path of
// the gateway that it has built.
const binaryVar = "FCGIGW_TEST_BINARY"

// TestMain builds the gateway once, with the race detector.
func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fcgigw-build-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "fcgigw")
	build := exec.Command("go", "build", "-race", "-o", binary, "../../cmd/fcgigw")
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
