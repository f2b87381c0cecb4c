package gateway_test

import (
	"io"
	"net"
	"runtime/debug"
	"testing"
	"time"
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
`

// The counts are those of listener, gateway and access log together. An open
// file is what costs a static file its allocations: os.File and what belongs
// to it.
func TestAllocationsPerRequest(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	r := start(t, allocText, []string{"a.txt", "files/a.txt"}, nil)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools are emptied by collections
	tests := []struct {
		name, request string
		most          float64
	}{
		{"fixed text", "GET /text?a=b", 0},
		{"not found", "GET /files/none", 6},
		{"static file", "GET /files/a.txt", 8},
		{"static file through try_files", "GET /a.txt", 8},
		{"HEAD of a static file", "HEAD /files/a.txt", 4},
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
