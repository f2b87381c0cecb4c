package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/gateway"
	"github.com/fcgigw/fcgigw/pkg/observe"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

const benchRequest = "GET /index.php?a=1 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: bench/1\r\n" +
	"Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\n\r\n"

// BenchmarkRequest is one keep-alive GET through listener, gateway and a
// FastCGI responder in the same process. A profile of it shows what a request
// costs us beside the system calls.
func BenchmarkRequest(b *testing.B) {
	root := b.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.php"), nil, 0o644); err != nil {
		b.Fatal(err)
	}
	backend := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString("Content-Type: text/plain\r\n\r\nhello")
	}}
	addr := backend.Start(b)
	text := `
[[site]]
listen = ["127.0.0.1:1"]
root = ` + strconv.Quote(root) + `
  [[site.location]]
  match = '~ \.php$'
  backend = "php"
[backend.php]
servers = ["unix:` + addr + `"]
max_conns = 4
multiplex = "off"
`
	cfg, err := config.Parse("bench", []byte(text), nil)
	if err != nil {
		b.Fatal(err)
	}
	logs, err := observe.Open(observe.Config{Output: "off"})
	if err != nil {
		b.Fatal(err)
	}
	sweeper := sock.NewSweeper(0)
	g := gateway.New(gateway.Options{Logs: logs, Sweeper: sweeper})
	if err := g.Load(context.Background(), cfg); err != nil {
		b.Fatal(err)
	}
	s, err := server.New(server.Config{KeepaliveTimeout: time.Minute}, g, sweeper, server.Events{})
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(ln, server.Listener{Name: "127.0.0.1:1"})
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(nc)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(nc, benchRequest); err != nil {
			b.Fatal(err)
		}
		n := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if v, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
				n, _ = strconv.Atoi(strings.TrimSpace(v))
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := r.Discard(n); err != nil {
			b.Fatal(err)
		}
	}
	nc.Close()
	_ = s.Shutdown(context.Background())
	_ = g.Close(context.Background())
	sweeper.Close()
}
