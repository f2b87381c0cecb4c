package integration

import (
	"net"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
)

// responder starts a FastCGI server that records its requests and answers all
// of them with the same output.
func responder(t testing.TB, output string) (*fcgitest.Server, string) {
	t.Helper()
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(output) }}
	return s, s.StartTCP(t)
}

// held is a responder whose answers wait for the test.
type held struct {
	*fcgitest.Server
	addr    string
	begun   chan struct{} // a value for each request that has come
	release chan struct{} // closed by the test
}

func newHeld(t testing.TB) *held {
	t.Helper()
	h := &held{Server: &fcgitest.Server{}, begun: make(chan struct{}, 100), release: make(chan struct{})}
	h.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
		h.begun <- struct{}{}
		select {
		case <-h.release:
			_, _ = w.WriteString("Content-Type: text/plain\r\n\r\nheld")
		case <-r.Aborted:
		}
	}
	h.addr = h.StartTCP(t)
	return h
}

// played serves each connection by the next of some scripts.
func played(t testing.TB, scripts ...fcgitest.Script) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fcgitest.PlayOn(t, ln, scripts...)
	return ln.Addr().String()
}

// replies is a script that answers one request.
func replies(output string) fcgitest.Script {
	return fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Reply(output)}
}
