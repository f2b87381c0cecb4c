package gateway_test

import (
	"io"
	"net"
	"runtime/debug"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/test/harness"
)

const allocText = `
[[site]]
listen = [":80"]
root = "{dir}/www"
headers = { X-Frame-Options = "DENY" }
  [[site.location]]
  match = "/"
  try_files = ["$uri", "/index.php?$args"]
  [[site.location]]
  match = "/text"
  return = "200 hello"
  [[site.location]]
  match = "/files/"
  [[site.location]]
  match = '~ \.php$'
  backend = "fixed"
[backend.fixed]
servers = ["unix:{dir}/fixed"]
max_conns = 1
multiplex = "off"
`

// serveFixed is a responder that allocates nothing: it gives every request on
// nc the same reply.
func serveFixed(nc net.Conn) {
	defer nc.Close()
	in, out := make([]byte, 64<<10), make([]byte, 0, 4096)
	text := []byte("Content-Type: text/plain\r\n\r\nhello")
	var p fcgi.Parser
	have := 0
	for {
		n, err := nc.Read(in[have:])
		if err != nil {
			return
		}
		have += n
		used := 0
		for {
			part, k, err := p.Next(in[used:have])
			used += k
			if err != nil {
				return
			}
			if part.Type == 0 {
				break
			}
			if part.Type == fcgi.TypeStdin && part.EOS {
				out = fcgi.AppendStream(out[:0], fcgi.TypeStdout, part.ID, text)
				out = fcgi.AppendEnd(out, part.ID, fcgi.End{})
				if _, err := nc.Write(out); err != nil {
					return
				}
			}
		}
		have = copy(in, in[used:have])
	}
}

func listenFixed(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() { // ends when ln is closed
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go serveFixed(nc) // ends when the gateway closes
		}
	}()
}

// The counts are those of listener, gateway, backend connection and access log
// together. What a static file costs is the opening of it (docroot: paths, two
// closures, os.File); what an error page costs is its text and its two fields.
func TestAllocationsPerRequest(t *testing.T) {
	if harness.Race {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	r := start(t, allocText, []string{"a.txt", "files/a.txt", "index.php"}, nil)
	listenFixed(t, r.dir+"/fixed")
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools are emptied by collections
	tests := []struct {
		name, request string
		most          float64
	}{
		{"FastCGI GET", "GET /index.php?a=b", 0},
		{"FastCGI GET through try_files", "GET /no/file?a=b", 0},
		{"fixed text", "GET /text?a=b", 0},
		{"not found", "GET /files/none", 24}, // with a debug record
		{"static file", "GET /files/a.txt", 10},
		{"static file through try_files", "GET /a.txt", 10},
		{"HEAD of a static file", "HEAD /files/a.txt", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc, err := net.Dial("unix", r.addr[":80"])
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(patient))
			request := []byte(tt.request + " HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
			buf := make([]byte, 8192)
			if _, err := nc.Write(request); err != nil {
				t.Fatal(err)
			}
			n, err := nc.Read(buf) // the response is one write; every one has this size
			if err != nil {
				t.Fatal(err)
			}
			got := testing.AllocsPerRun(500, func() {
				if _, err := nc.Write(request); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(nc, buf[:n]); err != nil {
					t.Fatal(err)
				}
			})
			t.Logf("%v allocations", got)
			if got > tt.most {
				t.Errorf("%v allocations per request, want at most %v", got, tt.most)
			}
		})
	}
}
