package http2_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/test/harness"
)

func window(n uint32) xhttp2.Setting {
	return xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: n}
}

// sized answers with n bytes.
func sized(n int) exchange.Handler {
	content := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
	return exchange.HandlerFunc(func(x *exchange.Exchange) {
		x.Response.ContentLength = int64(n)
		if x.Sink.Start(&x.Response) == nil && x.Sink.Write(content, true) != nil {
			x.Sink.Abort()
		}
	})
}

func TestAWindowOfOneByteGetsTheWholeResponse(t *testing.T) {
	r := start(t, http2.Config{}, sized(300), nil)
	c := connect(t, r, window(1))
	c.get(1, "/")
	a := c.answer(1)
	for !a.ended {
		had := a.frames
		c.until("a byte", func() bool { return a.frames > had || a.ended })
		if !a.ended {
			c.ok(c.fr.WriteWindowUpdate(1, 1))
		}
	}
	if len(a.body) != 300 || a.frames != 300 {
		t.Errorf("%d bytes in %d frames", len(a.body), a.frames)
	}
}

func TestTheConnectionsWindowIsSharedInTurn(t *testing.T) {
	r := start(t, http2.Config{}, sized(100_000), nil)
	c := connect(t, r, window(1<<20))
	for id := uint32(1); id < 9; id += 2 {
		c.get(id, "/")
	}
	total := func() (n int) {
		for _, a := range c.answers {
			n += len(a.body)
		}
		return n
	}
	c.until("a full window", func() bool { return total() == 65535 })
	ses := r.session()
	harness.Eventually(t, "queue", func() bool { return ses.Waiting() == 4 })
	c.ok(c.fr.WriteWindowUpdate(0, 4*16384))
	c.until("more", func() bool { return total() == 65535+4*16384 })
	for id := uint32(1); id < 9; id += 2 {
		if len(c.answer(id).body) == 0 {
			t.Errorf("%d got nothing", id)
		}
	}
	c.ok(c.fr.WriteWindowUpdate(0, 1<<20))
	for id := uint32(1); id < 9; id += 2 {
		if a := c.ended(id); len(a.body) != 100_000 {
			t.Errorf("%d got %d", id, len(a.body))
		}
	}
}

func TestAStreamWithoutAWindowHoldsUpNoOther(t *testing.T) {
	r := start(t, http2.Config{}, sized(50_000), nil)
	c := connect(t, r, window(0))
	c.ok(c.fr.WriteWindowUpdate(0, 1<<20))
	c.get(1, "/")
	c.until("head", func() bool { return c.answer(1).get(":status") == "200" })
	c.get(3, "/")
	c.ok(c.fr.WriteWindowUpdate(3, 60_000))
	if a := c.ended(3); len(a.body) != 50_000 {
		t.Errorf("%d bytes", len(a.body))
	}
	if c.answer(1).frames > 0 {
		t.Error("DATA without a window")
	}
	c.ok(c.fr.WriteSettings(window(60_000)))
	if a := c.ended(1); len(a.body) != 50_000 {
		t.Errorf("%d bytes", len(a.body))
	}
}

func TestAWindowMayBecomeNegative(t *testing.T) {
	r := start(t, http2.Config{}, sized(100), nil)
	c := connect(t, r, window(40))
	c.get(1, "/")
	a := c.answer(1)
	c.until("a full window", func() bool { return len(a.body) == 40 })
	c.ok(c.fr.WriteSettings(window(10))) // -30
	c.ok(c.fr.WriteWindowUpdate(1, 30))
	c.ok(c.fr.WritePing(false, [8]byte{1}))
	c.until("ping", func() bool { return len(c.pings) > 0 })
	if len(a.body) != 40 {
		t.Errorf("%d bytes", len(a.body))
	}
	c.ok(c.fr.WriteWindowUpdate(1, 60))
	if c.ended(1); len(a.body) != 100 {
		t.Errorf("%d bytes", len(a.body))
	}
}

func TestTryWriteNeverWaits(t *testing.T) {
	took := make(chan int, 2)
	h := func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		p := make([]byte, 10<<20)
		n, err := x.Sink.TryWrite(p, false)
		if err != nil {
			t.Error(err)
		}
		took <- n
		n, _ = x.Sink.TryWrite(p, false)
		took <- n
		x.Sink.Abort()
	}
	r := start(t, http2.Config{}, exchange.HandlerFunc(h), nil)
	c := connect(t, r, window(1<<30))
	c.ok(c.fr.WriteWindowUpdate(0, 1<<30))
	c.get(1, "/")
	if n := <-took; n < 32<<10 || n >= 10<<20 { // the output buffer and what the kernel takes
		t.Errorf("took %d", n)
	}
	<-took
	c.ended(1)
}

func TestAClientThatDoesNotReadTimesOutAlone(t *testing.T) {
	failed := make(chan error, 1)
	h := func(x *exchange.Exchange) {
		if string(x.Request.Path) != "/slow" {
			small(x)
			return
		}
		_ = x.Sink.Start(&x.Response)
		failed <- x.Sink.Write(make([]byte, 100), true)
		x.Sink.Abort()
	}
	r := start(t, http2.Config{SendTimeout: 50 * time.Millisecond}, exchange.HandlerFunc(h), nil)
	c := connect(t, r, window(50))
	c.get(1, "/slow")
	if err := <-failed; !errors.Is(err, exchange.ErrSendTimeout) {
		t.Error(err)
	}
	if a := c.ended(1); a.reset == nil || len(a.body) != 50 {
		t.Errorf("%+v", a)
	}
	c.get(3, "/")
	if a := c.ended(3); !a.ended {
		t.Errorf("%+v", a)
	}
}

func TestAWindowThatGrowsByBytesIsNoProgress(t *testing.T) {
	failed := make(chan error, 1)
	h := func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		failed <- x.Sink.Write(make([]byte, 100_000), true)
		x.Sink.Abort()
	}
	r := start(t, http2.Config{SendTimeout: 100 * time.Millisecond, MinSendRate: 1 << 20}, exchange.HandlerFunc(h), nil)
	c := connect(t, r, window(1))
	c.get(1, "/")
	a := c.answer(1)
	for !a.done() {
		had := a.frames
		c.until("a byte", func() bool { return a.frames > had || a.done() })
		c.ok(c.fr.WriteWindowUpdate(1, 1))
		time.Sleep(tick) // the client's own slowness
	}
	if err := <-failed; !errors.Is(err, exchange.ErrSendTimeout) {
		t.Error(err)
	}
}

func TestASocketThatIsFullTimesOut(t *testing.T) {
	failed := make(chan error, 1)
	h := func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		failed <- x.Sink.Write(make([]byte, 64<<20), true)
		x.Sink.Abort()
	}
	r := start(t, http2.Config{SendTimeout: 100 * time.Millisecond}, exchange.HandlerFunc(h), nil)
	c := connect(t, r, window(1<<30))
	c.ok(c.fr.WriteWindowUpdate(0, 1<<30))
	c.get(1, "/") // and reads nothing
	if err := <-failed; !errors.Is(err, exchange.ErrSendTimeout) {
		t.Error(err)
	}
}

func TestUploadsAreBoundedByTheirWindow(t *testing.T) {
	read := make(chan struct{})
	h := func(x *exchange.Exchange) {
		<-read
		n, err := io.Copy(io.Discard, x.Request.Body)
		if n != 3000 || err != nil || x.Trace.BodyIn != 3000 {
			t.Errorf("%d, %v", n, err)
		}
		reply(x, 200, "")
	}
	r := start(t, http2.Config{StreamWindow: 1000}, exchange.HandlerFunc(h), nil)
	c := connect(t, r)
	if c.set[xhttp2.SettingInitialWindowSize] != 1000 {
		t.Errorf("%v", c.set)
	}
	c.headers(1, false, request("POST", "/")...)
	c.data(1, false, make([]byte, 1000))
	c.ok(c.fr.WritePing(false, [8]byte{}))
	c.until("ping", func() bool { return len(c.pings) > 0 })
	if c.updates[1] != 0 {
		t.Error("a window before anything was read")
	}
	close(read)
	for sent := 1000; sent < 3000; sent += 500 {
		c.until("window", func() bool { return 1000+c.updates[1] >= sent+500 })
		c.data(1, sent == 2500, make([]byte, 500))
	}
	if a := c.ended(1); !a.ended {
		t.Errorf("%+v", a)
	}
}

func TestMoreThanTheWindowIsAnError(t *testing.T) {
	t.Run("stream", func(t *testing.T) {
		c := connect(t, start(t, http2.Config{StreamWindow: 1000}, exchange.HandlerFunc(small), nil))
		c.headers(1, false, request("POST", "/", "content-length", "9999")...)
		c.data(1, false, make([]byte, 1001))
		if a := c.ended(1); a.reset == nil || *a.reset != xhttp2.ErrCodeFlowControl {
			t.Errorf("%+v", a)
		}
	})
	t.Run("connection", func(t *testing.T) {
		wait := make(chan struct{})
		h := exchange.HandlerFunc(func(*exchange.Exchange) { <-wait })
		r := start(t, http2.Config{StreamWindow: 60_000, ConnWindow: 65535}, h, nil)
		c := connect(t, r)
		for id := uint32(1); id < 5; id += 2 {
			c.headers(id, false, request("POST", "/")...)
			for range 4 {
				c.data(id, false, make([]byte, 10_000))
			}
		}
		c.until("goaway", func() bool { return len(c.goAway) > 0 })
		close(wait)
		c.told(xhttp2.ErrCodeFlowControl)
	})
}

func TestTheWindowOfResetStreamsComesBack(t *testing.T) {
	h := func(x *exchange.Exchange) { reply(x, 413, "no") } // reads nothing
	r := start(t, http2.Config{StreamWindow: 30_000, ConnWindow: 65535}, exchange.HandlerFunc(h), nil)
	c := connect(t, r)
	sent := 0
	for id := uint32(1); id < 200; id += 2 {
		c.until("window", func() bool { return 65535+c.updates[0]-sent >= 30_000 })
		c.headers(id, false, request("POST", "/")...)
		for range 3 {
			c.data(id, false, make([]byte, 10_000))
			sent += 10_000
		}
		a := c.ended(id)
		c.until("reset", func() bool { return a.reset != nil })
		if a.get(":status") != "413" || *a.reset != xhttp2.ErrCodeNo {
			t.Fatalf("%+v", a)
		}
	}
}

func TestSlowBodiesTimeOut(t *testing.T) {
	failed := make(chan error, 1)
	h := func(x *exchange.Exchange) {
		_, err := io.Copy(io.Discard, x.Request.Body)
		failed <- err
		reply(x, 408, "")
	}
	r := start(t, http2.Config{BodyTimeout: 50 * time.Millisecond}, exchange.HandlerFunc(h), nil)
	c := connect(t, r)
	c.headers(1, false, request("POST", "/")...)
	c.data(1, false, []byte("x"))
	if a := c.ended(1); a.get(":status") != "408" {
		t.Errorf("%+v", a)
	}
	if err := <-failed; !errors.Is(err, exchange.ErrBodyTimeout) {
		t.Error(err)
	}
}

func TestBodiesMustHaveTheirRate(t *testing.T) {
	failed := make(chan error, 1)
	h := func(x *exchange.Exchange) {
		_, err := io.Copy(io.Discard, x.Request.Body)
		failed <- err
		reply(x, 408, "")
	}
	r := start(t, http2.Config{BodyTimeout: 200 * time.Millisecond, MinBodyRate: 1 << 20}, exchange.HandlerFunc(h), nil)
	c := connect(t, r)
	c.headers(1, false, request("POST", "/")...)
	done := make(chan struct{})
	go func() { // ends when the answer is here
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(tick):
				if c.fr.WriteData(1, false, []byte("x")) != nil {
					return
				}
			}
		}
	}()
	err := <-failed
	close(done)
	if !errors.Is(err, exchange.ErrBodyTimeout) {
		t.Error(err)
	}
}

func TestContinueIsSentWhenTheBodyIsWanted(t *testing.T) {
	h := func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/no" {
			reply(x, 413, "")
			return
		}
		small(x)
	}
	r := start(t, http2.Config{}, exchange.HandlerFunc(h), nil)
	c := connect(t, r)
	c.headers(1, false, request("POST", "/", "expect", "100-continue")...)
	c.until("100", func() bool { return len(c.answer(1).interim) > 0 })
	c.data(1, true, []byte("x"))
	if a := c.ended(1); a.get(":status") != "200" || len(a.interim) != 1 {
		t.Errorf("%+v", a)
	}
	c.headers(3, false, request("POST", "/no", "expect", "100-continue")...)
	if a := c.ended(3); a.get(":status") != "413" || len(a.interim) != 0 {
		t.Errorf("%+v", a)
	}
}
