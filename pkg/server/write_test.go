package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/listen"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/test/harness"
)

// narrow listens with sockets that take little at a time.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		_ = nc.(*net.UnixConn).SetWriteBuffer(1) // the kernel makes it its least
	}
	return nc, err
}

func startNarrow(t *testing.T, cfg server.Config, h exchange.HandlerFunc) *rig {
	t.Helper()
	ln, err := listen.Open(t.Context(), "unix:"+filepath.Join(t.TempDir(), "s"), listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, cfg, h, narrow{ln})
}

// pattern returns n bytes in which a lost or repeated one shows.
func pattern(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x.", i)
	}
	return b.Bytes()[:n]
}

// give writes body in parts of the given size, each by TryWrite and, for what
// the client did not take, Write. It counts the parts that were not taken.
func give(x *exchange.Exchange, body []byte, part int) (short int, err error) {
	for first := true; first || len(body) > 0; first = false {
		p := body[:min(part, len(body))]
		body = body[len(p):]
		n, err := x.Sink.TryWrite(p, len(body) == 0)
		if err != nil {
			return short, err
		}
		if n == len(p) {
			continue
		}
		short++
		if err := x.Sink.Write(p[n:], len(body) == 0); err != nil {
			return short, err
		}
	}
	return short, nil
}

func TestFramingSurvivesPartialWritesOfEverySize(t *testing.T) {
	body := pattern(150_000)
	for _, part := range []int{1, 7, 100, 4095, 8191, 8192, 8193, 20_000, 65_536, len(body)} {
		for _, length := range []int64{-1, int64(len(body))} {
			t.Run(fmt.Sprintf("parts of %d, length %d", part, length), func(t *testing.T) {
				result := make(chan error, 1)
				body := body[:min(len(body), part*3000)]
				r := startNarrow(t, config(), func(x *exchange.Exchange) {
					x.Response.ContentLength = min(length, int64(len(body)))
					if err := x.Sink.Start(&x.Response); err != nil {
						result <- err
						return
					}
					_, err := give(x, body, part)
					if err == nil && x.Sink.Sent() != int64(len(body)) {
						err = fmt.Errorf("sent %d of %d", x.Sink.Sent(), len(body))
					}
					result <- err
				})
				c := dial(t, "unix", r.addr)
				c.send(get("/"))
				a := c.answer("GET")
				if err := <-result; err != nil || a.err != nil || a.body != string(body) {
					t.Fatalf("handler: %v, client: %v, %d bytes of %d", err, a.err, len(a.body), len(body))
				}
				if want := length < 0 && part < len(body); want != (a.ContentLength < 0) {
					t.Errorf("length %d", a.ContentLength)
				}
				c.send(get("/")) // the framing left the connection usable
				if a := c.answer("GET"); a.body != string(body) {
					t.Errorf("second response: %d bytes", len(a.body))
				}
			})
		}
	}
}

func TestTryWriteDoesNotWaitForTheClient(t *testing.T) {
	body := pattern(4 << 20)
	short := make(chan int, 1)
	goOn := make(chan struct{})
	r := startNarrow(t, config(), func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		n := 0
		for { // until the client, which does not read, takes no more
			part := body[n:min(n+100_000, len(body))]
			k, err := x.Sink.TryWrite(part, false)
			n += k
			if err != nil || k < len(part) || n == len(body) {
				break
			}
		}
		short <- n
		<-goOn
		_ = x.Sink.Write(body[n:], true)
	})
	c := dial(t, "unix", r.addr)
	c.send(get("/"))
	if n := <-short; n == len(body) {
		t.Fatal("the kernel took everything")
	}
	close(goOn)
	c.want(200, string(body))
}

func TestAResponseInOneWriteGetsALength(t *testing.T) {
	c := start(t, config(), func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		_ = x.Sink.Write([]byte("all of it"), true)
	}).dial(t)
	c.send(get("/"))
	if a := c.want(200, "all of it"); a.ContentLength != 9 || len(a.TransferEncoding) > 0 {
		t.Errorf("length %d, coding %v", a.ContentLength, a.TransferEncoding)
	}
}

func TestResponsesWithoutABodyDropIt(t *testing.T) {
	for _, tt := range []struct {
		method string
		status int
		length int64 // what the client is told
	}{{"HEAD", 200, 5}, {"GET", 204, 0}, {"GET", 304, 0}, {"HEAD", 404, 5}} {
		t.Run(fmt.Sprint(tt.method, tt.status), func(t *testing.T) {
			c := start(t, config(), func(x *exchange.Exchange) { respond(x, tt.status, "12345") }).dial(t)
			for range 2 {
				c.send(tt.method + " / HTTP/1.1\r\nHost: x\r\n\r\n")
				a := c.answer(tt.method)
				if a.StatusCode != tt.status || a.body != "" || a.Close || a.ContentLength != tt.length {
					t.Fatalf("got %d %q, close %v, length %d", a.StatusCode, a.body, a.Close, a.ContentLength)
				}
			}
		})
	}
}

func TestABodyOfAnotherLengthThanDeclaredIsCut(t *testing.T) {
	for _, tt := range []struct {
		name   string
		writes []string
	}{{"short", []string{"123"}}, {"short in parts", []string{"1", "2"}}, {"long", []string{"1234", "56"}}} {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan error, 1)
			c := start(t, config(), func(x *exchange.Exchange) {
				x.Response.ContentLength = 5
				_ = x.Sink.Start(&x.Response)
				var err error
				for i, w := range tt.writes {
					if err = x.Sink.Write([]byte(w), i == len(tt.writes)-1); err != nil {
						break
					}
				}
				got <- err
			}).dial(t)
			c.send(get("/") + get("/"))
			resp, err := io.ReadAll(c.br)
			if err != nil || strings.Count(string(resp), "HTTP/1.1") > 1 {
				t.Errorf("got %q, %v; want one cut response", resp, err)
			}
			if head, body, _ := strings.Cut(string(resp), "\r\n\r\n"); len(body) >= 5 {
				t.Errorf("got a whole body %q behind %q", body, head)
			}
			if err := <-got; err == nil {
				t.Error("the handler was told nothing")
			}
		})
	}
}

func TestAHandlerThatEndsEarlyCutsTheResponse(t *testing.T) {
	for _, length := range []int64{-1, 10} {
		c := start(t, config(), func(x *exchange.Exchange) {
			x.Response.ContentLength = length
			_ = x.Sink.Start(&x.Response)
			_ = x.Sink.Write([]byte("part"), false)
		}).dial(t)
		c.send(get("/"))
		if a := c.answer("GET"); a.body != "part" || !errors.Is(a.err, io.ErrUnexpectedEOF) {
			t.Errorf("length %d: got %q, %v", length, a.body, a.err)
		}
	}
}

func TestAbortBeforeAnythingWasSentClosesWithoutAnAnswer(t *testing.T) {
	c := start(t, config(), func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		if x.Sink.Started() {
			t.Error("a head that was not sent counts as started")
		}
		x.Sink.Abort()
		if err := x.Sink.Write([]byte("late"), true); err == nil {
			t.Error("a write behind Abort is no error")
		}
	}).dial(t)
	c.send(get("/"))
	c.wantEnd()
}

func TestInterimResponsesGoToThoseWhoKnowThem(t *testing.T) {
	h := func(x *exchange.Exchange) {
		var hints exchange.Header
		hints.AddString("Link", "</a.css>; rel=preload")
		_ = x.Sink.Interim(103, &hints)
		if x.Sink.Started() {
			t.Error("an interim response counts as the final one")
		}
		respond(x, 200, "ok")
	}
	c := start(t, config(), h).dial(t)
	c.send(get("/"))
	if a := c.answer("GET"); a.StatusCode != 103 || a.Header.Get("Link") == "" {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
	c.want(200, "ok")
	c = start(t, config(), h).dial(t)
	c.send("GET / HTTP/1.0\r\n\r\n")
	c.want(200, "ok")
}

func TestAHandlerSeesThatItsClientLeft(t *testing.T) {
	entered := make(chan struct{})
	seen := make(chan bool, 1)
	r := start(t, config(), func(x *exchange.Exchange) {
		before := x.Sink.ClientGone()
		close(entered)
		harness.Eventually(t, "the client is gone", x.Sink.ClientGone)
		seen <- before
	})
	c := r.dial(t)
	c.send(get("/"))
	<-entered
	c.Close()
	if <-seen {
		t.Error("it was gone before it closed")
	}
	harness.Eventually(t, "the connection is closed", func() bool { return r.Connections() == 0 })
}
