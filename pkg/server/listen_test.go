package server_test

import (
	"path/filepath"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/listen"
)

func TestAUnixSocketIsServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	ln, err := listen.Open(t.Context(), "unix:"+path, listen.Options{Backlog: 16})
	if err != nil {
		t.Fatal(err)
	}
	startOn(t, config(), func(x *exchange.Exchange) {
		c := x.Request.Conn
		respond(x, 200, string(c.PeerAddr)+" "+c.Listen)
	}, ln)
	c := dial(t, "unix", path)
	for range 3 {
		c.send(get("/"))
		c.want(200, "unix: here")
	}
}
