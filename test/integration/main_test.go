// Package integration runs the gateway's binary in front of a real php-fpm, or
// of a scripted FastCGI responder, and talks to it as clients do.
package integration

import (
	"os"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
