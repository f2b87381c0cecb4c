package gateway_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const multiplexed = `
[gateway]
temp_dir = "{dir}"
[[site]]
listen = [":80"]
root = "{dir}/www"
  [[site.location]]
  match = '~ \.php$'
  backend = "shared"
[backend.shared]
servers = ["{shared}"]
max_conns = 1
streams = 40
multiplex = "on"
response_buffer = "64KiB"
response_temp = "1MiB"
`

// flood answers 50 MB to a request with a query, and a greeting to others.
func flood(w *fcgitest.Response, r *fcgitest.Request) {
	if r.Params["QUERY_STRING"] == "" {
		show(w, r)
		return
	}
	_, _ = w.WriteString("Content-Type: text/plain\r\n\r\n")
	piece := make([]byte, 64<<10)
	for sent := 0; sent < 50<<20; sent += len(piece) {
		select {
		case <-r.Aborted:
			return
		default:
			_, _ = w.Write(piece)
		}
	}
}

func TestClientsThatNeverReadCostTheirOwnReplyOnly(t *testing.T) {
	const slow, normal = 20, 100
	app := &fcgitest.Server{Mpxs: true, Forget: true, Handler: flood}
	text := strings.ReplaceAll(multiplexed, "{shared}", "unix:"+app.Start(t))
	r := start(t, text, []string{"index.php"}, nil)
	var clients []net.Conn
	for range slow {
		nc, err := net.Dial("unix", r.addr[":80"])
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, "GET /index.php?big HTTP/1.1\r\nHost: x\r\n\r\n")
		clients = append(clients, nc)
	}
	for range normal {
		if got := r.get("/index.php"); got.StatusCode != 200 || !strings.HasPrefix(got.body, "script ") {
			t.Fatalf("%d, %q", got.StatusCode, got.body)
		}
	}
	harness.Eventually(t, "the slow ones are given up", func() bool { return app.Aborts() == slow })
	for _, nc := range clients {
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v, %+v", err, resp)
		}
		if n, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || n >= 50<<20 {
			t.Errorf("%d bytes, then %v", n, err)
		}
	}
	if app.Accepted() != 1 {
		t.Errorf("%d connections", app.Accepted())
	}
	harness.Eventually(t, "each is in the log", func() bool {
		return strings.Count(r.read("error.log"), "raise response_temp") == slow
	})
}

func TestAServerThatDoesNotMultiplexAfterAllIsReportedOnce(t *testing.T) {
	entered, leave := make(chan bool, 9), make(chan bool)
	app := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		entered <- true
		<-leave
		show(w, r)
	}}
	text := strings.ReplaceAll(multiplexed, "{shared}", "unix:"+app.Start(t))
	r := start(t, strings.Replace(text, "max_conns = 1", "max_conns = 4", 1), []string{"index.php"}, nil)
	done := make(chan int)
	for range 3 {
		go func() { done <- r.get("/index.php").StatusCode }() // ends with leave
		<-entered
	}
	for range 3 {
		leave <- true
	}
	for range 3 {
		if status := <-done; status != 200 {
			t.Error(status)
		}
	}
	if n := strings.Count(r.read("error.log"), "does not multiplex"); n != 1 {
		t.Errorf("reported %d times", n)
	}
}
