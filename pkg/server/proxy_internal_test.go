package server

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

const sigV2 = "\r\n\r\n\x00\r\nQUIT\n"

func TestTheSizeOfAPROXYHeader(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     int // 0: not known yet
		err      error
	}{
		{"nothing", "", 0, nil},
		{"part of v1's signature", "PRO", 0, nil},
		{"part of v2's signature", sigV2[:7], 0, nil},
		{"a line", "PROXY UNKNOWN\r\nGET", 15, nil},
		{"part of a line", "PROXY TCP4 1.2.3.4", 0, nil},
		{"the longest line", "PROXY " + strings.Repeat("x", 99) + "\r\nGET", 107, nil},
		{"a line too long", "PROXY " + strings.Repeat("x", 100) + "\r\n", 0, errProxyLong},
		{"a line without an end", "PROXY " + strings.Repeat("x", 101), 0, errProxyLong},
		{"v2 without its length", sigV2 + "\x21\x11\x00", 0, nil},
		{"v2", sigV2 + "\x21\x11\x00\x0c", 28, nil},
		{"v2 of the largest size", sigV2 + "\x21\x11\x0f\xf0", 4096, nil},
		{"v2 too large", sigV2 + "\x21\x11\x0f\xf1", 0, errProxyLong},
		{"a request", "GET / HTTP/1.1\r\n", 0, errProxyMissing},
		{"another method that begins alike", "PROPFIND / HTTP/1.1\r\n", 0, errProxyMissing},
		{"HTTP/2's preface", "PRI * HTTP/2.0\r\n", 0, errProxyMissing},
		{"an empty line", "\r\nGET", 0, errProxyMissing},
		{"a handshake", "\x16\x03\x01", 0, errProxyMissing},
	} {
		if n, err := proxySize([]byte(tt.in)); n != tt.want || err != tt.err { //nolint:errorlint // the very value
			t.Errorf("%s: got %d, %v", tt.name, n, err)
		}
	}
}

// Whatever comes, the step takes a bounded header and nothing behind it, and
// what it takes gives addresses that can be shown.
func FuzzTheProxyStep(f *testing.F) {
	for _, s := range []string{
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n",
		"PROXY TCP6 ::1 ::2 65535 0\r\n", "PROXY UNKNOWN\r\n", "PROXY UNKNOWN what ever\r\n",
		"PROXY TCP4 ::1 ::2 1 2\r\n", "PROXYTCP4\r\n", "PROXY \n",
		sigV2 + "\x20\x00\x00\x00", sigV2 + "\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02rest",
		sigV2 + "\x21\x12\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02",
		sigV2 + "\x21\x21\x00\x24" + strings.Repeat("\x01", 36), sigV2 + "\x21\x31\x00\xd8" + strings.Repeat("a", 216),
		sigV2 + "\x21\x11\x00\x0f\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02\x04\x00\x00",
		sigV2 + "\x20\x11\x00\x01x", sigV2 + "\x21\x00\x00\x00", sigV2 + "\x21\x13\x00\x0c" + strings.Repeat("\x01", 12),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := proxySize(b)
		if n < 0 || n > maxProxy || err != nil && n != 0 {
			t.Fatalf("size %d, %v", n, err)
		}
		for i := range b { // it is decided by the same bytes however they come
			if k, kerr := proxySize(b[:i]); (kerr != nil || k != 0) && (k != n || kerr != err) { //nolint:errorlint // the very value
				t.Fatalf("%d bytes: %d, %v; all: %d, %v", i, k, kerr, n, err)
			}
		}
		if n == 0 || n > len(b) {
			return
		}
		h, err := parseProxy(bytes.Clone(b[:n]))
		if err != nil || h.Command.IsLocal() || h.TransportProtocol.IsUnspec() {
			return
		}
		ap, addr, _ := addrText(h.SourceAddr)
		if h.TransportProtocol == proxyproto.UnixStream {
			if string(addr) != "unix:" {
				t.Fatalf("a unix socket's address is %q", addr)
			}
			return
		}
		if !ap.IsValid() || string(addr) != ap.Addr().String() {
			t.Fatalf("%q: %v %q", b[:n], ap, addr)
		}
	})
}
