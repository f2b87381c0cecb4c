package http2_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
)

// connectTo asks for a protocol (RFC 8441).
func connectTo(protocol, path string) []string {
	return []string{":method", "CONNECT", ":protocol", protocol, ":scheme", "http", ":authority", "example.org", ":path", path}
}

// tunnel switches and hands the stream to f.
func tunnel(t *testing.T, f func(s exchange.Stream)) exchange.Handler {
	return exchange.HandlerFunc(func(x *exchange.Exchange) {
		r := &x.Request
		if string(r.Method) != "GET" || string(r.Upgrade) != "websocket" || r.ContentLength != 0 {
			t.Errorf("%s %s %d", r.Method, r.Upgrade, r.ContentLength)
		}
		x.Response.Header.AddString("Sec-WebSocket-Protocol", "chat")
		s, err := x.Sink.(exchange.Switcher).Switch(&x.Response)
		if err != nil {
			t.Error(err)
			return
		}
		f(s)
	})
}

func TestATunnelCarriesBytesBothWays(t *testing.T) {
	h := tunnel(t, func(s exchange.Stream) {
		if n, err := io.Copy(s, s); n != 5+100_000 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if err := s.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	r := start(t, http2.Config{StreamWindow: 200_000}, h, nil)
	c := connect(t, r)
	c.ok(c.fr.WriteWindowUpdate(0, 200_000))
	if c.set[xhttp2.SettingEnableConnectProtocol] != 1 {
		t.Errorf("%v", c.set)
	}
	c.headers(1, false, connectTo("WebSocket", "/chat")...)
	c.until("head", func() bool { return c.answer(1).get(":status") == "200" })
	c.data(1, false, []byte("hello"))
	c.until("echo", func() bool { return string(c.answer(1).body) == "hello" })
	big := strings.Repeat("0123456789", 1000)
	c.ok(c.fr.WriteWindowUpdate(1, 200_000))
	for i := range 10 {
		c.data(1, i == 9, []byte(big))
	}
	a := c.ended(1)
	if !a.ended || string(a.body) != "hello"+strings.Repeat(big, 10) {
		t.Errorf("%d bytes, %v", len(a.body), a.reset)
	}
	if a.get("content-length") != "" || a.get("sec-websocket-protocol") != "chat" {
		t.Errorf("%v", a.fields)
	}
}

func TestATunnelEndsWithItsHandler(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(s exchange.Stream)
		want string
	}{
		"nothing said":   {func(exchange.Stream) {}, "CANCEL"},
		"closed":         {func(s exchange.Stream) { _ = s.Close(); _ = s.Close() }, "CANCEL"},
		"our side ended": {func(s exchange.Stream) { _ = s.CloseWrite() }, "NO_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, http2.Config{}, tunnel(t, row.end), nil)
			c := connect(t, r)
			c.headers(1, false, connectTo("websocket", "/")...)
			a := c.answer(1)
			c.until("reset", func() bool { return a.reset != nil })
			if a.reset.String() != row.want {
				t.Error(a.reset)
			}
		})
	}
}

func TestATunnelLearnsHowItsConnectionEnded(t *testing.T) {
	for name, row := range map[string]struct {
		leave func(c *client, ses *http2.Conn)
		want  error
	}{
		"end":   {func(c *client, _ *http2.Conn) { c.data(1, true, nil) }, io.EOF},
		"reset": {func(c *client, _ *http2.Conn) { c.ok(c.fr.WriteRSTStream(1, xhttp2.ErrCodeCancel)) }, exchange.ErrClientGone},
		"close": {func(c *client, _ *http2.Conn) { c.nc.Close() }, exchange.ErrClientGone},
		"cut":   {func(_ *client, ses *http2.Conn) { ses.Cut() }, exchange.ErrCutOff},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan error, 1)
			h := tunnel(t, func(s exchange.Stream) {
				_, err := s.Read(make([]byte, 1))
				got <- err
			})
			r := start(t, http2.Config{}, h, nil)
			c := connect(t, r)
			c.headers(1, false, connectTo("websocket", "/")...)
			c.until("head", func() bool { return c.answer(1).get(":status") != "" })
			row.leave(c, r.session())
			if err := <-got; !errors.Is(err, row.want) {
				t.Error(err)
			}
		})
	}
}

func TestAnOrdinaryAnswerToAnUpgradeIsNoTunnel(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/404" {
			reply(x, 404, "no")
			return
		}
		reply(x, 200, "a page")
	}), nil)
	c := connect(t, r)
	c.headers(1, false, connectTo("websocket", "/")...)
	if a := c.ended(1); a.get(":status") != "501" || len(a.body) > 0 {
		t.Errorf("%+v", a)
	}
	c.headers(3, false, connectTo("websocket", "/404")...)
	if a := c.ended(3); a.get(":status") != "404" || string(a.body) != "no" {
		t.Errorf("%+v", a)
	}
	c.get(5, "/")
	if a := c.ended(5); a.get(":status") != "200" {
		t.Errorf("%+v", a)
	}
}

func TestOnlyAnUpgradeCanSwitch(t *testing.T) {
	r := start(t, http2.Config{}, exchange.HandlerFunc(func(x *exchange.Exchange) {
		if _, err := x.Sink.(exchange.Switcher).Switch(&x.Response); err == nil {
			t.Error("switched")
		}
		small(x)
	}), nil)
	c := connect(t, r)
	c.get(1, "/")
	if a := c.ended(1); a.get(":status") != "200" {
		t.Errorf("%+v", a)
	}
}
