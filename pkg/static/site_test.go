package static

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// sink records one response. It checks the order of the calls.
type sink struct {
	t        *testing.T
	head     exchange.Response // Status and ContentLength as Start saw them
	started  bool
	done     bool
	aborted  bool
	body     bytes.Buffer
	failFrom int    // Write fails from the call of this number on, if above 0
	writes   int    // calls of Write
	onWrite  func() // before each Write
}

var errGone = exchange.ErrClientGone

func (k *sink) Interim(int, *exchange.Header) error { return nil }
func (k *sink) Started() bool                       { return k.started }
func (k *sink) ClientGone() bool                    { return false }
func (k *sink) Sent() int64                         { return int64(k.body.Len()) }
func (k *sink) Abort()                              { k.aborted = true }

func (k *sink) Start(r *exchange.Response) error {
	if k.started {
		k.t.Error("started twice")
	}
	k.started = true
	k.head = exchange.Response{Status: r.Status, ContentLength: r.ContentLength}
	return nil
}

func (k *sink) TryWrite(p []byte, last bool) (int, error) { return len(p), k.Write(p, last) }

func (k *sink) Write(p []byte, last bool) error {
	if !k.started || k.done {
		k.t.Errorf("Write with started %v, done %v", k.started, k.done)
	}
	if k.writes++; k.failFrom > 0 && k.writes >= k.failFrom {
		return errGone
	}
	if k.onWrite != nil {
		k.onWrite()
	}
	k.body.Write(p)
	k.done = last
	return nil
}

// fileSink is a sink with sendfile.
type fileSink struct {
	sink
	sent []int64 // sizes of the calls of SendFile
}

func (k *fileSink) SendFile(f *os.File, off, n int64, last bool) error {
	if k.onWrite != nil {
		k.onWrite()
	}
	k.sent = append(k.sent, n)
	m, err := io.Copy(&k.body, io.NewSectionReader(f, off, n))
	if err == nil && m < n {
		return io.ErrUnexpectedEOF
	}
	k.done = last
	return err
}

// site is a document root with a server and a request at hand.
type site struct {
	t    *testing.T
	dir  string
	root *docroot.Root
	srv  *Server
	opt  Options
	x    *exchange.Exchange
	k    *sink
}

var mtime = time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)

const mtimeText = "Wed, 04 Mar 2026 05:06:07 GMT"

func newSite(t *testing.T, files map[string]string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), srv: New(Config{}), x: exchange.New()}
	for name, content := range files {
		s.plant(name, content)
	}
	var err error
	if s.root, err = docroot.New(s.dir, docroot.Options{Valid: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.root.Close() })
	return s
}

func (s *site) plant(name, content string) {
	s.t.Helper()
	p := s.dir + "/" + name
	if err := errors.Join(os.WriteFile(p, []byte(content), 0o644), os.Chtimes(p, mtime, mtime)); err != nil {
		s.t.Fatal(err)
	}
}

// do serves "METHOD /path" with fields of the form "name: value".
func (s *site) do(request string, fields ...string) error {
	s.k = &sink{t: s.t}
	return s.doTo(s.k, request, fields...)
}

func (s *site) doTo(k exchange.Sink, request string, fields ...string) error {
	s.x.Reset()
	s.x.Response.Reset()
	s.x.Sink = k
	method, path, _ := strings.Cut(request, " ")
	s.x.Request.Method, s.x.Request.Path = []byte(method), []byte(path)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		s.x.Request.Header.AddString(name, value)
	}
	return s.srv.Serve(s.x, s.root, []byte(path), &s.opt)
}

func (s *site) field(name string) string { return string(s.x.Response.Header.Get(name)) }

func (s *site) want(status int, body string) {
	s.t.Helper()
	k := s.k
	if k.head.Status != status || k.body.String() != body || !k.done || k.aborted {
		s.t.Errorf("status %d, body %q, done %v, aborted %v; want %d, %q",
			k.head.Status, k.body.String(), k.done, k.aborted, status, body)
	}
}
