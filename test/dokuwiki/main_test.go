// Package dokuwiki runs DokuWiki, as Debian packages it, behind the gateway's
// binary and uses it as people do: install, log in, write, upload, read, leave.
package dokuwiki

import (
	"os"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
