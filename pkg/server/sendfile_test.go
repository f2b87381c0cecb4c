package server_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

// fileSender is what handlers look for in a sink.
type fileSender interface {
	SendFile(f *os.File, off, n int64, last bool) error
}

func makeFile(t *testing.T, content []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSendFileSendsPartsOfAFileBetweenWrites(t *testing.T) {
	content := pattern(2_500_000)
	f := makeFile(t, content)
	const off = 1000
	result := make(chan error, 1)
	r := startNarrow(t, config(), func(x *exchange.Exchange) {
		x.Response.ContentLength = int64(len("<")+len(content)-off) + 10 + 1
		_ = x.Sink.Start(&x.Response)
		fs := x.Sink.(fileSender)
		result <- errors.Join(
			x.Sink.Write([]byte("<"), false),
			fs.SendFile(f, off, int64(len(content)-off), false),
			x.Sink.Write([]byte(">"), false),
			fs.SendFile(f, 0, 10, true),
		)
	})
	c := dial(t, "unix", r.addr)
	for range 2 {
		c.send(get("/"))
		c.want(200, "<"+string(content[off:])+">"+string(content[:10]))
		if err := <-result; err != nil {
			t.Fatal(err)
		}
	}
	if at, _ := f.Seek(0, io.SeekCurrent); at != int64(len(content)) {
		t.Errorf("the file's own offset moved to %d", at)
	}
}

func TestSendFileOfAFileThatShrankCutsTheResponse(t *testing.T) {
	f := makeFile(t, pattern(1000))
	got := make(chan error, 1)
	c := start(t, config(), func(x *exchange.Exchange) {
		x.Response.ContentLength = 2000
		_ = x.Sink.Start(&x.Response)
		got <- x.Sink.(fileSender).SendFile(f, 0, 2000, true)
		x.Sink.Abort()
	}).dial(t)
	c.send(get("/"))
	if a := c.answer("GET"); len(a.body) != 1000 || !errors.Is(a.err, io.ErrUnexpectedEOF) {
		t.Errorf("the client got %d bytes, %v", len(a.body), a.err)
	}
	if err := <-got; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the handler got %v", err)
	}
}

func TestSendFileDeclinesWhatItCannotFrame(t *testing.T) {
	f := makeFile(t, pattern(1000))
	for _, method := range []string{"GET", "HEAD"} {
		got := make(chan error, 1)
		c := start(t, config(), func(x *exchange.Exchange) {
			if method == "HEAD" {
				x.Response.ContentLength = 1000
			}
			_ = x.Sink.Start(&x.Response)
			got <- x.Sink.(fileSender).SendFile(f, 0, 1000, true)
			_ = x.Sink.Write([]byte("other way"), method == "GET")
			if method == "HEAD" {
				_ = x.Sink.Write(make([]byte, 991), true)
			}
		}).dial(t)
		c.send(method + " / HTTP/1.1\r\nHost: x\r\n\r\n")
		if err := <-got; !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v", method, err)
		}
		if a := c.answer(method); a.StatusCode != 200 || a.err != nil {
			t.Errorf("%s: got %d, %v", method, a.StatusCode, a.err)
		}
	}
}

func TestSendFileEndsWithTheSendTimeout(t *testing.T) {
	cfg := config()
	cfg.SendTimeout = 80 * time.Millisecond
	content := pattern(4 << 20)
	f := makeFile(t, content)
	got := make(chan error, 1)
	r := startNarrow(t, cfg, func(x *exchange.Exchange) {
		x.Response.ContentLength = int64(len(content))
		_ = x.Sink.Start(&x.Response)
		got <- x.Sink.(fileSender).SendFile(f, 0, int64(len(content)), true)
		x.Sink.Abort()
	})
	dial(t, "unix", r.addr).send(get("/"))
	if err := <-got; !errors.Is(err, exchange.ErrSendTimeout) {
		t.Errorf("got %v", err)
	}
	harness.Eventually(t, "the connection is closed", func() bool { return r.Connections() == 0 })
}
