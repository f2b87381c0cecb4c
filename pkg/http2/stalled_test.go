package http2_test

import (
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestRequestsThatWaitForTheirClientCountAsStalled(t *testing.T) {
	block := make(chan struct{})
	h := exchange.HandlerFunc(func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/script" {
			<-block // it waits, and not for the client
		}
		small(x)
	})
	r := start(t, http2.Config{BodyTimeout: time.Minute}, h, nil)
	c := connect(t, r, window(0))
	c.get(1, "/script")
	c.get(3, "/")                                // no window
	c.headers(5, false, request("POST", "/")...) // no body
	c.get(7, "/")
	s := r.session()
	if n := s.Stalled(); n != 0 {
		t.Errorf("%d at once", n)
	}
	harness.Eventually(t, "three are stalled", func() bool { return s.Stalled() == 3 })
	// One that lets a byte pass is stalled all the same, one that reads is not.
	c.ok(c.fr.WriteWindowUpdate(3, 1))
	c.until("a byte", func() bool { return len(c.answer(3).body) == 1 })
	c.ok(c.fr.WriteWindowUpdate(7, 1000))
	c.ended(7)
	harness.Eventually(t, "two are stalled", func() bool { return s.Stalled() == 2 })
	close(block)
	c.ok(c.fr.WriteRSTStream(3, xhttp2.ErrCodeCancel))
	c.ok(c.fr.WriteRSTStream(5, xhttp2.ErrCodeCancel))
	harness.Eventually(t, "the last one is", func() bool { return s.Stalled() == 1 }) // 1, for its window
}
