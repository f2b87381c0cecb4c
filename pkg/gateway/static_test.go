package gateway_test

import (
	"strings"
	"testing"
)

func TestLargeFilesAndTheirParts(t *testing.T) {
	r := start(t, "[[site]]\nlisten = [\":80\"]\nroot = \"{dir}/www\"\nheaders = { X-A = \"b\" }\n", nil, nil)
	content := strings.Repeat("0123456789abcdef", 20_000) // 320 kB: sent without copying
	r.write("www/big.bin", content)
	got := r.get("/big.bin")
	if got.StatusCode != 200 || got.body != content || got.Header.Get("X-A") != "b" {
		t.Fatalf("got %d, %d bytes, %v", got.StatusCode, len(got.body), got.Header)
	}
	part := r.raw(":80", "GET /big.bin HTTP/1.1\r\nHost: x\r\nRange: bytes=100000-299999\r\n\r\n")
	if part.StatusCode != 206 || part.body != content[100_000:300_000] || part.Header.Get("Content-Range") != "bytes 100000-299999/320000" {
		t.Errorf("range: got %d, %d bytes, %v", part.StatusCode, len(part.body), part.Header)
	}
	same := r.raw(":80", "GET /big.bin HTTP/1.1\r\nHost: x\r\nIf-None-Match: "+got.Header.Get("Etag")+"\r\n\r\n")
	if same.StatusCode != 304 || same.body != "" || same.Header.Get("X-A") != "b" {
		t.Errorf("validation: got %d, %v", same.StatusCode, same.Header)
	}
	head := r.raw(":80", "HEAD /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
	if head.StatusCode != 200 || head.body != "" || head.ContentLength != int64(len(content)) {
		t.Errorf("HEAD: got %d, length %d", head.StatusCode, head.ContentLength)
	}
}
