package worker

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script writes a PHP script that any user can read.
func script(t *testing.T, code string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fcgigw-worker-test-") // t.TempDir is closed to www-data
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test.php")
	if err := os.WriteFile(path, []byte("<?php "+code), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// send puts one GET for path on a new connection.
func send(t *testing.T, socket, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))

	var params bytes.Buffer
	for _, pair := range [][2]string{{"SCRIPT_FILENAME", path}, {"REQUEST_METHOD", "GET"}} {
		params.Write([]byte{byte(len(pair[0])), byte(len(pair[1]))})
		params.WriteString(pair[0] + pair[1])
	}
	var req bytes.Buffer
	record(&req, 1, []byte{0, 1, 0, 0, 0, 0, 0, 0})
	record(&req, 4, params.Bytes())
	record(&req, 4, nil)
	record(&req, 5, nil)
	if _, err := conn.Write(req.Bytes()); err != nil {
		t.Fatal(err)
	}
	return conn
}

func record(w *bytes.Buffer, kind byte, content []byte) {
	w.Write([]byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0})
	w.Write(content)
}

// receive returns the body of the answer, and whether it was complete.
func receive(t *testing.T, conn net.Conn) (body string, complete bool) {
	t.Helper()
	var out strings.Builder
	var head [8]byte
	for {
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			break
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(conn, content); err != nil {
			break
		}
		content = content[:len(content)-int(head[6])]
		switch head[1] {
		case 6:
			out.Write(content)
		case 3:
			complete = true
		}
	}
	_, body, _ = strings.Cut(out.String(), "\r\n\r\n")
	return body, complete
}

// run returns what a PHP script prints.
func run(t *testing.T, socket, code string) string {
	t.Helper()
	body, complete := receive(t, send(t, socket, script(t, code)))
	if !complete {
		t.Fatalf("incomplete answer %q", body)
	}
	return body
}
