package server_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestAFullServerGivesUpAHandshakeThatStalls(t *testing.T) {
	cfg := config()
	cfg.MaxConnections = 2
	cfg.HeaderTimeout = time.Minute
	entered, goOn := make(chan struct{}), make(chan struct{})
	h := func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/slow" {
			entered <- struct{}{}
			<-goOn
		}
		echo(x)
	}
	l := server.Listener{TLS: &tls.Config{Certificates: []tls.Certificate{certstest.ForServer(t, "example.org")}}}
	r := startListener(t, cfg, h, loopback(t), l, server.Events{})
	busy := r.dialTLS(t, &tls.Config{})
	busy.send(get("/slow"))
	<-entered
	stalled := r.dial(t)
	stalled.send("\x16\x03\x01") // of a ClientHello
	harness.Eventually(t, "both are there", func() bool { return r.Connections() == 2 })
	turned := r.dial(t) // a handshake that has just begun stays
	if _, err := turned.br.ReadByte(); err == nil {
		t.Error("a connection beyond the limit was served")
	}
	harness.Eventually(t, "another one takes its place", func() bool {
		c := r.dial(t)
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		tc := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
		return tc.Handshake() == nil
	})
	stalled.wantEnd()
	close(goOn)
	busy.want(200, "/slow")
}
