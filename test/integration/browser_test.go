package integration

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// probe is a page that asks for pages of the site and says what came and how.
const probe = `<!doctype html><title>probe</title><body>
<script>
const ask = async path => {
	const r = await fetch(path), t = await r.text();
	const e = performance.getEntriesByName(new URL(path, location).href).pop();
	return path + " " + r.status + " " + t.length + " " + e.nextHopProtocol + "\n";
};
(async () => {
	let all = "page " + performance.getEntriesByType("navigation")[0].nextHopProtocol + "\n";
	for (const path of ["/", "/assets/app.js", "/assets/style.css"]) all += await ask(path);
	document.body.textContent = all + "end";
})().catch(e => { document.body.textContent = "failed: " + e; });
</script>`

// browserLimit is how long the browser may take for a page, on a busy machine.
const browserLimit = 2 * time.Minute

// browse loads a page in a headless Chromium and returns its document when the
// scripts have run.
func (s *tlsSite) browse(t *testing.T, url string, args ...string) string {
	t.Helper()
	program := harness.Program(t, "chromium")
	_, port, _ := strings.Cut(s.secure, ":")
	ctx, cancel := context.WithTimeout(t.Context(), browserLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=" + harness.Dir(t), "--virtual-time-budget=20000", "--dump-dom",
		"--host-resolver-rules=MAP a.test:443 127.0.0.1:" + port + ", MAP * ~NOTFOUND",
	}, append(args, url)...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // its helpers too
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	return string(out)
}

// pinned is the option that makes the browser take a certificate for one it
// knows: HTTP/3 is not spoken with servers that have others.
func pinned(c *certstest.Issued) string {
	sum := sha256.Sum256(c.Cert.RawSubjectPublicKeyInfo)
	return "--ignore-certificate-errors-spki-list=" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestABrowserLoadsTheExampleSite(t *testing.T) {
	f := startFPM(t, fpmConf{children: 2})
	s := &tlsSite{ca: certstest.NewAuthority(t, "a CA"), secure: harness.FreeAddr(t)}
	s.gateway = newGateway(t, &site{root: docroot(t)})
	if err := os.CopyFS(s.site.root, os.DirFS("../../examples/site")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.site.root, "public/probe.html", probe)
	issued := s.ca.Server("a.test")
	cert, key := issued.Write(t, s.dir, "a.test")
	s.write(fmt.Sprintf(`
[[site]]
listen = [%q]
root = %q
scripts = ["/index.php"]
[site.tls]
listen = [%q]
certificate = %q
certificate_key = %q
[[site.location]]
match = "/"
try_files = ["$uri", "/index.php?$args"]
[[site.location]]
match = '~ \.php(/|$)'
backend = "php"
[backend.php]
servers = [%q]
max_conns = 2
idle_timeout = "300ms"
`, s.addr, filepath.Join(s.site.root, "public"), s.secure, cert, key, f.server()))
	s.run()
	rows := []struct {
		name, want string
		args       []string
	}{
		{"HTTP/2", "h2", []string{"--disable-quic"}},
		{"HTTP/3", "h3", []string{"--enable-quic", "--origin-to-force-quic-on=a.test:443"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dom := s.browse(t, "https://a.test/probe.html", append(row.args, pinned(issued))...)
			for _, want := range []string{"page " + row.want, "/ 200 ", "/assets/app.js 200 ", "/assets/style.css 200 ", "end"} {
				if !strings.Contains(dom, want) {
					t.Errorf("no %q in\n%s", want, dom)
				}
			}
			if n := strings.Count(dom, " "+row.want+"\n"); n != 4 {
				t.Errorf("%d of 4 answers came by %s:\n%s", n, row.want, dom)
			}
		})
	}
}
