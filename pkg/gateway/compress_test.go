package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const compressing = `
[compression]
max_encoders = 4
[[site]]
listen = [":80"]
root = "{dir}/www"
scripts = ["/**.php"]
compression = "files"
precompressed = ["br", "gzip"]
  [[site.location]]
  match = "/"
  headers = { Vary = "Origin" }
  [[site.location]]
  match = "/app/"
  backend = "app"
  compression = "on"
  [[site.location]]
  match = "/plain/"
  backend = "app"
[backend.app]
servers = ["{app}"]
check_files = false
`

// text is what compresses.
var text = strings.Repeat("What is said three times is true. ", 1000)

// unpack returns what a body says, reading as much as there is: up to an error
// for one that is not complete.
func unpack(tb testing.TB, coding string, body io.Reader) io.Reader {
	tb.Helper()
	var z io.Reader
	var err error
	switch coding {
	case "":
		return body
	case "gzip":
		z, err = gzip.NewReader(body)
	case "br":
		z = brotli.NewReader(body)
	case "zstd":
		var d *zstd.Decoder
		d, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err == nil {
			tb.Cleanup(d.Close)
		}
		z = d
	}
	if err != nil {
		tb.Fatalf("%s: %v", coding, err)
	}
	return z
}

// accept sends a GET of a client that takes the codings.
func (r *rig) accept(target, acceptEncoding string, more ...string) reply {
	r.tb.Helper()
	return r.raw(":80", "GET "+target+" HTTP/1.1\r\nHost: x\r\nAccept-Encoding: "+acceptEncoding+"\r\n"+strings.Join(more, "")+"\r\n")
}

func (p reply) unpacked(tb testing.TB) string {
	tb.Helper()
	b, err := io.ReadAll(unpack(tb, p.Header.Get("Content-Encoding"), strings.NewReader(p.body)))
	if err != nil {
		tb.Errorf("%s: %v", p.Header.Get("Content-Encoding"), err)
	}
	return string(b)
}

// long answers with text, in two pieces for /app/two.php and with little of it
// for /app/short.php.
func long(w *fcgitest.Response, r *fcgitest.Request) {
	_, _ = w.WriteString("Content-Type: text/html\r\nETag: \"e\"\r\n\r\n")
	if strings.Contains(r.Params["SCRIPT_NAME"], "two") {
		_, _ = w.WriteString(text)
		_ = w.Flush()
	}
	if strings.Contains(r.Params["SCRIPT_NAME"], "short") {
		_, _ = w.WriteString(text[:5000])
		return
	}
	_, _ = w.WriteString(text)
}

func TestAnswersAreCompressedWhereTheLocationSaysSo(t *testing.T) {
	r := start(t, compressing, nil, long)
	r.write("www/a.txt", text)
	for _, row := range []struct{ target, accept, coding, body, vary string }{
		{"/app/a.php", "gzip, deflate, br, zstd", "zstd", text, "Accept-Encoding"},
		{"/app/a.php", "gzip, br", "gzip", text, "Accept-Encoding"},
		{"/app/a.php", "br", "br", text, "Accept-Encoding"},
		{"/app/two.php", "br", "br", text + text, "Accept-Encoding"},
		{"/app/two.php", "gzip", "gzip", text + text, "Accept-Encoding"},
		{"/app/two.php", "zstd", "zstd", text + text, "Accept-Encoding"},
		{"/app/a.php", "identity", "", text, "Accept-Encoding"},
		{"/plain/a.php", "gzip", "", text, ""},
		{"/a.txt", "gzip", "gzip", text, "Origin, Accept-Encoding"},
		{"/a.txt", "", "", text, "Origin, Accept-Encoding"},
	} {
		got := r.accept(row.target, row.accept)
		if c := got.Header.Get("Content-Encoding"); got.StatusCode != 200 || c != row.coding || got.unpacked(t) != row.body {
			t.Errorf("%s for %q: %d, %q, %d bytes", row.target, row.accept, got.StatusCode, c, len(got.body))
		}
		if got.Header.Get("Vary") != row.vary {
			t.Errorf("%s for %q: Vary %q", row.target, row.accept, got.Header.Get("Vary"))
		}
	}
	if got := r.accept("/app/short.php", "gzip"); got.ContentLength != int64(len(got.body)) || got.Header.Get("ETag") != `W/"e"` {
		t.Errorf("a page in one piece: length %d of %d, ETag %s", got.ContentLength, len(got.body), got.Header.Get("ETag"))
	}
	if got := r.accept("/none.txt", "gzip"); got.StatusCode != 404 || got.Header.Get("Content-Encoding") != "" {
		t.Errorf("an error page: %d, %q", got.StatusCode, got.Header.Get("Content-Encoding"))
	}
}

func TestEveryAnswerOfAFileThatIsCompressedVaries(t *testing.T) {
	r := start(t, compressing, nil, nil)
	r.write("www/a.txt", text)
	r.write("www/a.png", text)
	r.write("www/short.txt", "short")
	for file, want := range map[string]string{"/a.txt": "Origin, Accept-Encoding", "/a.png": "Origin", "/short.txt": "Origin"} {
		whole := r.raw(":80", "GET "+file+" HTTP/1.1\r\nHost: x\r\n\r\n")
		tag := whole.Header.Get("ETag")
		for name, got := range map[string]reply{
			"200":              whole,
			"304":              r.raw(":80", "GET "+file+" HTTP/1.1\r\nHost: x\r\nIf-None-Match: "+tag+"\r\n\r\n"),
			"206":              r.accept(file, "identity", "Range: bytes=0-1\r\n"),
			"206 of two parts": r.accept(file, "gzip", "Range: bytes=0-0,3-3\r\n"),
		} {
			if file == "/short.txt" && name == "206" {
				continue // the fields of a part do not tell how long the whole is
			}
			if vary := strings.Join(got.Header["Vary"], ", "); vary != want || !strings.HasPrefix(name, got.Status[:3]) {
				t.Errorf("%s of %s: %s, Vary %q, want %q", name, file, got.Status, vary, want)
			}
		}
	}
}

func TestA304OfAnApplicationThatIsCompressedVaries(t *testing.T) {
	r := start(t, compressing, nil, func(w *fcgitest.Response, q *fcgitest.Request) {
		_, _ = w.WriteString("Status: 304\r\nETag: \"e\"\r\n\r\n")
	})
	for target, want := range map[string]string{"/app/a.php": "Accept-Encoding", "/plain/a.php": ""} {
		if got := r.accept(target, "gzip"); got.StatusCode != 304 || got.Header.Get("Vary") != want {
			t.Errorf("%s: %d, Vary %q", target, got.StatusCode, got.Header.Get("Vary"))
		}
	}
}

func TestACompressedFileIsValidatedByItsWeakTag(t *testing.T) {
	r := start(t, compressing, nil, nil)
	r.write("www/a.txt", text)
	got := r.accept("/a.txt", "gzip")
	tag := got.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) || got.Header.Get("Accept-Ranges") != "" {
		t.Fatalf("ETag %s, Accept-Ranges %q", tag, got.Header.Get("Accept-Ranges"))
	}
	same := r.accept("/a.txt", "gzip", "If-None-Match: "+tag+"\r\n")
	if same.StatusCode != 304 || same.Header.Get("ETag") != tag || same.Header.Get("Vary") != "Origin, Accept-Encoding" {
		t.Errorf("%d, ETag %s, Vary %q", same.StatusCode, same.Header.Get("ETag"), same.Header.Get("Vary"))
	}
	part := r.accept("/a.txt", "gzip", "Range: bytes=0-9\r\nIf-Range: "+tag+"\r\n")
	if part.StatusCode != 200 || part.unpacked(t) != text {
		t.Errorf("a weak tag made a range: %d, %d bytes", part.StatusCode, len(part.body))
	}
	part = r.accept("/a.txt", "gzip", "Range: bytes=0-9\r\n")
	if part.StatusCode != 206 || part.body != text[:10] || part.Header.Get("Content-Encoding") != "" || strings.HasPrefix(part.Header.Get("ETag"), "W/") {
		t.Errorf("a range: %d, %q, %v", part.StatusCode, part.body, part.Header)
	}
	head := r.raw(":80", "HEAD /a.txt HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
	if head.ContentLength != -1 || head.Header.Get("Content-Encoding") != "gzip" || head.Header.Get("ETag") != tag {
		t.Errorf("HEAD: length %d, %v", head.ContentLength, head.Header)
	}
	old := r.raw(":80", "GET /a.txt HTTP/1.0\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
	if old.body != text {
		t.Errorf("HTTP/1.0: %d bytes", len(old.body))
	}
}

func TestPrecompressedFilesGoAsTheyLie(t *testing.T) {
	r := start(t, compressing, nil, nil)
	for name, content := range map[string]string{"a.css": text, "a.css.gz": "packed", "b.css": text, "b.css.br": "old"} {
		r.write("www/"+name, content)
	}
	past := time.Now().Add(-time.Hour)
	for _, name := range []string{"a.css", "b.css.br"} {
		if err := os.Chtimes(r.dir+"/www/"+name, past, past); err != nil {
			t.Fatal(err)
		}
	}
	got := r.accept("/a.css", "gzip, br")
	if got.body != "packed" || got.Header.Get("Content-Encoding") != "gzip" || got.Header.Get("Vary") != "Origin, Accept-Encoding" {
		t.Errorf("%q, %v", got.body, got.Header)
	}
	if got := r.accept("/b.css", "br, gzip"); got.Header.Get("Content-Encoding") != "gzip" || got.unpacked(t) != text {
		t.Errorf("an older one: %q, %d bytes", got.Header.Get("Content-Encoding"), len(got.body))
	}
	if got := r.accept("/a.css", "zstd;q=0"); got.body != text || got.Header.Get("Vary") != "Origin, Accept-Encoding" {
		t.Errorf("who takes none: %d bytes, Vary %q", len(got.body), got.Header.Get("Vary"))
	}
}

// TestEventsArriveCompressedAndOneByOne holds each event back until the client has
// read the one before.
func TestEventsArriveCompressedAndOneByOne(t *testing.T) {
	for _, coding := range []string{"gzip", "br", "zstd"} {
		next := make(chan string)
		r := start(t, compressing, nil, func(w *fcgitest.Response, _ *fcgitest.Request) {
			_, _ = w.WriteString("Content-Type: text/event-stream\r\n\r\n")
			for e := range next {
				_, _ = w.WriteString(e)
				_ = w.Flush()
			}
		})
		resp := r.open("GET /app/a.php HTTP/1.1\r\nHost: x\r\nAccept-Encoding: "+coding+"\r\n\r\n", func() { next <- "data: first\n\n" })
		if got := resp.Header.Get("Content-Encoding"); got != coding {
			t.Fatalf("%q, want %q", got, coding)
		}
		events := bufio.NewReader(unpack(t, coding, resp.Body))
		expect := func(want string) {
			b := make([]byte, len(want))
			if _, err := io.ReadFull(events, b); err != nil || string(b) != want {
				t.Fatalf("%s: %q, %v; want %q", coding, b, err, want)
			}
		}
		expect("data: first\n\n")
		for i := range 20 {
			e := fmt.Sprintf("data: event %d %s\n\n", i, text[:i*50])
			next <- e
			expect(e)
		}
		close(next)
		if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
			t.Errorf("%s: %q, %v", coding, rest, err)
		}
	}
}

// open sends a request and returns the response when its head has come; meanwhile
// runs between the two.
func (r *rig) open(request string, meanwhile func()) *http.Response {
	r.tb.Helper()
	nc, err := net.Dial("unix", r.addr[":80"])
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patient))
	if _, err := io.WriteString(nc, request); err != nil {
		r.tb.Fatal(err)
	}
	meanwhile()
	resp, err := http.ReadResponse(bufio.NewReader(nc), &http.Request{Method: "GET"})
	if err != nil {
		r.tb.Fatal(err)
	}
	return resp
}

// TestAWorkerDoesNotWaitForAClientThatReadsCompressedBytesSlowly: the reply is
// larger than every buffer between, compressed or not.
func TestAWorkerDoesNotWaitForAClientThatReadsCompressedBytesSlowly(t *testing.T) {
	noise := make([]byte, 8<<20)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	done := make(chan struct{})
	r := start(t, compressing, nil, func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\n")
		_, _ = w.Write(noise)
		_ = w.End(0, 0)
		close(done)
	})
	resp := r.open("GET /app/a.php HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n", func() {
		select {
		case <-done:
		case <-time.After(patient):
			t.Error("the worker waits for the client")
		}
	})
	got, err := io.ReadAll(unpack(t, resp.Header.Get("Content-Encoding"), resp.Body))
	if err != nil || !bytes.Equal(got, noise) || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestABrokenReplyLooksBrokenToTheClient: its encoded form has no end, nor has
// the response.
func TestABrokenReplyLooksBrokenToTheClient(t *testing.T) {
	r := start(t, compressing, nil, func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\n" + text)
		_ = w.Flush()
		w.Close()
	})
	resp := r.open("GET /app/a.php HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n", func() {})
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		t.Error("the body looks complete")
	}
	if _, err := io.ReadAll(unpack(t, "gzip", bytes.NewReader(body))); err == nil {
		t.Error("its gzip looks complete")
	}
}

// TestClientsThatLeaveGiveTheirEncodersBack: there are four.
func TestClientsThatLeaveGiveTheirEncodersBack(t *testing.T) {
	more := make(chan struct{})
	r := start(t, compressing, nil, func(w *fcgitest.Response, req *fcgitest.Request) {
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\n" + text)
		_ = w.Flush()
		if strings.Contains(req.Params["SCRIPT_NAME"], "wait") {
			<-more
		}
	})
	t.Cleanup(func() { close(more) })
	const request = " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"
	for round := 1; round <= 3; round++ {
		var open []net.Conn
		for range 4 {
			nc, err := net.Dial("unix", r.addr[":80"])
			if err != nil {
				t.Fatal(err)
			}
			_ = nc.SetDeadline(time.Now().Add(patient))
			_, _ = io.WriteString(nc, "GET /app/wait.php"+request)
			if _, err := io.ReadFull(nc, make([]byte, 20)); err != nil {
				t.Fatal(err)
			}
			open = append(open, nc)
		}
		if got := r.accept("/app/a.php", "gzip"); got.Header.Get("Content-Encoding") != "" || got.body != text || got.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("a fifth encoder: %v", got.Header)
		}
		for _, nc := range open {
			nc.Close()
		}
		harness.Eventually(t, "all four are over", func() bool {
			return strings.Count(r.read("access.log"), "/app/wait.php") == 4*round
		})
		if got := r.accept("/app/a.php", "gzip"); got.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("round %d: no encoder came back", round)
		}
	}
}

func TestTheAccessLogCountsCompressedBytes(t *testing.T) {
	r := start(t, compressing, nil, long)
	got := r.accept("/app/a.php", "gzip")
	want := fmt.Sprintf(`"bytes":%d`, len(got.body))
	harness.Eventually(t, want, func() bool { return strings.Contains(r.read("access.log"), want) })
}
