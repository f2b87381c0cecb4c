package fcgi_test

import (
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// late is a canned whose bytes can be read once so many were written.
type late struct {
	canned
	after   int64
	written atomic.Int64
	open    chan struct{}
}

func (l *late) Read(p []byte) (int, error) { <-l.open; return l.canned.Read(p) }

func (l *late) Write(p []byte) (int, error) {
	if was := l.written.Add(int64(len(p))) - int64(len(p)); was < l.after && was+int64(len(p)) >= l.after {
		close(l.open)
	}
	return len(p), nil
}

func (l *late) SetDeadline(time.Time) error { return nil }

// emptyRequest and abandonedRequest are how many bytes a request without params
// and body has, and one whose body fails before its first byte.
const (
	emptyRequest     = 16 + 8 + 8
	abandonedRequest = 16 + 8 + 8
)

// FuzzMux gives a Mux any bytes as the replies to two requests and to a third
// that was abandoned: no byte may come to the wrong one, none be lost, and no
// reply pass for complete that is not.
func FuzzMux(f *testing.F) {
	for _, r := range oddReplies {
		f.Add(join(r.make(3), r.make(2), r.make(1), end(1)), uint16(1000))
	}
	for _, r := range brokenReplies {
		f.Add(join(out(1, "x"), r.make(2), r.make(3)), uint16(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, most uint16) {
		nc := &late{after: 2*emptyRequest + abandonedRequest, open: make(chan struct{})}
		nc.most = int(most) + 1
		nc.in.Reset(b)
		m := newMux(t, nc, fcgi.MuxConfig{})
		var handlers [2]collect
		done := [2]chan error{make(chan error, 1), make(chan error, 1)}
		for i := range handlers {
			go func() { // ends with its reply, at the latest with the connection
				_, err := m.Do(&fcgi.Request{}, &handlers[i])
				done[i] <- err
			}()
			for m.InUse() <= i { // so that it has the id i+1
				runtime.Gosched()
			}
		}
		if _, err := m.Do(&fcgi.Request{StdinReader: io.LimitReader(nil, 0), StdinLen: 1}, new(collect)); err != fcgi.ErrStdinShort {
			t.Fatal(err)
		}
		want := modelMux(b)
		for i := range handlers {
			err := <-done[i]
			h, w := &handlers[i], want[i+1]
			if (err == nil) != w.complete || h.out.String() != w.out || h.err.String() != w.stderr {
				t.Fatalf("request %d got %q, %q, %v; want %+v", i+1, h.out.Bytes(), h.err.Bytes(), err, w)
			}
		}
	})
}

// modelReply is what a request must get.
type modelReply struct {
	out, stderr string
	outEnd      bool
	errEnd      bool
	over        bool
	complete    bool
}

// modelMux works out, the slow way, what the requests 1 and 2 must get, and 3
// would, which was abandoned.
func modelMux(b []byte) (replies [4]modelReply) {
	for len(b) >= 8 && b[0] == 1 {
		typ, id := b[1], int(b[2])<<8|int(b[3])
		n, pad := int(b[4])<<8|int(b[5]), int(b[6])
		body := b[8:]
		cut := len(body) < n+pad
		if id == 0 && (typ == 10 || typ == 11) && n <= 1024 && !cut {
			b = body[n+pad:]
			continue
		}
		if id == 0 || id > 3 || !replies[id].take(id == 3, typ, body[:min(n, len(body))], cut, n) || cut {
			return replies
		}
		b = body[n+pad:]
	}
	return replies
}

// take adds a record; false when it ends the connection.
func (r *modelReply) take(abandoned bool, typ byte, content []byte, cut bool, n int) bool {
	if r.over {
		return abandoned && (typ == 6 || typ == 7 || typ == 3 && n <= 1024)
	}
	switch {
	case typ == 6 && !r.outEnd:
		r.out += string(content)
		r.outEnd = n == 0
	case typ == 7 && !r.errEnd:
		r.stderr += string(content)
		r.errEnd = n == 0
	case typ == 3 && n == 8 && !cut:
		r.over, r.complete = true, content[4] == 0
	default:
		return false
	}
	return true
}

var _ net.Conn = (*late)(nil)
