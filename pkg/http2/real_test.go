package http2_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

// echo sends the body back as it comes.
func echo(x *exchange.Exchange) {
	r := &x.Response
	if n := x.Request.ContentLength; n >= 0 {
		r.ContentLength = n
	}
	if x.Sink.Start(r) != nil {
		return
	}
	buf := make([]byte, 10_000)
	for {
		n, err := x.Request.Body.Read(buf)
		last := err == io.EOF
		if err != nil && !last || x.Sink.Write(buf[:n], last) != nil {
			x.Sink.Abort()
			return
		}
		if last {
			return
		}
	}
}

// transport is Go's client of r.
func transport(t *testing.T, r *rig, secure bool) *http.Client {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a certificate of the test's own
		Protocols:       new(http.Protocols),
	}
	tr.Protocols.SetHTTP2(secure)
	tr.Protocols.SetUnencryptedHTTP2(!secure)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: limit}
}

func TestGosClientGetsWhatItSent(t *testing.T) {
	for name, cfg := range map[string]*tls.Config{"clear": nil, "tls": testTLS(t)} {
		t.Run(name, func(t *testing.T) {
			r := start(t, http2.Config{StreamWindow: 40_000, ConnWindow: 100_000}, exchange.HandlerFunc(echo), cfg)
			client := transport(t, r, cfg != nil)
			scheme := "http://"
			if cfg != nil {
				scheme = "https://"
			}
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() { // ends within the client's timeout
					content := bytes.Repeat([]byte{byte('a' + i)}, i*i*i*700)
					res, err := client.Post(scheme+r.ln.Addr().String()+"/", "text/plain", bytes.NewReader(content))
					if err != nil {
						t.Error(err)
						return
					}
					defer res.Body.Close()
					got, err := io.ReadAll(res.Body)
					if err != nil || !bytes.Equal(got, content) || res.ProtoMajor != 2 {
						t.Errorf("%d bytes, want %d: %v", len(got), len(content), err)
					}
				})
			}
			all.Wait()
			client.CloseIdleConnections()
		})
	}
}

func TestLargeResponsesOverTLSThatDoesNotWait(t *testing.T) {
	cfg := testTLS(t)
	r := start(t, http2.Config{}, sized(3<<20), nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan struct{})
	go func() { // ends with the one connection
		defer close(served)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		tc, err := sock.NewTLS(nc, cfg, new(sock.Records))
		if err != nil || tc.Handshake() != nil {
			t.Error("no handshake: ", err)
			nc.Close()
			return
		}
		r.srv.Session(tc, nil, &exchange.ConnInfo{Scheme: "https"}).Serve()
	}()
	nc, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // likewise
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, nc)
	c.greet(window(1 << 30))
	c.ok(c.fr.WriteWindowUpdate(0, 1<<30))
	for id := uint32(1); id < 9; id += 2 {
		c.get(id, "/")
	}
	for id := uint32(1); id < 9; id += 2 {
		if a := c.ended(id); len(a.body) != 3<<20 {
			t.Errorf("%d bytes", len(a.body))
		}
	}
	nc.Close()
	<-served
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, harness.Program(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func TestCurlSpeaksWithUs(t *testing.T) {
	for name, cfg := range map[string]*tls.Config{"clear": nil, "tls": testTLS(t)} {
		t.Run(name, func(t *testing.T) {
			r := start(t, http2.Config{}, exchange.HandlerFunc(describe), cfg)
			args := []string{"-sk", "-w", "\n%{http_version} %{response_code}", "-H", "Cookie: a=b", "--data-binary", "some body"}
			url := "https://" + r.ln.Addr().String() + "/a?b"
			if cfg == nil {
				args = append(args, "--http2-prior-knowledge")
				url = strings.Replace(url, "https", "http", 1)
			}
			out := run(t, "curl", append(args, url)...)
			for _, want := range []string{"POST /a?b @127.0.0.1\n", "\ncookie: a=b\n", "\n9 some body", "\n2 200"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q has no %q", out, want)
				}
			}
		})
	}
}

func TestH2loadAndNghttpSpeakWithUs(t *testing.T) {
	r := start(t, http2.Config{}, sized(20_000), nil)
	url := "http://" + r.ln.Addr().String() + "/"
	out := run(t, "h2load", "-n", "2000", "-c", "5", "-m", "50", url)
	if !strings.Contains(out, "2000 succeeded, 0 failed, 0 errored") {
		t.Error(out)
	}
	if out := run(t, "nghttp", "-s", "--no-dep", url, url+"b"); !strings.Contains(out, "200") || strings.Contains(out, "ERROR") {
		t.Error(out)
	}
}

func BenchmarkSmallResponse(b *testing.B) {
	content := []byte("hello, world\n")
	kind, text := []byte("Content-Type"), []byte("text/plain")
	r := start(b, http2.Config{ServerHeader: "x"}, exchange.HandlerFunc(func(x *exchange.Exchange) {
		x.Response.Header.Add(kind, text)
		x.Response.ContentLength = int64(len(content))
		if x.Sink.Start(&x.Response) == nil {
			_, _ = x.Sink.TryWrite(content, true)
		}
	}), nil)
	c := connect(b, r)
	c.get(1, "/")
	c.ended(1)
	block := c.block(request("GET", "/")...) // from the table now
	_ = c.nc.SetDeadline(time.Time{})
	raw := append([]byte{0, 0, byte(len(block)), 1, 5, 0, 0, 0, 0}, block...)
	buf := make([]byte, 4096)
	id := uint32(3)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		raw[5], raw[6], raw[7], raw[8] = byte(id>>24), byte(id>>16), byte(id>>8), byte(id)
		id += 2
		if _, err := c.nc.Write(raw); err != nil {
			b.Fatal(err)
		}
		if id%1001 == 1 { // now and then a window
			_, _ = c.nc.Write([]byte{0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 1, 0, 0})
		}
		if _, err := c.nc.Read(buf); err != nil {
			b.Fatal(fmt.Errorf("after %d: %w", id, err))
		}
	}
}
