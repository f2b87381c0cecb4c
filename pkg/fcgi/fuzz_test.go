package fcgi_test

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

func FuzzNextPair(f *testing.F) {
	for _, s := range sizeTests {
		f.Add([]byte(s.prefix + s.prefix + "name"))
	}
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add(params("A", "1", "B", ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		for rest := b; len(rest) > 0; {
			name, value, next, err := fcgi.NextPair(rest)
			if err != nil {
				return
			}
			used := len(rest) - len(next)
			if used < 2+len(name)+len(value) {
				t.Fatalf("%d bytes used for %d/%d", used, len(name), len(value))
			}
			again := fcgi.AppendPair(nil, name, value)
			if len(again) > used {
				t.Fatal("longer when encoded again")
			}
			n, v, _, err := fcgi.NextPair(again)
			if err != nil || !bytes.Equal(n, name) || !bytes.Equal(v, value) {
				t.Fatal("not the same when decoded again")
			}
			rest = next
		}
	})
}

func FuzzBodies(f *testing.F) {
	f.Add(make([]byte, 8))
	f.Add([]byte("\x00\x01\x01\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := fcgi.ParseBegin(b); err == nil {
			if got, _ := fcgi.ParseBegin(fcgi.AppendBegin(nil, 1, v)[8:]); got != v {
				t.Fatalf("%+v, %+v", got, v)
			}
		}
		if v, err := fcgi.ParseEnd(b); err == nil {
			if got, _ := fcgi.ParseEnd(fcgi.AppendEnd(nil, 1, v)[8:]); got != v {
				t.Fatalf("%+v, %+v", got, v)
			}
		}
		if v, err := fcgi.ParseUnknown(b); err == nil {
			if got, _ := fcgi.ParseUnknown(fcgi.AppendUnknown(nil, v)[8:]); got != v {
				t.Fatalf("%v, %v", got, v)
			}
		}
		if _, err := fcgi.ParseValues(b); err == nil && len(b) == 1 {
			t.Fatal("one byte is no pair")
		}
	})
}

func FuzzParser(f *testing.F) {
	for _, r := range oddReplies {
		f.Add(r.make(1), uint8(3))
	}
	for _, r := range brokenReplies {
		f.Add(r.make(1), uint8(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		whole, wholeEnds, err1 := parse(t, b, func() int { return len(b) })
		pieces, pieceEnds, err2 := parse(t, b, func() int { return int(size) })
		if (err1 == nil) != (err2 == nil) || wholeEnds != pieceEnds || len(whole) != len(pieces) {
			t.Fatalf("whole: %v, in pieces: %v", err1, err2)
		}
		for typ, content := range whole {
			if pieces[typ] != content {
				t.Fatalf("%v differs", typ)
			}
		}
	})
}

// canned is a net.Conn whose peer has sent everything already and takes all.
type canned struct {
	net.Conn
	in   bytes.Reader
	most int
}

func (c *canned) Read(p []byte) (int, error)  { return c.in.Read(p[:min(len(p), c.most)]) }
func (c *canned) Write(p []byte) (int, error) { return len(p), nil }
func (c *canned) Close() error                { return nil }

func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// FuzzReply gives a Conn any bytes as its reply: it must not panic, deliver a
// byte of another id, or deliver more than came.
func FuzzReply(f *testing.F) {
	for _, r := range oddReplies {
		f.Add(r.make(1), uint16(1000))
	}
	for _, r := range brokenReplies {
		f.Add(r.make(1), uint16(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, most uint16) {
		nc := &canned{most: int(most) + 1}
		nc.in.Reset(b)
		c := fcgi.NewConn(nc, fcgi.Config{})
		defer c.Close()
		h := new(collect)
		_, err := c.Do(&fcgi.Request{KeepConn: true}, h)
		out, stderr, complete := model(b)
		if (err == nil) != complete || h.out.String() != out || h.err.String() != stderr {
			t.Fatalf("got %q, %q, %v; want %q, %q, complete %v", h.out.Bytes(), h.err.Bytes(), err, out, stderr, complete)
		}
	})
}

// gated is a canned whose bytes can be read once something was written.
type gated struct {
	canned
	once sync.Once
	open chan struct{}
}

func (g *gated) Read(p []byte) (int, error) { <-g.open; return g.canned.Read(p) }

func (g *gated) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.open) })
	return len(p), nil
}

func (g *gated) SetDeadline(time.Time) error { return nil }

// FuzzMuxReply is FuzzReply for a Mux with one request.
func FuzzMuxReply(f *testing.F) {
	for _, r := range oddReplies {
		f.Add(r.make(1), uint16(1000))
	}
	for _, r := range brokenReplies {
		f.Add(r.make(1), uint16(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, most uint16) {
		nc := &gated{open: make(chan struct{})}
		nc.most = int(most) + 1
		nc.in.Reset(b)
		m := fcgi.NewMux(nc, fcgi.MuxConfig{})
		defer m.Close()
		h := new(collect)
		_, err := m.Do(&fcgi.Request{}, h)
		out, stderr, complete := model(b)
		if (err == nil) != complete || h.out.String() != out || h.err.String() != stderr {
			t.Fatalf("got %q, %q, %v; want %q, %q, complete %v", h.out.Bytes(), h.err.Bytes(), err, out, stderr, complete)
		}
	})
}

// model is what a reply to request 1 must deliver, worked out the slow way. It
// reports complete for a reply that ends with protocol status 0.
func model(b []byte) (out, stderr string, complete bool) {
	content := map[byte]string{}
	ended := map[byte]bool{}
	for len(b) >= 8 && b[0] == 1 {
		typ, id := b[1], int(b[2])<<8|int(b[3])
		n, pad := int(b[4])<<8|int(b[5]), int(b[6])
		body := b[8:]
		cut := len(body) < n+pad
		switch {
		case id == 0 && (typ == 10 || typ == 11) && n <= 1024 && !cut:
		case id != 1:
			return content[6], content[7], false
		case (typ == 6 || typ == 7) && !ended[typ]:
			content[typ] += string(body[:min(n, len(body))])
			ended[typ] = n == 0
		case typ == 3 && n == 8 && !cut:
			return content[6], content[7], body[4] == 0
		default:
			return content[6], content[7], false
		}
		if cut {
			break
		}
		b = body[n+pad:]
	}
	return content[6], content[7], false
}
