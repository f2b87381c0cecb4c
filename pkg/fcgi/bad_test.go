package fcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// rec is one record with any content length and padding.
func rec(t fcgi.Type, id uint16, content []byte, pad uint8) []byte {
	b := fcgi.AppendHeader(nil, fcgi.Header{Type: t, ID: id, Len: uint16(len(content)), Pad: pad})
	b = append(b, content...)
	return append(b, make([]byte, pad)...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func out(id uint16, s string) []byte { return rec(fcgi.TypeStdout, id, []byte(s), 0) }
func end(id uint16) []byte           { return fcgi.AppendEnd(nil, id, fcgi.End{}) }

// oddReplies are replies that are odd and complete.
var oddReplies = []struct {
	name        string
	make        func(id uint16) []byte
	out, stderr string
	reusable    bool
}{
	{"largest record with largest padding", func(id uint16) []byte {
		return join(rec(fcgi.TypeStdout, id, bytes.Repeat([]byte("x"), 65535), 255), out(id, "y"), end(id))
	}, strings.Repeat("x", 65535) + "y", "", true},
	{"records of one byte", func(id uint16) []byte {
		return join(out(id, "a"), out(id, "b"), rec(fcgi.TypeStdout, id, []byte("c"), 7), end(id))
	}, "abc", "", true},
	{"both streams ended by empty records", func(id uint16) []byte {
		return join(out(id, "a"), rec(fcgi.TypeStderr, id, []byte("e"), 0), out(id, ""), rec(fcgi.TypeStderr, id, nil, 5), end(id))
	}, "a", "e", true},
	{"streams interleaved", func(id uint16) []byte {
		return join(rec(fcgi.TypeStderr, id, []byte("e"), 1), out(id, "a"), rec(fcgi.TypeStderr, id, []byte("f"), 2), out(id, "b"), end(id))
	}, "ab", "ef", true},
	{"stderr only", func(id uint16) []byte {
		return join(rec(fcgi.TypeStderr, id, []byte("oops"), 0), end(id))
	}, "", "oops", true},
	{"END_REQUEST at once", end, "", "", true},
	{"END_REQUEST with padding", func(id uint16) []byte {
		return rec(fcgi.TypeEndRequest, id, make([]byte, 8), 255)
	}, "", "", true},
	{"management records between", func(id uint16) []byte {
		return join(fcgi.AppendUnknown(nil, 77), out(id, "a"), rec(fcgi.TypeGetValuesResult, 0, nil, 0), end(id))
	}, "a", "", true},
	{"data behind the end", func(id uint16) []byte {
		return join(out(id, "a"), end(id), out(id, "stray"))
	}, "a", "", false},
	{"half a header behind the end", func(id uint16) []byte {
		return join(out(id, "a"), end(id), []byte{1, 6, 0})
	}, "a", "", false},
}

// brokenReplies are replies that break the protocol.
var brokenReplies = []struct {
	name string
	make func(id uint16) []byte
	what string // within the error's text
	out  string // delivered before
}{
	{"STDOUT with id 0", func(uint16) []byte { return out(0, "x") }, "foreign request id", ""},
	{"STDOUT with a foreign id", func(id uint16) []byte { return join(out(id, "a"), out(id+7, "x")) }, "foreign request id", "a"},
	{"STDERR with a foreign id", func(id uint16) []byte { return rec(fcgi.TypeStderr, id+7, []byte("x"), 0) }, "foreign request id", ""},
	{"END_REQUEST with a foreign id", func(id uint16) []byte { return end(id + 1) }, "foreign request id", ""},
	{"END_REQUEST with id 0", func(uint16) []byte { return end(0) }, "foreign request id", ""},
	{"unknown type", func(id uint16) []byte { return rec(77, id, []byte("x"), 0) }, "not allowed in a reply in type 77", ""},
	{"type 0", func(id uint16) []byte { return rec(0, id, []byte("x"), 0) }, "not allowed", ""},
	{"unknown management type", func(uint16) []byte { return rec(77, 0, nil, 0) }, "foreign request id", ""},
	{"BEGIN_REQUEST", func(id uint16) []byte { return fcgi.AppendBegin(nil, id, fcgi.Begin{Role: 1}) }, "not allowed", ""},
	{"STDIN", func(id uint16) []byte { return rec(fcgi.TypeStdin, id, []byte("x"), 0) }, "not allowed", ""},
	{"PARAMS", func(id uint16) []byte { return rec(fcgi.TypeParams, id, []byte("x"), 0) }, "not allowed", ""},
	{"ABORT_REQUEST", func(id uint16) []byte { return fcgi.AppendAbort(nil, id) }, "not allowed", ""},
	{"version 2", func(uint16) []byte { return []byte("\x02\x06\x00\x01\x00\x00\x00\x00") }, "version 2", ""},
	{"HTTP", func(uint16) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n") }, "version 72", ""},
	{"END_REQUEST of 7 bytes", func(id uint16) []byte { return rec(fcgi.TypeEndRequest, id, make([]byte, 7), 0) }, "wrong length", ""},
	{"END_REQUEST of 0 bytes", func(id uint16) []byte { return rec(fcgi.TypeEndRequest, id, nil, 0) }, "wrong length", ""},
	{"END_REQUEST of 64 KB", func(id uint16) []byte { return rec(fcgi.TypeEndRequest, id, make([]byte, 65535), 0) }, "oversized", ""},
	{"STDOUT behind its end", func(id uint16) []byte { return join(out(id, "a"), out(id, ""), out(id, "b")) }, "behind the end of its stream", "a"},
	{"STDERR behind its end", func(id uint16) []byte {
		return join(rec(fcgi.TypeStderr, id, nil, 0), rec(fcgi.TypeStderr, id, nil, 0))
	}, "behind the end of its stream", ""},
}

// over runs f with a connection to a backend that plays the script, on the raw
// path, on the ordinary path, and on the ordinary path one byte at a time.
func over(t *testing.T, script fcgitest.Script, f func(t *testing.T, nc net.Conn)) {
	wrap := map[string]func(net.Conn) net.Conn{
		"raw":   func(nc net.Conn) net.Conn { return nc },
		"plain": func(nc net.Conn) net.Conn { return &fcgitest.Conn{Conn: nc} },
		"bytes": func(nc net.Conn) net.Conn { return &fcgitest.Conn{Conn: nc, MaxRead: 1, MaxWrite: 1} },
	}
	for name, w := range wrap {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			f(t, w(dial(t, fcgitest.StartScripts(t, script))))
		})
	}
}

func answer(make func(uint16) []byte) fcgitest.Script {
	return fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.SendFor(make), fcgitest.Drain()}
}

func TestOddRepliesAreDeliveredWhole(t *testing.T) {
	for _, tt := range oddReplies {
		t.Run(tt.name, func(t *testing.T) {
			over(t, answer(tt.make), func(t *testing.T, nc net.Conn) {
				c := newConn(t, nc, fcgi.Config{})
				h := new(collect)
				e, err := c.Do(post(nil), h)
				if err != nil || e != (fcgi.End{}) || h.out.String() != tt.out || h.err.String() != tt.stderr {
					t.Fatalf("%v, %v, %d bytes, stderr %q", e, err, h.out.Len(), h.err.String())
				}
				if _, slow := nc.(*fcgitest.Conn); !slow && c.Reusable() != tt.reusable {
					t.Fatalf("reusable %v", c.Reusable())
				}
			})
		})
	}
}

func TestBrokenRepliesDropTheConnection(t *testing.T) {
	for _, tt := range brokenReplies {
		t.Run(tt.name, func(t *testing.T) {
			over(t, answer(tt.make), func(t *testing.T, nc net.Conn) {
				c := newConn(t, nc, fcgi.Config{})
				h := new(collect)
				req := post(nil)
				_, err := c.Do(req, h)
				var pe *fcgi.ProtocolError
				if !errors.As(err, &pe) || !strings.Contains(err.Error(), tt.what) {
					t.Fatalf("got %v, want %q", err, tt.what)
				}
				if h.out.String() != tt.out || h.err.Len() > 0 || c.Reusable() || !req.Progress.Received {
					t.Fatalf("%q, %q, reusable %v, %+v", h.out.String(), h.err.String(), c.Reusable(), req.Progress)
				}
			})
			t.Run("mux", func(t *testing.T) {
				harness.NoLeaks(t)
				m := newMux(t, dial(t, fcgitest.StartScripts(t, answer(tt.make))), fcgi.MuxConfig{})
				h := new(collect)
				_, err := m.Do(post(nil), h)
				if err == nil || h.out.String() != tt.out && h.out.Len() > 0 {
					t.Fatalf("%v, %q", err, h.out.String())
				}
				var pe *fcgi.ProtocolError
				if !errors.As(m.Err(), &pe) {
					t.Fatalf("connection says %v", m.Err())
				}
			})
		})
	}
}

func TestProtocolStatusesAreErrors(t *testing.T) {
	tests := []struct {
		status   uint8
		want     error
		reusable bool
	}{
		{fcgi.StatusComplete, nil, true},
		{fcgi.StatusCantMpxConn, fcgi.ErrCantMultiplex, true},
		{fcgi.StatusOverloaded, fcgi.ErrOverloaded, true},
		{fcgi.StatusUnknownRole, fcgi.ErrUnknownRole, true},
		{9, new(fcgi.ProtocolError), false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			script := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.End(0xCAFE0001, tt.status), fcgitest.Drain()}
			over(t, script, func(t *testing.T, nc net.Conn) {
				c := newConn(t, nc, fcgi.Config{})
				e, err := c.Do(post(nil), new(collect))
				if !sameKind(err, tt.want) || e != (fcgi.End{AppStatus: 0xCAFE0001, ProtocolStatus: tt.status}) {
					t.Fatalf("%+v, %v", e, err)
				}
				if c.Reusable() != tt.reusable {
					t.Fatalf("reusable %v", c.Reusable())
				}
			})
			t.Run("mux", func(t *testing.T) {
				m := newMux(t, dial(t, fcgitest.StartScripts(t, script)), fcgi.MuxConfig{})
				if e, err := m.Do(post(nil), new(collect)); !sameKind(err, tt.want) || e.AppStatus != 0xCAFE0001 {
					t.Fatalf("%+v, %v", e, err)
				}
			})
		})
	}
}

func TestReplyCutAtEveryByteIsAnError(t *testing.T) {
	full := func(id uint16) []byte {
		return join(rec(fcgi.TypeStderr, id, []byte("e"), 3), out(id, "body"), end(id))
	}
	for cut := range len(full(1)) {
		script := fcgitest.Script{
			fcgitest.ExpectRequest(),
			fcgitest.SendFor(func(id uint16) []byte { return full(id)[:cut] }),
		}
		path := fcgitest.StartScripts(t, script, script, script)
		for name, do := range map[string]func(*fcgi.Request, fcgi.Handler) (fcgi.End, error){
			"raw":   newConn(t, dial(t, path), fcgi.Config{Sweeper: sweeper(t, time.Millisecond)}).Do,
			"plain": newConn(t, &fcgitest.Conn{Conn: dial(t, path)}, fcgi.Config{}).Do,
			"mux":   newMux(t, dial(t, path), fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond)}).Do,
		} {
			// A Mux cannot tell whose bytes came before it has a whole header.
			received := cut > 0 && name != "mux" || cut > fcgi.HeaderLen
			want := fcgi.ErrStale
			if received {
				want = fcgi.ErrTruncated
			}
			req := post(nil)
			_, err := do(req, new(collect))
			if !errors.Is(err, want) {
				t.Fatalf("%s, cut at %d: %v", name, cut, err)
			}
			if req.Progress != (fcgi.Progress{Sent: true, Received: received}) {
				t.Fatalf("%s, cut at %d: %+v", name, cut, req.Progress)
			}
		}
	}
}

func TestBackendGoneBeforeTheRequestIsStale(t *testing.T) {
	for name, step := range map[string]fcgitest.Step{"closed": fcgitest.Close(), "reset": fcgitest.Reset()} {
		t.Run(name, func(t *testing.T) {
			harness.NoLeaks(t)
			l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
			gone := make(chan struct{}, 3)
			script := fcgitest.Script{fcgitest.ExpectRequest(), fcgitest.Reply("x"), step, fcgitest.Do(func() { gone <- struct{}{} })}
			fcgitest.PlayOn(t, l, script, script)
			c := newConn(t, dial(t, l.Addr().String()), fcgi.Config{Sweeper: sweeper(t, time.Millisecond)})
			if _, err := c.Do(post(nil), new(collect)); err != nil {
				t.Fatal(err)
			}
			<-gone
			waitFor(t, func() bool { return !c.Alive() })
			req := post(pattern(100))
			if _, err := c.Do(req, new(collect)); !errors.Is(err, fcgi.ErrStale) || req.Progress.Received {
				t.Fatalf("%v, %+v", err, req.Progress)
			}
		})
	}
}

func TestStrayDataMakesAnIdleConnectionDead(t *testing.T) {
	harness.NoLeaks(t)
	path := fcgitest.StartScripts(t, fcgitest.Script{
		fcgitest.ExpectRequest(), fcgitest.Reply("x"),
		fcgitest.Send([]byte{1}), fcgitest.Drain(),
	})
	c := newConn(t, dial(t, path), fcgi.Config{})
	if _, err := c.Do(post(nil), new(collect)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return !c.Alive() })
}

func TestAnswerToAnEarlierRequestIsNotTakenForThisOne(t *testing.T) {
	late := func(id uint16) []byte { return join(out(id-1, "secret of another"), end(id-1)) }
	path := fcgitest.StartScripts(t, fcgitest.Script{
		fcgitest.ExpectRequest(), fcgitest.Reply("x"),
		fcgitest.ExpectRequest(), fcgitest.SendFor(late), fcgitest.Drain(),
	})
	c := newConn(t, dial(t, path), fcgi.Config{})
	if _, err := c.Do(post(nil), new(collect)); err != nil {
		t.Fatal(err)
	}
	h := new(collect)
	_, err := c.Do(post(nil), h)
	var pe *fcgi.ProtocolError
	if !errors.As(err, &pe) || h.out.Len() > 0 {
		t.Fatalf("%v, %q", err, h.out.String())
	}
}
