package http2_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/test/harness"
)

// held answers "/held" when gate is closed, and everything else at once.
func held(gate <-chan struct{}) exchange.Handler {
	return exchange.HandlerFunc(func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/held" {
			<-gate
		}
		small(x)
	})
}

func TestADrainLosesNoRequest(t *testing.T) {
	gate := make(chan struct{})
	r := start(t, http2.Config{}, held(gate), nil)
	c := connect(t, r)
	c.quiet = true
	c.get(1, "/held")
	ses := r.session()
	harness.Eventually(t, "request", func() bool { return !ses.Idle() })
	ses.Drain()
	ses.Drain() // again is nothing
	c.until("first goaway", func() bool { return len(c.goAway) == 1 && len(c.probes) == 1 })
	if g := c.goAway[0]; g.last != 1<<31-1 || g.code != xhttp2.ErrCodeNo {
		t.Errorf("%v", g)
	}
	c.get(3, "/") // was on its way
	if a := c.ended(3); !a.ended {
		t.Errorf("%+v", a)
	}
	var data [8]byte
	copy(data[:], c.probes[0])
	c.ok(c.fr.WritePing(true, data))
	c.until("last goaway", func() bool { return len(c.goAway) == 2 })
	if g := c.goAway[1]; g.last != 3 || g.code != xhttp2.ErrCodeNo {
		t.Errorf("%v", g)
	}
	c.get(5, "/") // is not served
	close(gate)
	if a := c.ended(1); string(a.body) != "hello, world\n" {
		t.Errorf("%+v", a)
	}
	c.finish()
	if c.answer(5).done() || !errors.Is(c.err, io.EOF) {
		t.Errorf("%+v, %v", c.answer(5), c.err)
	}
}

func TestADrainDoesNotWaitForAnAnswerToItsPing(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(small), nil)
	c := connect(t, r)
	c.quiet = true
	r.session().Drain()
	c.told(xhttp2.ErrCodeNo)
	if len(c.goAway) != 2 {
		t.Errorf("%v", c.goAway)
	}
}

func TestAConnectionIsDrainedAfterItsLastRequest(t *testing.T) {
	r := start(t, http2.Config{KeepaliveRequests: 3}, exchange.HandlerFunc(small), nil)
	c := connect(t, r)
	for id := uint32(1); id < 7; id += 2 {
		c.get(id, "/")
		c.ended(id)
	}
	c.told(xhttp2.ErrCodeNo)
}

func TestACutCancelsWhatRuns(t *testing.T) {
	cause := make(chan error, 3)
	h := func(x *exchange.Exchange) {
		switch string(x.Request.Path) {
		case "/wait":
			<-x.Context().Done()
			cause <- x.Cause()
		case "/read":
			_, err := x.Request.Body.Read(make([]byte, 1))
			cause <- err
		case "/write":
			_ = x.Sink.Start(&x.Response)
			cause <- x.Sink.Write(make([]byte, 1<<20), true)
		}
	}
	r := start(t, http2.Config{}, exchange.HandlerFunc(h), nil)
	c := connect(t, r, window(1))
	c.get(1, "/wait")
	c.headers(3, false, request("POST", "/read")...)
	c.get(5, "/write")
	c.until("head", func() bool { return c.answer(5).frames > 0 })
	ses := r.session()
	harness.Eventually(t, "requests", func() bool { return ses.Running() == 3 })
	ses.Cut()
	for range 3 {
		if err := <-cause; !errors.Is(err, exchange.ErrCutOff) {
			t.Error(err)
		}
	}
	c.finish()
}

func TestHandlersLearnThatTheirClientLeft(t *testing.T) {
	for name, leave := range map[string]func(c *client){
		"reset": func(c *client) { c.ok(c.fr.WriteRSTStream(1, xhttp2.ErrCodeCancel)) },
		"close": func(c *client) { c.nc.Close() },
		"abort": func(c *client) {
			_ = c.nc.(*net.TCPConn).SetLinger(0)
			c.nc.Close()
		},
		"error": func(c *client) { c.data(0, false, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			begun, cause := make(chan struct{}), make(chan error, 1)
			h := func(x *exchange.Exchange) {
				if x.Sink.ClientGone() {
					t.Error("gone already")
				}
				close(begun)
				<-x.Context().Done()
				if !x.Sink.ClientGone() {
					t.Error("not gone")
				}
				_, err := x.Request.Body.Read(make([]byte, 1))
				if x.Sink.Start(&x.Response) != nil || x.Sink.Write([]byte("x"), true) == nil {
					t.Error("a response to nobody was taken")
				}
				cause <- errors.Join(x.Cause(), err)
			}
			r := start(t, http2.Config{}, exchange.HandlerFunc(h), nil)
			c := connect(t, r)
			c.headers(1, false, request("POST", "/")...)
			<-begun
			leave(c)
			if err := <-cause; !errors.Is(err, exchange.ErrClientGone) || errors.Is(err, exchange.ErrCutOff) {
				t.Error(err)
			}
		})
	}
}

func TestIdleConnectionsGiveTheirBuffersBackAndEnd(t *testing.T) {
	r := start(t, http2.Config{KeepaliveTimeout: 3 * time.Second}, exchange.HandlerFunc(small), nil)
	c := connect(t, r)
	c.get(1, "/")
	c.ended(1)
	ses := r.session()
	harness.Eventually(t, "rest", ses.Resting)
	c.headers(3, false, request("POST", "/")...) // more than the buffer of a resting one
	c.data(3, true, make([]byte, 10_000))
	if a := c.ended(3); !a.ended {
		t.Errorf("%+v", a)
	}
	harness.Eventually(t, "rest", ses.Resting)
	c.told(xhttp2.ErrCodeNo)
}

// acked is the beginning of a connection whose client has seen our SETTINGS.
func acked(c *client) {
	c.greet()
	c.ok(c.fr.WriteSettingsAck())
}

func TestBytesThatComeTooSlowlyEndTheConnection(t *testing.T) {
	for name, send := range map[string]func(c *client){
		"nothing":         func(*client) {},
		"part of preface": func(c *client) { c.raw([]byte("PRI * HT")) },
		"preface alone":   func(c *client) { c.raw([]byte(xhttp2.ClientPreface)) },
		"part of a frame": func(c *client) { acked(c); c.raw([]byte{0, 0, 8}) },
		"part of a ping":  func(c *client) { acked(c); c.raw([]byte{0, 0, 8, 6, 0, 0, 0, 0, 0, 1}) },
		"no CONTINUATION": func(c *client) { acked(c); c.ok(c.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1})) },
		"no SETTINGS ack": func(c *client) { c.greet() },
		"slow block": func(c *client) {
			acked(c)
			c.ok(c.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1}))
			for range 5 {
				c.ok(c.fr.WriteContinuation(1, false, []byte{0x82}))
				time.Sleep(tick) // the client's own slowness
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, http2.Config{HeaderTimeout: 100 * time.Millisecond}, exchange.HandlerFunc(small), nil)
			c := dial(t, r)
			send(c)
			w := newClient(t, c.nc)
			w.fr = xhttp2.NewFramer(io.Discard, c.nc) // acknowledges nothing
			w.finish()
			want := xhttp2.ErrCodeEnhanceYourCalm
			if name == "no SETTINGS ack" {
				want = xhttp2.ErrCodeSettingsTimeout
			}
			if len(w.goAway) != 1 || w.goAway[0].code != want {
				t.Errorf("%v", w.goAway)
			}
		})
	}
}

func TestWhatIsNoHTTP2IsRefused(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(small), nil)
	for _, s := range []string{"GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\x00", "\x16\x03\x01", "PRI * HTTP/1.1\r\n"} {
		c := dial(t, r)
		c.raw([]byte(s))
		c.told(xhttp2.ErrCodeProtocol)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ended) != 1 || r.ended[0] != "1 1 bad connection preface" {
		t.Errorf("reported %v", r.ended) // one a second
	}
}

func TestTheConnectionIsTakenOverWithWhatWasRead(t *testing.T) {
	a, b := net.Pipe() // without raw access, too
	defer a.Close()
	r := start(t, http2.Config{}, exchange.HandlerFunc(describe), nil)
	var first strings.Builder
	first.WriteString(xhttp2.ClientPreface)
	w := newClient(t, a)
	w.fr = xhttp2.NewFramer(&first, nil)
	_ = w.fr.WriteSettings()
	w.headers(1, false, request("POST", "/")...)
	w.data(1, false, []byte(strings.Repeat("x", 16_384)))
	w.data(1, true, []byte(strings.Repeat("y", 16_000)))
	ses := r.srv.Session(b, []byte(first.String()), &exchange.ConnInfo{Scheme: "http"})
	done := make(chan struct{})
	go func() { // ends with the connection
		ses.Serve()
		close(done)
	}()
	c := newClient(t, a)
	_ = a.SetDeadline(time.Now().Add(limit))
	if got := c.ended(1); !strings.HasSuffix(string(got.body), "xyyy"+strings.Repeat("y", 15_997)) {
		t.Errorf("%d bytes", len(got.body))
	}
	a.Close()
	<-done
}

func TestReconfiguringCountsFromTheNextRequest(t *testing.T) {
	r := start(t, http2.Config{ServerHeader: "one"}, exchange.HandlerFunc(small), nil)
	c := connect(t, r)
	c.get(1, "/")
	c.ended(1)
	r.srv.Configure(http2.Config{ServerHeader: "two", KeepaliveTimeout: time.Minute})
	c.get(3, "/")
	c.ended(3)
	if one, two := c.answer(1).get("server"), c.answer(3).get("server"); one != "one" || two != "two" {
		t.Errorf("%s, %s", one, two)
	}
}
