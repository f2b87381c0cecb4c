package http3

import (
	"runtime"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func TestTheConnectionWithMostStalledResponsesIsCut(t *testing.T) {
	big := make([]byte, 2<<20) // more than a client's window for a stream
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		x.Response.Status = 200
		x.Response.ContentLength = int64(len(big))
		if x.Sink.Start(&x.Response) == nil {
			_ = x.Sink.Write(big, true)
		}
	})
	c, other := r.dial(), r.dial()
	streams := []*quic.Stream{c.send(get("/")), c.send(get("/")), other.send(get("/"))} // nobody reads
	if info, n := r.srv.CutStalled(2); info != nil {
		t.Errorf("cut for %d", n)
	}
	for end := time.Now().Add(limit); ; runtime.Gosched() {
		if info, n := r.srv.CutStalled(1); info != nil {
			if n != 2 || string(info.PeerAddr) != "127.0.0.1" {
				t.Errorf("%s has %d", info.PeerAddr, n)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing counts as stalled")
		}
		<-time.After(time.Millisecond)
	}
	if got := c.closed(); got != codeNoError {
		t.Errorf("closed with %#x", got)
	}
	if got := read(streams[2]); got.err != nil || len(got.body) != len(big) {
		t.Errorf("the other one: %d bytes, %v", len(got.body), got.err)
	}
}
