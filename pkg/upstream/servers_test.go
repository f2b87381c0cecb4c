package upstream_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// respond is a server that answers with text.
func respond(tb testing.TB, text string) (*fcgitest.Server, string) {
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(text) }}
	return s, s.Start(tb)
}

const hello = "Content-Type: text/plain\r\n\r\nhello"

// gated is a server whose answers wait for the test.
type gated struct {
	fcgitest.Server
	entered chan *fcgitest.Request
	leave   chan struct{}
}

func newGated(tb testing.TB, mpxs bool) (*gated, string) {
	g := &gated{entered: make(chan *fcgitest.Request, 64), leave: make(chan struct{})}
	g.Mpxs = mpxs
	g.Handler = func(w *fcgitest.Response, r *fcgitest.Request) {
		g.entered <- r
		select {
		case <-g.leave:
			_, _ = w.WriteString(hello)
		case <-r.Aborted:
		}
	}
	return g, g.Start(tb)
}

// opener gives out a body and counts how often.
type opener struct {
	mu     sync.Mutex
	body   string
	opened int
	err    error
}

func (o *opener) open() (io.Reader, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened++
	if o.err != nil {
		return nil, o.err
	}
	return strings.NewReader(o.body), nil
}

// nowhere is a socket path on which nothing listens yet.
func nowhere(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "later.sock")
}

func listen(tb testing.TB, path string) net.Listener {
	tb.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// isReply reports whether err is a ReplyError whose text has part in it.
func isReply(err error, part string) bool {
	var re *upstream.ReplyError
	return errors.As(err, &re) && strings.Contains(err.Error(), part)
}
