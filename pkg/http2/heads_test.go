package http2_test

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/test/harness"
)

// A head that is in the table costs its client a few bytes for each request.
func TestDecodedHeadsOfRequestsUnderWayAreBounded(t *testing.T) {
	const largest, size, most = 2048, 1500, 16 * 2048
	block := make(chan struct{})
	h := exchange.HandlerFunc(func(x *exchange.Exchange) {
		<-block
		small(x)
	})
	r := start(t, http2.Config{Limits: http1.Limits{MaxHeaderBytes: largest}}, h, nil)
	c := connect(t, r)
	var refused, last uint32
	for last = 1; last < 99; last += 2 {
		c.get(last, "/", "x-large", strings.Repeat("b", size))
	}
	c.until("a refused stream", func() bool {
		refused = 0
		for _, a := range c.answers {
			if a.reset != nil && *a.reset == xhttp2.ErrCodeRefusedStream {
				refused++
			}
		}
		return refused == 50-1-most/(size+100)
	})
	s := r.session()
	if n := s.Heads(); n > most || n < most-2*size {
		t.Errorf("%d bytes of heads", n)
	}
	close(block)
	if a := c.ended(1); a.get(":status") != "200" {
		t.Errorf("%+v", a)
	}
	harness.Eventually(t, "nothing is counted any more", func() bool { return s.Running() == 0 && s.Heads() == 0 })
	c.get(last, "/", "x-large", strings.Repeat("b", size))
	if a := c.ended(last); a.get(":status") != "200" {
		t.Errorf("%+v", a)
	}
}
