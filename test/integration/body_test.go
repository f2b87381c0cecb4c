package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// whole reads a response to its end.
func whole(t testing.TB, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("body: %v", err)
	}
	return answer{resp, string(b)}
}

// noise is n bytes that are the same for the same seed.
func noise(n int64, seed byte) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), n)
}

const large = 100 << 20

func TestALargeMultipartUploadReachesPHPInFlatMemory(t *testing.T) {
	g := phpSite(t, 2, "up.php", `<?php $f = $_FILES['file'];
echo $f['error'], ' ', $f['name'], ' ', $f['size'], ' ', hash_file('sha256', $f['tmp_name']);`)
	sum := sha256.New()
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() { // ends with the upload
		w, err := form.CreateFormFile("file", "large.bin")
		if err == nil {
			_, err = io.Copy(io.MultiWriter(w, sum), noise(large, 1))
		}
		if err == nil {
			err = form.Close()
		}
		pw.CloseWithError(err)
	}()
	g.checkFlat(func() {
		resp, err := g.httpClient().Post(g.url("/up.php"), form.FormDataContentType(), pr)
		if err != nil {
			t.Fatal(err)
		}
		a := whole(t, resp)
		a.expect(t, 200, fmt.Sprintf("0 large.bin %d %x", large, sum.Sum(nil)))
	})
	if r := g.record("/up.php"); r.BytesIn < large {
		t.Errorf("bytes_in %d, want at least %d", r.BytesIn, large)
	}
}

func TestAChunkedUploadReachesPHPWithItsTrueLength(t *testing.T) {
	g := phpSite(t, 2, "index.php", echo)
	for _, size := range []int{0, 5, 80 << 10, 5 << 20} {
		t.Run(itoa(size), func(t *testing.T) {
			body, err := io.ReadAll(noise(int64(size), 2))
			if err != nil {
				t.Fatal(err)
			}
			// A reader of unknown length makes net/http send chunks.
			resp, err := g.httpClient().Post(g.url("/"), "application/octet-stream", io.MultiReader(strings.NewReader(string(body))))
			if err != nil {
				t.Fatal(err)
			}
			whole(t, resp).expect(t, 200, fmt.Sprintf("POST / %d %d %s", size, size, sha256Hex(body)))
		})
	}
}

func TestABodyBeyondMaxBodyIsRefused(t *testing.T) {
	f := startFPM(t, fpmConf{children: 1})
	s := &site{root: docroot(t, "index.php", echo), server: f.server(), conns: 1}
	g := newGateway(t, s)
	g.write(strings.Replace(s.toml(), "200MiB", "1KiB", 1))
	g.run()

	c := g.dial()
	c.send("POST / HTTP/1.1\r\nHost: ex.test\r\nContent-Length: 2000000\r\n\r\n")
	if a := c.answer(http.MethodPost); a.StatusCode != 413 {
		t.Errorf("declared: %d, want 413", a.StatusCode)
	}
	c = g.dial()
	c.send("POST / HTTP/1.1\r\nHost: ex.test\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n")
	if a := c.answer(http.MethodPost); a.StatusCode != 413 {
		t.Errorf("chunked: %d, want 413", a.StatusCode)
	}
}

// big sends n MiB, each of them one letter, letters by turns.
const big = `<?php ini_set('memory_limit', '16M');
for ($i = 0; $i < $_GET['n']; $i++) echo str_repeat(chr(65 + $i % 26), 1 << 20);`

func bigSum(n int) string {
	sum := sha256.New()
	for i := range n {
		fmt.Fprint(sum, strings.Repeat(string(rune('A'+i%26)), 1<<20))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func TestALargeDownloadArrivesWholeInFlatMemory(t *testing.T) {
	g := phpSite(t, 2, "big.php", big)
	g.checkFlat(func() {
		resp, err := g.httpClient().Get(g.url("/big.php?n=100"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		checkSum(t, resp.Body, 100)
	})
}

func checkSum(t testing.TB, r io.Reader, mib int) {
	t.Helper()
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if got := hex.EncodeToString(sum.Sum(nil)); err != nil || got != bigSum(mib) {
		t.Errorf("%d bytes, error %v, sum %s", n, err, got)
	}
}

func TestASlowReaderHoldsNoWorker(t *testing.T) {
	g := phpSite(t, 1, "big.php", big, "index.php", `<?php echo "served";`)
	g.checkFlat(func() {
		slow := g.dial()
		slow.send("GET /big.php?n=100 HTTP/1.1\r\nHost: ex.test\r\n\r\n")
		resp := slow.head(http.MethodGet)
		// The only worker answers the second request while the first client
		// has read nothing but the head.
		g.get("/").expect(t, 200, "served")
		checkSum(t, resp.Body, 100)
	})
}
