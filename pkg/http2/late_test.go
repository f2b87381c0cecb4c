package http2_test

import (
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
)

func TestFramesOfClosedStreams(t *testing.T) {
	h := exchange.HandlerFunc(func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/refuse" {
			reply(x, 413, "")
			return
		}
		small(x)
	})
	done := func(c *client) {
		c.get(1, "/")
		c.ended(1)
	}
	refused := func(c *client) {
		c.headers(1, false, request("POST", "/refuse")...)
		c.until("reset", func() bool { return c.answer(1).reset != nil })
	}
	for name, row := range map[string]struct {
		before, after func(c *client)
		code          xhttp2.ErrCode
		fatal         bool
	}{
		"DATA on one that is done":        {done, func(c *client) { c.data(1, true, nil) }, xhttp2.ErrCodeStreamClosed, false},
		"HEADERS on one that is done":     {done, func(c *client) { c.get(1, "/") }, xhttp2.ErrCodeStreamClosed, true},
		"HEADERS on one that was skipped": {func(c *client) { c.get(5, "/"); c.ended(5) }, func(c *client) { c.get(3, "/") }, xhttp2.ErrCodeProtocol, true},
		"RST_STREAM on one that is done":  {done, func(c *client) { c.ok(c.fr.WriteRSTStream(1, 8)) }, 0, false},
		"window of one that is done":      {done, func(c *client) { c.ok(c.fr.WriteWindowUpdate(1, 9)) }, 0, false},
		"DATA on one that we reset":       {refused, func(c *client) { c.data(1, true, []byte("x")) }, 0, false},
		"trailers on one that we reset":   {refused, func(c *client) { c.headers(1, true, "x", "y") }, 0, false},
		"DATA on one that the client reset": {func(c *client) {
			c.headers(1, false, request("POST", "/")...)
			c.ok(c.fr.WriteRSTStream(1, 8))
		}, func(c *client) { c.data(1, true, nil) }, xhttp2.ErrCodeStreamClosed, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, http2.Config{}, h, nil)
			c := connect(t, r)
			row.before(c)
			c.answer(1).reset = nil
			row.after(c)
			if row.fatal {
				c.told(row.code)
				return
			}
			c.get(101, "/")
			if a := c.ended(101); a.get(":status") != "200" {
				t.Fatalf("%+v", a)
			}
			got := xhttp2.ErrCode(0)
			if a := c.answer(1); a.reset != nil {
				got = *a.reset
			}
			if got != row.code {
				t.Errorf("%v, want %v", got, row.code)
			}
		})
	}
}
