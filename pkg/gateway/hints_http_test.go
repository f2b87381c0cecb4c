package gateway_test

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

func TestFailuresOfHTTPServersAreExplained(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	replies := make(chan string, 1)
	go func() { // ends with the listener
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = nc.Read(make([]byte, 4096))
			_, _ = io.WriteString(nc, <-replies)
			nc.Close()
		}
	}()
	t.Cleanup(func() { ln.Close() })
	r := start(t, mirrorOf("unix:"+path)+"tries = 1\nretry_timeout = \"0\"\n", nil, nil)
	rows := []struct{ reply, hint string }{
		{"\x01\x06\x00\x01\x00\x00\x00\x00\r\n\r\n", "is not valid HTTP/1.1"},
		{"", "the application closed the connection"},
		{"HTTP/1.1 200 OK\r\n", "the application closed the connection"},
		{"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", 65<<10) + "\r\n\r\n", "raise max_response_header"},
	}
	for i, row := range rows {
		replies <- row.reply
		if got := r.get(fmt.Sprint("/", i)); got.StatusCode != 502 {
			t.Errorf("%.20q: %d", row.reply, got.StatusCode)
		}
		harness.Eventually(t, "the record has "+row.hint, func() bool { return r.explains(fmt.Sprint("/", i), row.hint) })
	}
	ln.Close()
	if got := r.get("/gone"); got.StatusCode != 502 {
		t.Errorf("nobody there: %d", got.StatusCode)
	}
	harness.Eventually(t, "the record says that the socket is missing", func() bool { return r.explains("/gone", "is the application running") })
}

// explains reports whether the error log has a record of uri with text in it.
func (r *rig) explains(uri, text string) bool {
	for line := range strings.Lines(r.read("error.log")) {
		if strings.Contains(line, `"uri":"`+uri+`"`) && strings.Contains(line, text) {
			return true
		}
	}
	return false
}
