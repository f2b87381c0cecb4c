package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/fcgigw/fcgigw/test/harness"
)

// compressedSite serves files and scripts beneath root, compressed.
const compressedSite = `
[[site]]
listen  = ["{listen}"]
root    = "{root}"
scripts = {scripts}
compression = "on"
precompressed = ["br", "gzip"]

  [[site.location]]
  match = "/"

  [[site.location]]
  match   = '~ \.php$'
  backend = "php"
  early_hints = ["</style.css>; rel=preload; as=style"]

[backend.php]
servers   = ["{server}"]
max_conns = {conns}
`

// startCompressed runs a gateway with compressedSite in front of php-fpm.
func startCompressed(t *testing.T, files ...string) *gateway {
	t.Helper()
	fpm := startFPM(t, fpmConf{children: 2})
	s := &site{root: docroot(t, files...), server: fpm.server(), conns: 2}
	g := newGateway(t, s)
	g.write(s.fill(compressedSite))
	g.run()
	return g
}

// lorem is what compresses.
var lorem = strings.Repeat("Neque porro quisquam est, qui dolorem ipsum, quia dolor sit, amet. ", 3000)

// decoded returns a reader of what an encoded body says.
func decoded(t *testing.T, coding string, body io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case "br":
		return brotli.NewReader(body)
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(z.Close)
		return z
	}
	t.Fatalf("the answer is encoded by %q", coding)
	return nil
}

const bigPage = `<?php header('Content-Length: ' . filesize('lorem.txt')); header('ETag: "v1"'); readfile('lorem.txt');`

func TestPagesOfPHPAreCompressedAsTheClientLikes(t *testing.T) {
	g := startCompressed(t, "page.php", bigPage, "lorem.txt", lorem,
		"small.php", `<?php echo "small";`,
		"packed.php", `<?php header('Content-Encoding: gzip'); echo gzencode(file_get_contents('lorem.txt'));`,
		"image.php", `<?php header('Content-Type: image/png'); readfile('lorem.txt');`,
		"keep.php", `<?php header('Cache-Control: no-transform'); readfile('lorem.txt');`,
		"same.php", `<?php header('ETag: "v1"'); http_response_code(304);`)
	ask := func(path, accept, more string) answer {
		return g.request("GET " + path + " HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\nAccept-Encoding: " + accept + "\r\n" + more + "\r\n")
	}
	for _, row := range []struct{ path, accept, coding string }{
		{"/page.php", "gzip, deflate, br, zstd", "zstd"},
		{"/page.php", "gzip, deflate, br;q=0.9", "gzip"},
		{"/page.php", "br", "br"},
		{"/packed.php", "br", "gzip"}, // by the application
		{"/lorem.txt", "gzip", "gzip"},
	} {
		a := ask(row.path, row.accept, "")
		coding := a.Header.Get("Content-Encoding")
		if coding != row.coding {
			t.Errorf("%s for %q: %q, want %q", row.path, row.accept, coding, row.coding)
			continue
		}
		b, err := io.ReadAll(decoded(t, coding, strings.NewReader(a.body)))
		if err != nil || string(b) != lorem {
			t.Errorf("%s for %q: %d bytes, %v", row.path, row.accept, len(b), err)
		}
		if row.path == "/page.php" && (a.Header.Get("ETag") != `W/"v1"` || a.Header.Get("Vary") != "Accept-Encoding") {
			t.Errorf("%s: ETag %s, Vary %q", row.path, a.Header.Get("ETag"), a.Header.Get("Vary"))
		}
	}
	for _, path := range []string{"/small.php", "/image.php", "/keep.php"} {
		if a := ask(path, "gzip", ""); a.Header.Get("Content-Encoding") != "" || a.Header.Get("Vary") != "" {
			t.Errorf("%s: %q, Vary %q", path, a.Header.Get("Content-Encoding"), a.Header.Get("Vary"))
		}
	}
	if a := ask("/same.php", "gzip", "If-None-Match: W/\"v1\"\r\n"); a.StatusCode != 304 || a.Header.Get("ETag") != `W/"v1"` {
		t.Errorf("%d, ETag %s", a.StatusCode, a.Header.Get("ETag"))
	}
}

// TestPHPsEventsArriveOneByOneThoughCompressed: PHP sends the next event when the
// file that the client makes for it is there.
func TestPHPsEventsArriveOneByOneThoughCompressed(t *testing.T) {
	for _, coding := range []string{"gzip", "br", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			g := startCompressed(t, "events.php", `<?php header('Content-Type: text/event-stream');
for ($i = 0; $i < 5; $i++) {
	echo "data: event $i\n\n"; flush();
	while (!file_exists("seen$i")) { usleep(1000); clearstatcache(); }
}`)
			c := g.dial()
			c.send("GET /events.php HTTP/1.1\r\nHost: ex.test\r\nAccept-Encoding: " + coding + "\r\n\r\n")
			resp := c.head(http.MethodGet)
			events := decoded(t, resp.Header.Get("Content-Encoding"), resp.Body)
			for i := range 5 {
				want := fmt.Sprintf("data: event %d\n\n", i)
				b := make([]byte, len(want))
				if _, err := io.ReadFull(events, b); err != nil || string(b) != want {
					t.Fatalf("%q, %v; want %q", b, err, want)
				}
				writeFile(t, g.site.root, fmt.Sprintf("seen%d", i), "")
			}
			if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

func TestPrecompressedFilesAreSentWithTheirCoding(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, lorem)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	g := startCompressed(t, "a.css", lorem, "a.css.gz", packed.String())
	a := g.request("GET /a.css HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n")
	if a.body != packed.String() || a.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/css") {
		t.Errorf("%d bytes, %v", len(a.body), a.Header)
	}
	if strings.HasPrefix(a.Header.Get("ETag"), "W/") || a.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("ETag %s, Vary %q", a.Header.Get("ETag"), a.Header.Get("Vary"))
	}
}

// TestCurlDecodesWhatItAskedFor: an implementation of each coding that is not the
// one which encoded.
func TestCurlDecodesWhatItAskedFor(t *testing.T) {
	curl := harness.Program(t, "curl")
	features, err := exec.Command(curl, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	g := startCompressed(t, "page.php", bigPage, "lorem.txt", lorem, "small.php", `<?php echo str_repeat("0123456789", 100);`)
	for _, row := range []struct{ coding, feature string }{{"gzip", "libz"}, {"br", "brotli"}, {"zstd", "zstd"}} {
		if !bytes.Contains(features, []byte(row.feature)) {
			t.Logf("curl has no %s", row.feature)
			continue
		}
		for path, want := range map[string]string{
			"/page.php": lorem, "/lorem.txt": lorem, "/small.php": strings.Repeat("0123456789", 100),
		} {
			head := filepath.Join(t.TempDir(), "head")
			cmd := exec.Command(curl, "-sS", "--max-time", "20", "--compressed", "-D", head, "-H", "Accept-Encoding: "+row.coding, g.url(path))
			got, err := cmd.Output()
			if err != nil || string(got) != want {
				t.Errorf("%s of %s: %d bytes, %v", row.coding, path, len(got), err)
			}
			if h := readFile(t, head); !strings.Contains(h, "Content-Encoding: "+row.coding+"\r\n") {
				t.Errorf("%s of %s: %s", row.coding, path, h)
			}
		}
	}
}

func TestABrowserGetsEarlyHintsFromConfiguration(t *testing.T) {
	g := startCompressed(t, "index.php", `<?php echo "hello";`)
	c := g.dial()
	c.send("GET /index.php HTTP/1.1\r\nHost: ex.test\r\nSec-Fetch-Mode: navigate\r\n\r\n")
	if h := c.head(http.MethodGet); h.StatusCode != 103 || h.Header.Get("Link") != "</style.css>; rel=preload; as=style" {
		t.Fatalf("%d, %v", h.StatusCode, h.Header)
	}
	c.answer(http.MethodGet).expect(t, 200, "hello")
	c.send("GET /index.php HTTP/1.1\r\nHost: ex.test\r\n\r\n")
	c.answer(http.MethodGet).expect(t, 200, "hello")
}
