// Package hostile sends requests as raw bytes to the gateway's binary and holds
// what comes of each against what the RFCs say: the answers, the end of the
// connection, and every byte that reaches the application behind it.
package hostile

import (
	"os"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
