package server_test

import (
	"io"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestAKeepAliveRequestAllocatesNothing(t *testing.T) {
	if harness.Race {
		t.Skip("the race detector makes sync.Pool drop what it holds")
	}
	body := []byte("constant")
	name, value := []byte("Content-Type"), []byte("text/plain")
	r := start(t, config(), func(x *exchange.Exchange) {
		x.Response.ContentLength = int64(len(body))
		x.Response.Header.Add(name, value)
		_ = x.Sink.Start(&x.Response)
		_ = x.Sink.Write(body, true)
	})
	c := r.dial(t)
	request := []byte("GET /some/path?a=b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\nCookie: a=b\r\n\r\n")
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	c.answer("GET")
	// Every response has the same size: one read of the connection, in full.
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 4096)
	n, err := c.Conn.Read(one)
	if err != nil {
		t.Fatal(err)
	}
	buf := one[:n]
	allocs := testing.AllocsPerRun(2000, func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c.Conn, buf); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per request", allocs)
	}
}
