package http3

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/quic-go/qpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/octets"
)

func block(lines ...string) []byte {
	d := reader{}
	d.reset(bytes.NewReader(headers(lines...)))
	_, n, _ := d.frame()
	b, _ := d.take(int(n))
	return bytes.Clone(b)
}

// FuzzHead holds what becomes of a field section against what is promised to
// handlers, and a request against its fields read in another way.
func FuzzHead(f *testing.F) {
	f.Add(block(proper...))
	f.Add(block(append(proper[:4:4], "host: A.test:8443", "cookie: a", "cookie: b", "content-length: 3", "te: trailers")...))
	f.Add(block(":method: CONNECT", ":protocol: websocket", ":path: /chat", ":scheme: https", ":authority: a.test"))
	f.Add(block(append(proper[:4:4], "x_y: 1", "proxy: x", "expect: 100-continue")...))
	f.Add(block(append(proper[:4:4], "transfer-encoding: chunked")...))
	f.Add([]byte{0, 0, 0xc1, 0xd1})
	f.Add([]byte{2, 0, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		x := exchange.New()
		x.Reset()
		h := head{x: x, cfg: Config{}.withDefaults()}
		was := bytes.Clone(b)
		err := h.decode(b)
		if !bytes.Equal(b, was) {
			t.Fatal("written to")
		}
		if err != nil {
			_, isRefusal := errors.AsType[*http1.StatusError](err)
			_, isFatal := errors.AsType[*connError](err)
			if !isRefusal && !isFatal {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		clear(b) // nothing of the request may alias it
		checkRequest(t, &x.Request)
		compareFields(t, &x.Request, was)
	})
}

func checkRequest(t *testing.T, r *exchange.Request) {
	t.Helper()
	if len(r.Method) == 0 || len(r.Host) == 0 || len(r.Path) == 0 || r.Path[0] != '/' || r.Major != 3 || r.ContentLength < -1 {
		t.Fatalf("%s", describe(r))
	}
	if r.Header.Count("host") != 1 || !bytes.Equal(r.Header.Get("host"), r.Authority) || r.Header.Count("cookie") > 1 {
		t.Fatalf("%s", describe(r))
	}
	for _, f := range r.Header.All() {
		switch name := string(f.Name); {
		case !plainName(name):
			t.Fatalf("name %q", name)
		case name == "connection", name == "transfer-encoding", name == "upgrade", name == "te", name == "proxy", name == "expect", name == "keep-alive":
			t.Fatalf("field of the connection %q", name)
		}
		if bytes.ContainsAny(f.Value, "\r\n\x00") {
			t.Fatalf("value %q", f.Value)
		}
	}
}

// plainName reports whether a name that no configuration allows may pass.
func plainName(name string) bool {
	strange, ok := octets.LowerName(name)
	return ok && !strange
}

// compareFields reads the section by net/http's header and compares.
func compareFields(t *testing.T, r *exchange.Request, section []byte) {
	t.Helper()
	want := http.Header{}
	next := qpack.NewDecoder().Decode(section)
	for {
		f, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("accepted: %v", err)
		}
		want.Add(f.Name, f.Value)
	}
	for _, f := range r.Header.All() {
		name := http.CanonicalHeaderKey(string(f.Name))
		switch name {
		case "Host":
			continue
		case "Cookie":
			want[name] = []string{strings.Join(want[name], "; ")}
		}
		if len(want[name]) == 0 || want[name][0] != string(f.Value) {
			t.Fatalf("%s: %q, want %q", name, f.Value, want[name])
		}
		want[name] = want[name][1:]
	}
	if target := want[":path"]; len(target) != 1 || target[0] != string(r.Target) {
		t.Fatalf("target %q, want %q", r.Target, target)
	}
}

// FuzzFrames reads whatever comes as a request stream and as a control stream:
// without a crash, and with an end.
func FuzzFrames(f *testing.F) {
	f.Add(append(get("/"), data("abc")...))
	f.Add([]byte{frameSettings, 2, 6, 1, frameGoAway, 1, 0})
	f.Add([]byte{0x21, 0xc0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{frameData, 0x40, 3, 1, 2, 3, frameHeaders, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := reader{}
		d.reset(bytes.NewReader(b))
		junk := uint64(junkMax)
		for {
			kind, n, err := d.requestFrame(&junk)
			if err == nil && kind != frameData && kind != frameHeaders {
				t.Fatalf("frame of type %d", kind)
			}
			if err == nil {
				err = d.skip(n)
			}
			if err != nil {
				break
			}
		}
		c := reader{src: bytes.NewReader(b), buf: make([]byte, controlBuffer)}
		if err := control(&c); err == nil {
			t.Fatal("the end of a control stream is no error")
		}
		if len(c.buf) > 2*maxSettings || len(d.buf) > firstBuffer {
			t.Fatalf("buffers grew to %d and %d", len(c.buf), len(d.buf))
		}
	})
}
