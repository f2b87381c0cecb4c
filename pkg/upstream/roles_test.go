package upstream_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// filter is a request whose data is file.
func filter(file string) *call {
	c := request("GET", "body")
	c.in.Role, c.in.Data, c.in.DataLen = upstream.RoleFilter, strings.NewReader(file), int64(len(file))
	return c
}

func TestAFiltersConnectionIsNotKeptAndAnAuthorizersIs(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) }}
	b := newBackend(t, config(s.Start(t)), upstream.Events{})
	for range 2 {
		c := request("GET", "not sent")
		c.in.Role = upstream.RoleAuthorizer
		if err := c.do(t, b); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := filter("the file").do(t, b); err != nil {
			t.Fatal(err)
		}
	}
	var conns []int
	for _, r := range s.Requests() {
		conns = append(conns, r.Conn)
		switch {
		case r.Role == fcgi.RoleAuthorizer && (len(r.Stdin) > 0 || !r.KeepConn):
			t.Errorf("authorizer: %q, keep %v", r.Stdin, r.KeepConn)
		case r.Role == fcgi.RoleFilter && (string(r.Data) != "the file" || string(r.Stdin) != "body" || r.KeepConn):
			t.Errorf("filter: %q, %q, keep %v", r.Stdin, r.Data, r.KeepConn)
		}
	}
	if len(conns) != 4 || conns[0] != conns[1] || conns[2] == conns[3] {
		t.Errorf("connections %v", conns)
	}
}

func TestAReplayedFilterGetsItsFileFromTheStart(t *testing.T) {
	harness.NoLeaks(t)
	file := strings.Repeat("0123456789", 20_000)
	closed := false // connections are served one after the other
	s := &fcgitest.Server{Handler: func(w *fcgitest.Response, r *fcgitest.Request) {
		if r.Role == fcgi.RoleFilter && !closed {
			closed = true
			w.Close()
			return
		}
		_, _ = w.WriteString(hello)
	}}
	b := newBackend(t, config(s.Start(t)), upstream.Events{})
	fine(t, b) // leaves the kept connection that is lost
	c := filter(file)
	if err := c.do(t, b); err != nil || c.x.Trace.Tries != 2 {
		t.Fatalf("%v, %d tries", err, c.x.Trace.Tries)
	}
	for _, r := range s.Requests()[1:] {
		if !bytes.Equal(r.Data, []byte(file)) || string(r.Stdin) != "body" {
			t.Errorf("%d bytes of data, body %q", len(r.Data), r.Stdin)
		}
	}
}

func TestAFileThatShrankIsABrokenRequest(t *testing.T) {
	harness.NoLeaks(t)
	for _, multiplex := range []upstream.Mode{upstream.Off, upstream.On} {
		s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) }}
		cfg := config(s.Start(t))
		cfg.Multiplex = multiplex
		b := newBackend(t, cfg, upstream.Events{})
		c := filter("short")
		c.in.DataLen++
		if err := c.do(t, b); !errors.Is(err, fcgi.ErrDataShort) || upstream.Status(err) != 502 || c.x.Trace.Tries != 1 {
			t.Errorf("multiplex %d: %v, %d tries", multiplex, err, c.x.Trace.Tries)
		}
		fine(t, b)
	}
}
