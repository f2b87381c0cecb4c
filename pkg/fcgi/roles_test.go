package fcgi_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// doer is a connection of either kind.
type doer interface {
	Do(req *fcgi.Request, h fcgi.Handler) (fcgi.End, error)
}

// eachKind runs f on a Conn and on a Mux to s.
func eachKind(t *testing.T, s *fcgitest.Server, f func(t *testing.T, d doer)) {
	t.Helper()
	addr := s.Start(t)
	t.Run("Conn", func(t *testing.T) {
		harness.NoLeaks(t)
		f(t, newConn(t, dial(t, addr), fcgi.Config{Sweeper: sweeper(t, time.Millisecond), SendTimeout: patience}))
	})
	t.Run("Mux", func(t *testing.T) {
		harness.NoLeaks(t)
		f(t, newMux(t, dial(t, addr), fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond), SendTimeout: patience}))
	})
}

func last(t *testing.T, s *fcgitest.Server) *fcgi.Request {
	t.Helper()
	list := s.Requests()
	if len(list) == 0 {
		t.Fatal("the server got no request")
	}
	r := list[len(list)-1]
	return &fcgi.Request{Role: r.Role, Stdin: r.Stdin, Data: r.Data}
}

func TestAFiltersDataIsReadFromItsStartByEveryRequest(t *testing.T) {
	s := mpxServer()
	eachKind(t, s, func(t *testing.T, d doer) {
		for _, size := range []int{0, 1, 65527, 65528, 65529, 300_000} {
			file := pattern(size)
			req := &fcgi.Request{Role: fcgi.RoleFilter, KeepConn: true, Params: params("NAME", "f"), DataFrom: bytes.NewReader(file), DataLen: int64(size)}
			for _, body := range [][]byte{nil, []byte("in"), pattern(100_000)} {
				req.Stdin, req.StdinReader = body, nil
				if len(body) > 1000 {
					req.Stdin, req.StdinReader, req.StdinLen = nil, bytes.NewReader(body), int64(len(body))
				}
				if _, err := d.Do(req, new(collect)); err != nil {
					t.Fatalf("size %d, body of %d: %v", size, len(body), err)
				}
				if got := last(t, s); got.Role != fcgi.RoleFilter || !bytes.Equal(got.Data, file) || !bytes.Equal(got.Stdin, body) {
					t.Fatalf("size %d, body of %d: role %d, %d bytes in, %d of data", size, len(body), got.Role, len(got.Stdin), len(got.Data))
				}
			}
		}
	})
}

func TestAFileThatGrewIsSentAsLongAsAnnounced(t *testing.T) {
	s := mpxServer()
	eachKind(t, s, func(t *testing.T, d doer) {
		req := &fcgi.Request{Role: fcgi.RoleFilter, KeepConn: true, DataFrom: bytes.NewReader(pattern(100_000)), DataLen: 70_000}
		if _, err := d.Do(req, new(collect)); err != nil {
			t.Fatal(err)
		}
		if got := last(t, s); !bytes.Equal(got.Data, pattern(100_000)[:70_000]) {
			t.Errorf("%d bytes of data", len(got.Data))
		}
	})
}

func TestAFileThatShrankBreaksItsRequestOnly(t *testing.T) {
	s := mpxServer()
	eachKind(t, s, func(t *testing.T, d doer) {
		for _, have := range []int{0, 1, 99_999} {
			req := &fcgi.Request{Role: fcgi.RoleFilter, DataFrom: bytes.NewReader(pattern(have)), DataLen: 100_000}
			_, err := d.Do(req, new(collect))
			if _, one := d.(*fcgi.Conn); one && have > 0 {
				if err != fcgi.ErrClosed { // the first of them closed it
					t.Fatalf("%d bytes: %v", have, err)
				}
				continue
			}
			if err != fcgi.ErrDataShort {
				t.Fatalf("%d bytes: %v", have, err)
			}
		}
		if m, ok := d.(*fcgi.Mux); ok {
			if _, err := m.Do(post([]byte("in")), new(collect)); err != nil {
				t.Errorf("the neighbours' connection: %v", err)
			}
		}
	})
}

// brokenFile fails behind its first bytes.
type brokenFile struct{ err error }

func (f brokenFile) ReadAt(p []byte, off int64) (int, error) {
	if off > 0 {
		return 0, f.err
	}
	return copy(p, "some"), f.err
}

func TestTheErrorOfAFileThatCannotBeReadIsReturned(t *testing.T) {
	broken := errors.New("input/output error")
	eachKind(t, mpxServer(), func(t *testing.T, d doer) {
		req := &fcgi.Request{Role: fcgi.RoleFilter, DataFrom: brokenFile{broken}, DataLen: 1000}
		if _, err := d.Do(req, new(collect)); err != broken {
			t.Errorf("got %v", err)
		}
	})
}

func TestOnlyAFilterReadsTheFile(t *testing.T) {
	s := mpxServer()
	eachKind(t, s, func(t *testing.T, d doer) {
		for _, role := range []fcgi.Role{0, fcgi.RoleResponder, fcgi.RoleAuthorizer} {
			req := &fcgi.Request{Role: role, KeepConn: true, DataFrom: brokenFile{io.ErrNoProgress}, DataLen: 1000}
			if _, err := d.Do(req, new(collect)); err != nil {
				t.Errorf("role %d: %v", role, err)
			}
		}
	})
}

func TestAnAuthorizersBodyIsNotRead(t *testing.T) {
	s := mpxServer()
	eachKind(t, s, func(t *testing.T, d doer) {
		body := bytes.NewReader([]byte("for the responder"))
		req := &fcgi.Request{Role: fcgi.RoleAuthorizer, KeepConn: true, StdinReader: body, StdinLen: int64(body.Len())}
		if _, err := d.Do(req, new(collect)); err != nil {
			t.Fatal(err)
		}
		if got := last(t, s); got.Role != fcgi.RoleAuthorizer || len(got.Stdin) != 0 || body.Len() != len("for the responder") {
			t.Errorf("role %d got %q, %d left", got.Role, got.Stdin, body.Len())
		}
	})
}
