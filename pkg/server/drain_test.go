package server_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/test/harness"
)

// What a client has sent before the end began is answered, whatever its
// connection was doing.
func TestNoRequestIsLostInADrain(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "TLS"}[secure], func(t *testing.T) {
			l := server.Listener{Name: "here"}
			if secure {
				l.TLS = &tls.Config{Certificates: []tls.Certificate{certstest.ForServer(t, "example.org")}}
			}
			r := startListener(t, config(), echo, loopback(t), l, server.Events{})
			connect := func() *client {
				if secure {
					return r.dialTLS(t, &tls.Config{})
				}
				return r.dial(t)
			}
			var clients []*client
			for i := range 120 {
				c := connect()
				if i%2 == 0 { // the others never sent anything
					c.send(get("/first"))
					c.want(200, "/first")
				}
				clients = append(clients, c)
				if i == 59 {
					harness.Eventually(t, "half are parked", func() bool { return r.Parked() == 60 })
				}
			}
			for _, c := range clients {
				c.send(get("/last"))
			}
			done := make(chan error, 1)
			go func() { done <- r.Shutdown(context.Background()) }() // ends with the last client
			for _, c := range clients {
				c.want(200, "/last")
				c.wantEnd()
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAFreshConnectionMaySendItsRequestInADrain(t *testing.T) {
	r := start(t, config(), echo)
	c := r.dial(t)
	harness.Eventually(t, "it is accepted", func() bool { return r.Connections() == 1 })
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(context.Background()) }() // ends with the client
	harness.Eventually(t, "the drain has begun", func() bool {
		nc, err := net.Dial("tcp", r.addr)
		if err == nil {
			nc.Close()
		}
		return err != nil
	})
	c.send(get("/late"))
	if a := c.want(200, "/late"); !a.Close {
		t.Error("the response does not say close")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAFreshConnectionThatSendsNothingDoesNotHoldADrainUp(t *testing.T) {
	r := start(t, config(), echo)
	c := r.dial(t)
	harness.Eventually(t, "it is accepted", func() bool { return r.Connections() == 1 })
	ctx, stop := context.WithTimeout(t.Context(), patient)
	defer stop()
	if err := r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	c.wantEnd()
}

func TestPipelinedRequestsAreAnsweredInADrainUpToTheOneThatSaysClose(t *testing.T) {
	r := start(t, config(), echo)
	c := r.dial(t)
	c.send(get("/1"))
	c.want(200, "/1")
	c.send(get("/2") + get("/3"))
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if a := c.want(200, "/2"); !a.Close { // it began before the drain did
		c.want(200, "/3")
	}
}
