package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

// What this package accepts, net/http must accept with the same meaning. It may
// accept less. Known to be stricter here: bare LF, obs-fold, two alike or
// listed Content-Lengths, Content-Length with Transfer-Encoding, Expect other
// than 100-continue, hosts with sub-delimiters, raw bytes above 0x7f in
// targets, malformed Connection fields, a missing Host (which net/http leaves
// to its Server), HTTP/1.2 and the like, TRACE and CONNECT. Known to be laxer:
// one empty line before the request line, of which ReadRequest takes none.
func diffHead(t *testing.T, raw []byte) {
	t.Helper()
	x, m := exchange.New(), new(Meta)
	used, err := ParseHead(bytes.Clone(raw), new(Limits), x, m)
	if err != nil {
		return
	}
	br := bufio.NewReaderSize(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\r\n"))), 128<<10)
	req, err := http.ReadRequest(br)
	if err != nil {
		t.Fatalf("net/http refuses %q: %v", raw, err)
	}
	if rest, _ := io.ReadAll(br); !bytes.Equal(rest, raw[used:]) {
		t.Fatalf("%q: head ends before %q, net/http says %q", raw, raw[used:], rest)
	}
	diffRequest(t, raw, x, m, req)
	diffFields(t, raw, x, m, req)
}

func diffRequest(t *testing.T, raw []byte, x *exchange.Exchange, m *Meta, req *http.Request) {
	t.Helper()
	r := &x.Request
	same := func(what, ours, theirs string) {
		if ours != theirs {
			t.Fatalf("%s of %q: %q, net/http says %q", what, raw, ours, theirs)
		}
	}
	same("method", string(r.Method), req.Method)
	same("host", string(r.Authority), req.Host)
	same("query", string(r.Query), req.URL.RawQuery)
	if m.Absolute != (req.URL.Host != "") {
		t.Fatalf("form of %q: absolute %v, net/http says %v", raw, m.Absolute, req.URL)
	}
	if !m.Absolute {
		same("target", string(r.Target), req.RequestURI)
	}
	if !m.Asterisk {
		same("path", string(r.Path), refPath(req.URL.Path))
	}
	if int(r.Major) != req.ProtoMajor || int(r.Minor) != req.ProtoMinor {
		t.Fatalf("version of %q", raw)
	}
	if r.ContentLength != req.ContentLength || m.Chunked != (req.TransferEncoding != nil) {
		t.Fatalf("framing of %q: %d %v, net/http says %d %v",
			raw, r.ContentLength, m.Chunked, req.ContentLength, req.TransferEncoding)
	}
	if m.KeepAlive == req.Close {
		t.Fatalf("keep-alive of %q: %v, net/http closes %v", raw, m.KeepAlive, req.Close)
	}
}

// refPath resolves a decoded path the slow way: slashes first, then dots.
func refPath(p string) string {
	if p == "" {
		return "/"
	}
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	var out []string
	segs := strings.Split(p[1:], "/")
	for i, s := range segs {
		switch s {
		case ".", "..":
			if s == ".." {
				out = out[:len(out)-1] // accepted, so it does not climb
			}
			if i == len(segs)-1 {
				out = append(out, "")
			}
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}

// diffFields compares the fields that are kept, name by name and in order.
func diffFields(t *testing.T, raw []byte, x *exchange.Exchange, m *Meta, req *http.Request) {
	t.Helper()
	ours := map[string][]string{}
	for _, f := range x.Request.Header.All() {
		if n := string(f.Name); n != "host" {
			ours[n] = append(ours[n], string(f.Value))
		}
	}
	left := 0
	for name, values := range req.Header {
		got := ours[strings.ToLower(name)]
		delete(ours, strings.ToLower(name))
		if got == nil {
			left += len(values)
			continue
		}
		if strings.Join(got, "\x00") != strings.Join(values, "\x00") {
			t.Fatalf("%s of %q: %q, net/http says %q", name, raw, got, values)
		}
	}
	if len(ours) > 0 {
		t.Fatalf("fields of %q that net/http does not have: %q", raw, ours)
	}
	if m.Dropped > left {
		t.Fatalf("%q: %d dropped, but %d not kept", raw, m.Dropped, left)
	}
}

func allRows() []string {
	var raws []string
	for _, r := range requestLineRows {
		raws = append(raws, r.in+"\r\nHost: h\r\n\r\n")
	}
	for _, r := range fieldRows {
		raws = append(raws, "GET / HTTP/1.1\r\nHost: h\r\n"+r.in+"\r\n\r\n")
	}
	for _, r := range field10Rows {
		raws = append(raws, "POST / HTTP/1.0\r\n"+r.in+"\r\n\r\n")
	}
	for _, r := range headRows {
		raws = append(raws, r.in)
	}
	return append(raws, browserHead)
}

func TestNetHTTPReadsAcceptedHeadsTheSame(t *testing.T) {
	for _, raw := range allRows() {
		diffHead(t, []byte(raw))
	}
}

func FuzzParseHead(f *testing.F) {
	for _, raw := range allRows() {
		f.Add([]byte(raw), uint16(20))
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut uint16) {
		diffHead(t, raw)
		splitHead(t, raw, int(cut))
		cleanHead(t, raw)
	})
}

// splitHead checks that a head which comes in two parts reads like the whole:
// what refuses a part early refuses the whole too.
func splitHead(t *testing.T, raw []byte, cut int) {
	t.Helper()
	x, m := exchange.New(), new(Meta)
	usedWhole, errWhole := ParseHead(bytes.Clone(raw), new(Limits), x, m)
	whole := renderRequest(x, m)

	buf := bytes.Clone(raw)
	x, m = exchange.New(), new(Meta)
	used, err := ParseHead(buf[:min(cut, len(buf))], new(Limits), x, m)
	if errors.Is(err, ErrIncomplete) {
		x.Reset()
		used, err = ParseHead(buf, new(Limits), x, m)
	}
	if (err == nil) != (errWhole == nil) || used != usedWhole {
		t.Fatalf("%q cut at %d: %d %v, whole: %d %v", raw, cut, used, err, usedWhole, errWhole)
	}
	if err == nil && renderRequest(x, m) != whole {
		t.Fatalf("%q cut at %d: %s, whole: %s", raw, cut, renderRequest(x, m), whole)
	}
}

// cleanHead checks what handlers rely on.
func cleanHead(t *testing.T, raw []byte) {
	t.Helper()
	x, m := exchange.New(), new(Meta)
	if _, err := ParseHead(bytes.Clone(raw), new(Limits), x, m); err != nil {
		return
	}
	if p := x.Request.Path; len(p) == 0 || p[0] != '/' {
		t.Fatalf("%q: path %q", raw, p)
	}
	for _, f := range x.Request.Header.All() {
		for _, c := range f.Name {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				t.Fatalf("%q: name %q", raw, f.Name)
			}
		}
		if !octets.IsValue(f.Value) || !bytes.Equal(octets.Trim(f.Value), f.Value) {
			t.Fatalf("%q: value %q", raw, f.Value)
		}
		switch string(f.Name) {
		case "proxy", "connection", "keep-alive", "te", "trailer", "upgrade",
			"proxy-connection", "transfer-encoding", "expect":
			t.Fatalf("%q: %s is still there", raw, f.Name)
		}
	}
}
