package http2_test

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/test/harness"
)

// h2specCases is how many cases h2spec has.
const h2specCases = 145

type specReport struct {
	Suites []struct {
		Package string     `xml:"package,attr"`
		Cases   []specCase `xml:"testcase"`
	} `xml:"testsuite"`
}

type specCase struct {
	Package string    `xml:"package,attr"`
	Class   string    `xml:"classname,attr"`
	Failure *specText `xml:"failure"`
	Error   *specText `xml:"error"`
	Skipped *specText `xml:"skipped"`
}

type specText struct {
	Text string `xml:",innerxml"`
}

func TestEveryCaseOfH2specPasses(t *testing.T) {
	tool := harness.Tool(t, "h2spec")
	for name, cfg := range map[string]*tls.Config{"clear": nil, "tls": testTLS(t)} {
		t.Run(name, func(t *testing.T) {
			r := start(t, http2.Config{
				HeaderTimeout: 10 * time.Second, BodyTimeout: 10 * time.Second, SendTimeout: 10 * time.Second,
			}, exchange.HandlerFunc(small), cfg)
			runH2spec(t, tool, r.ln.Addr().(*net.TCPAddr), cfg != nil)
		})
	}
}

func runH2spec(t *testing.T, tool string, addr *net.TCPAddr, secure bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.xml")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args := []string{"-h", "127.0.0.1", "-p", addr.AddrPort().String()[len("127.0.0.1:"):], "-o", "5", "-S", "-j", file}
	if secure {
		args = append(args, "-t", "-k")
	}
	out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
	raw, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatalf("no report: %v, %v\n%s", readErr, err, out)
	}
	var report specReport
	if err := xml.Unmarshal(raw, &report); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, s := range report.Suites {
		for _, c := range s.Cases {
			total++
			if c.Failure != nil || c.Error != nil || c.Skipped != nil {
				t.Errorf("%s: %s: %+v", c.Package, c.Class, c)
			}
		}
	}
	if total < h2specCases {
		t.Errorf("%d cases ran\n%s", total, out)
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
