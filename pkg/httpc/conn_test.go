package httpc

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

const hi = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

func TestAKeptConnectionCarriesTheNextRequest(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		for i := range 3 {
			h, err := b.do(get(), b.serve(hi))
			if err != nil || h.body.String() != "hi" || h.status != 200 || !h.begun || !b.c.Reusable() || !b.c.Alive() {
				t.Fatalf("request %d: %v, %d %q, reusable %v", i, err, h.status, &h.body, b.c.Reusable())
			}
		}
	})
}

func TestAConnectionIsNotKeptWhenTheReplyEndsIt(t *testing.T) {
	for name, reply := range map[string]string{
		"close":     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.0":  "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"surplus":   hi + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
		"a newline": hi + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "unix", Config{})
			req := get()
			h, err := b.do(req, b.serve(reply))
			if err != nil || h.body.String() != "hi" || b.c.Reusable() || b.c.Alive() {
				t.Errorf("%v, %q, reusable %v", err, &h.body, b.c.Reusable())
			}
			if over := len(reply) > len(hi) && strings.HasPrefix(reply, hi); req.Progress.Beyond != over {
				t.Errorf("beyond: %v", req.Progress.Beyond)
			}
			if err := b.c.Do(get(), new(Reply), &taker{}); !errors.Is(err, ErrClosed) {
				t.Errorf("the next request: %v", err)
			}
		})
	}
}

func TestAReplyMayEndWithItsConnection(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		h, err := b.do(get(), func() {
			b.hear()
			b.say("HTTP/1.1 200 OK\r\n\r\nhello")
			b.nc.Close()
		})
		if err != nil || h.body.String() != "hello" || b.c.Reusable() {
			t.Errorf("%v, %q", err, &h.body)
		}
	})
}

func TestWhatCameUnaskedIsNeverTakenForAReply(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			b := newBench(t, network, Config{})
			if _, err := b.do(get(), b.serve(hi)); err != nil {
				t.Fatal(err)
			}
			b.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			harness.Eventually(t, "it has come", func() bool { return !b.c.Alive() })
			b.c.usable = true // as if nobody had looked
			req := get()
			h, err := b.do(req, func() {})
			if !errors.Is(err, ErrStale) || req.Progress.Sent || h.begun || h.body.Len() > 0 {
				t.Errorf("%v, %+v, %q", err, req.Progress, &h.body)
			}
		})
	}
}

func TestAnEndedConnectionIsStaleAndNothingWasSent(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			b := newBench(t, network, Config{})
			if _, err := b.do(get(), b.serve(hi)); err != nil {
				t.Fatal(err)
			}
			b.nc.Close()
			harness.Eventually(t, "the end has come", func() bool { return !b.c.Alive() })
			req := get()
			if _, err := b.do(req, func() {}); !errors.Is(err, ErrStale) || req.Progress.Sent {
				t.Errorf("%v, %+v", err, req.Progress)
			}
		})
	}
}

func TestAConnectionThatEndsBehindTheRequestIsStale(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		req := get()
		_, err := b.do(req, func() {
			b.hear()
			b.nc.Close()
		})
		if !errors.Is(err, ErrStale) || !req.Progress.Sent || req.Progress.Received {
			t.Errorf("%v, %+v", err, req.Progress)
		}
	})
}

func TestACutReplyIsTruncated(t *testing.T) {
	for _, reply := range []string{
		"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
	} {
		eachNetwork(t, func(t *testing.T, b *bench) {
			_, err := b.do(get(), func() {
				b.hear()
				b.say(reply)
				b.nc.Close()
			})
			if !errors.Is(err, ErrTruncated) {
				t.Errorf("%q: %v", reply, err)
			}
		})
	}
}

func TestAResetEndsNoReplyInOrder(t *testing.T) {
	b := newBench(t, "tcp", Config{})
	_, err := b.do(get(), func() {
		b.hear()
		b.say("HTTP/1.1 200 OK\r\n\r\nhello")
		_ = b.nc.(*net.TCPConn).SetLinger(0)
		b.nc.Close()
	})
	if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrStale) { // the reset may overtake the reply
		t.Errorf("%v", err)
	}
}

func TestABodyOfAnySizeIsSentWhole(t *testing.T) {
	for _, size := range []int{1, 1000, bufferLen, 1 << 20, 5<<20 + 7} {
		body := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		for _, read := range []bool{false, true} {
			eachNetwork(t, func(t *testing.T, b *bench) {
				req := post(body)
				if read {
					req.Body, req.BodyReader, req.BodyLen = nil, bytes.NewReader(body), int64(size)
				}
				got := ""
				h, err := b.do(req, func() {
					got = b.hear()
					b.say(hi)
				})
				if err != nil || got != string(body) || h.body.String() != "hi" || !b.c.Reusable() {
					t.Errorf("%d bytes, read %v: %v, the server got %d", size, read, err, len(got))
				}
			})
		}
	}
}

func TestAServerMayAnswerBeforeItHasReadTheBody(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		b.c.grace = lastWriteGrace
		h, err := b.do(post(make([]byte, 20<<20)), func() {
			b.say("HTTP/1.1 413 no\r\nContent-Length: 2\r\n\r\nhi")
		})
		if err != nil || h.status != 413 || h.body.String() != "hi" || b.c.Reusable() {
			t.Errorf("%v, %d %q, reusable %v", err, h.status, &h.body, b.c.Reusable())
		}
	})
}

func TestABodyThatCannotBeReadEndsTheRequest(t *testing.T) {
	for name, row := range map[string]struct {
		r    io.Reader
		want error
	}{"short": {bytes.NewReader(make([]byte, 99)), ErrBodyShort}, "broken": {&brokenBody{99}, errBody}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "unix", Config{})
			req := post(nil)
			req.BodyReader, req.BodyLen = row.r, 1<<20
			_, err := b.do(req, func() { _, _ = io.Copy(io.Discard, b.nc) })
			if err != row.want || b.c.Reusable() {
				t.Errorf("%v, reusable %v", err, b.c.Reusable())
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	quick := Config{ReadTimeout: 20 * time.Millisecond, SendTimeout: 20 * time.Millisecond}
	for _, network := range []string{"tcp", "unix", "pipe"} {
		t.Run(network+" read", func(t *testing.T) {
			b := newBench(t, network, quick)
			if _, err := b.do(get(), func() { b.hear() }); !errors.Is(err, ErrReadTimeout) || b.c.Reusable() {
				t.Errorf("%v", err)
			}
		})
		t.Run(network+" within the reply", func(t *testing.T) {
			b := newBench(t, network, Config{ReadTimeout: time.Second / 2}) // more than it takes to say that
			h, err := b.do(get(), b.serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"))
			if !errors.Is(err, ErrReadTimeout) || h.body.String() != "hi" || h.pauses == 0 {
				t.Errorf("%v, %q, %d pauses", err, &h.body, h.pauses)
			}
		})
		t.Run(network+" send", func(t *testing.T) {
			b := newBench(t, network, quick)
			if _, err := b.do(post(make([]byte, 20<<20)), func() {}); !errors.Is(err, ErrSendTimeout) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestATickEndsTheRequest(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		gone := errors.New("the client has gone")
		req := get()
		h := &taker{r: req.Into}
		h.tick.Store(&gone)
		if err := b.c.Do(req, new(Reply), h); err != gone || b.c.Reusable() {
			t.Errorf("%v", err)
		}
	})
}

func TestCloseEndsARunningRequest(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		_, err := b.do(get(), func() {
			b.hear()
			b.c.Close()
		})
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

func TestABadReplyClosesTheConnection(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		_, err := b.do(get(), b.serve("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi"))
		var bad *ProtocolError
		if !errors.As(err, &bad) || b.c.Reusable() {
			t.Errorf("%v", err)
		}
	})
}

func TestASwitchedConnectionIsGivenAway(t *testing.T) {
	eachNetwork(t, func(t *testing.T, b *bench) {
		req := get()
		req.Upgrade = []byte("websocket")
		var reply Reply
		go b.serve("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfirst")() // ends with its write
		if err := b.c.Do(req, &reply, &taker{r: req.Into}); err != nil || !reply.Switched() || b.c.Reusable() {
			t.Fatal(err)
		}
		nc, rest := b.c.Hijack()
		b.c.Close() // closes nothing any more
		if _, err := nc.Write([]byte("second")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 6)
		if _, err := io.ReadFull(b.nc, got); err != nil || string(got) != "second" {
			t.Errorf("%q, %v", got, err)
		}
		b.nc.Close()
		all, err := io.ReadAll(nc)
		if err != nil || string(rest)+string(all) != "first" {
			t.Errorf("%q %q, %v", rest, all, err)
		}
	})
}

func TestARequestAllocatesNothing(t *testing.T) {
	b := newBench(t, "unix", Config{})
	go func() { // ends with the connection
		buf, answer := make([]byte, 1<<12), []byte(hi)
		for {
			if _, err := b.nc.Read(buf); err != nil {
				return
			}
			if _, err := b.nc.Write(answer); err != nil {
				return
			}
		}
	}()
	req, reply := get(), new(Reply)
	h := &counter{}
	n := testing.AllocsPerRun(200, func() {
		req.Into.Reset()
		if err := b.c.Do(req, reply, h); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 1 && !harness.Race {
		t.Errorf("%v allocations", n)
	}
}

// counter is a Handler that keeps nothing.
type counter struct{ n int }

func (h *counter) Begun()              {}
func (h *counter) Interim() error      { return nil }
func (h *counter) Head() error         { return nil }
func (h *counter) Pause() error        { return nil }
func (h *counter) Body(p []byte) error { h.n += len(p); return nil }
func (h *counter) Tick() error         { return nil }

func BenchmarkRequests(b *testing.B) {
	t := newBench(b, "unix", Config{Sweeper: sock.NewSweeper(0)})
	b.Cleanup(t.c.cfg.Sweeper.Close)
	go func() { // ends with the connection
		buf := make([]byte, 1<<12)
		for {
			if _, err := t.nc.Read(buf); err != nil {
				return
			}
			_, _ = io.WriteString(t.nc, hi)
		}
	}()
	req, reply, h := get(), new(Reply), &counter{}
	b.ReportAllocs()
	for b.Loop() {
		req.Into.Reset()
		if err := t.c.Do(req, reply, h); err != nil {
			b.Fatal(err)
		}
	}
}

var _ Handler = (*taker)(nil)
