package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// queued returns how many connections wait to be accepted from ln.
func queued(t *testing.T, ln net.Listener) int {
	t.Helper()
	var info *unix.TCPInfo
	var err error
	cerr := sock.RawListener(ln).Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	return int(info.Unacked) // of a listening socket: its queue
}

func TestConnectionsThatTheKernelHasTakenOnAreServedInADrain(t *testing.T) {
	sweeper := sock.NewSweeper(5 * time.Millisecond)
	defer sweeper.Close()
	s, err := New(Config{HeaderTimeout: time.Minute, SendTimeout: time.Minute, KeepaliveTimeout: time.Minute},
		exchange.HandlerFunc(func(x *exchange.Exchange) {
			_ = x.Sink.Start(&x.Response)
			_ = x.Sink.Write([]byte("served"), true)
		}), sweeper, Events{})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clients := make([]net.Conn, 50)
	for i := range clients {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(15 * time.Second))
		if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		clients[i] = nc
	}
	for end := time.Now().Add(15 * time.Second); queued(t, ln) < len(clients); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d are queued", queued(t, ln))
		}
	}
	s.addListener(ln, &Listener{Name: "here"}) // by a Serve that has not come to them
	s.serving.Done()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, nc := range clients {
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "served" || err != nil || !resp.Close {
			t.Errorf("client %d: got %q, %v, close %v", i, body, err, resp.Close)
		}
	}
}
