package stub

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// serve runs a stub for the test and returns its socket.
func serve(t *testing.T, cfg Config) string {
	t.Helper()
	cfg.Socket = filepath.Join(t.TempDir(), "s")
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }() // ends when the test cancels ctx
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(cfg.Socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("socket left behind: %v", err)
		}
	})
	return cfg.Socket
}

func dial(t *testing.T, socket string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAKeptConnectionAnswersManyRequests(t *testing.T) {
	c := dial(t, serve(t, Config{Size: 10_000}))
	r := newReply(10_000)
	for id := uint16(1); id < 20; id++ {
		if _, err := c.Write(wholeRequest(id, flagKeepConn)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(r.bytes))
		if _, err := io.ReadFull(c, got); err != nil {
			t.Fatal(err)
		}
		if string(got) != string(r.appendTo(nil, id)) {
			t.Fatalf("request %d: wrong answer", id)
		}
	}
}

func TestWithoutKeepConnTheConnectionEndsAfterTheAnswer(t *testing.T) {
	c := dial(t, serve(t, Config{Size: 128}))
	if _, err := c.Write(wholeRequest(1, 0)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	r := newReply(128)
	if err != nil || string(got) != string(r.appendTo(nil, 1)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAnswersWaitForAPeerThatDoesNotRead(t *testing.T) {
	const n, size = 64, 100_000
	c := dial(t, serve(t, Config{Size: size, Multiplex: true}))
	for id := uint16(1); id <= n; id++ {
		if _, err := c.Write(wholeRequest(id, flagKeepConn)); err != nil {
			t.Fatal(err)
		}
	}
	r := newReply(size)
	got := make([]byte, n*len(r.bytes))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if out, _ := stdoutOf(t, got); len(out) != n {
		t.Errorf("%d answers, want %d", len(out), n)
	}
}

func TestAProtocolErrorIsReportedAndClosesTheConnection(t *testing.T) {
	failed := make(chan error, 1)
	c := dial(t, serve(t, Config{Failed: func(err error) { failed <- err }}))
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, ErrProtocol) {
		t.Errorf("reported %v", err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("connection still open: read %d bytes", n)
	}
}
