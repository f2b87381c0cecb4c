package upstream_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	httpfcgi "net/http/fcgi"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// goProgram starts Go's own responder, which answers with the header X-Name and
// the body; it returns its address.
func goProgram(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "go.sock"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when the cleanup closes l
		defer close(done)
		_ = httpfcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(append([]byte(r.Header.Get("X-Name")+":"), body...))
		}))
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// ourProgram is goProgram of our own.
func ourProgram(t *testing.T) string {
	s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		_, _ = w.WriteString("Status: 200\r\n\r\n" + r.Params["HTTP_X_NAME"] + ":")
		_, _ = w.Write(r.Stdin)
	}}
	return s.Start(t)
}

// TestABurstWaitsForRoomAndNeverFails sends far more at once than one connection
// has streams, each with large headers, so that the write buffer is full too.
func TestABurstWaitsForRoomAndNeverFails(t *testing.T) {
	const requests = 320
	for name, start := range map[string]func(*testing.T) string{"go": goProgram, "ours": ourProgram} {
		for _, size := range []int{0, 100, 40_000} {
			t.Run(fmt.Sprint(name, " with bodies of ", size), func(t *testing.T) {
				harness.NoLeaks(t)
				cfg := config(start(t))
				cfg.Multiplex, cfg.MaxConns, cfg.Streams, cfg.Queue, cfg.Tries = upstream.On, 1, 64, requests, 1
				b := newBackend(t, cfg, upstream.Events{})
				calls := make([]*call, requests)
				done := make([]<-chan error, requests)
				for i := range calls {
					calls[i] = burst(i, size)
				}
				for i, c := range calls {
					done[i] = c.start(t, b)
				}
				for i, c := range calls {
					err := await(t, done[i])
					want := append(fmt.Appendf(nil, "n%d:", i), c.in.Body...)
					if err != nil || c.out.status != 200 || !bytes.Equal(c.out.body.Bytes(), want) {
						t.Fatalf("request %d: %v, status %d, %d bytes", i, err, c.out.status, c.out.body.Len())
					}
				}
				if st := b.Snapshot()[0].Pool; st.Dials != 1 || st.Busy != 0 {
					t.Errorf("%+v", st)
				}
			})
		}
	}
}

func burst(i, size int) *call {
	c := request("POST", strings.Repeat(fmt.Sprint(i%10), size))
	for k := range 10 {
		c.in.Params = fcgi.AppendPair(c.in.Params, fmt.Sprint("HTTP_X_", k), strings.Repeat("h", 300))
	}
	for name, value := range map[string]string{
		"HTTP_X_NAME": fmt.Sprint("n", i), "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_URI": "/", "HTTP_HOST": "x",
	} {
		c.in.Params = fcgi.AppendPair(c.in.Params, name, value)
	}
	return c
}
