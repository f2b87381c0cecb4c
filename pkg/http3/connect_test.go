package http3

import (
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// To a client that asked for a tunnel a 2xx is one.
func TestAnOrdinaryAnswerToAnUpgradeIsNoTunnel(t *testing.T) {
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		x.Request.Upgrade = nil // as for a location that forwards none
		if string(x.Request.Path) == "/404" {
			text(x, 404, "no")
			return
		}
		text(x, 200, "a page")
	})
	c := r.dial()
	for path, want := range map[string]reply{"/": {status: "501"}, "/404": {status: "404", body: "no"}} {
		got := read(c.send(headers(":method: CONNECT", ":protocol: websocket", ":scheme: https", ":authority: a.test", ":path: "+path)))
		if got.err != nil || got.status != want.status || got.body != want.body {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := read(c.send(get("/"))); got.err != nil || got.status != "200" || got.body != "a page" {
		t.Errorf("%+v", got)
	}
}
