package load

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A server that ends every connection behind some bytes sees the head once and
// then bytes one by one; each client comes again.
func TestDrippersSendByteByByteAndComeAgain(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 100)
	over := make(chan struct{})
	go func() { // ends when ln closes
		defer close(over)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			line := make([]byte, len("HEADxxx"))
			_, _ = io.ReadFull(bufio.NewReader(nc), line)
			_, _ = io.WriteString(nc, "HTTP/1.1 408 Request Timeout\r\n\r\n")
			nc.Close()
			got <- string(line)
		}
	}()
	d, err := StartDrippers(context.Background(), DripConfig{
		Addr: ln.Addr().String(), Clients: 2, Head: []byte("HEAD"), Every: 25 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if line := <-got; line != "HEADxxx" {
			t.Errorf("%q", line)
		}
	}
	seen := d.Stop()
	ln.Close()
	<-over
	if seen.Ended < 3 || seen.Statuses[408] != seen.Ended || seen.First != nil || seen.Open > 2 {
		t.Errorf("%+v", seen)
	}
}

func TestDrippersNeedAnIPv4Address(t *testing.T) {
	if _, err := StartDrippers(context.Background(), DripConfig{Addr: "[::1]:80"}); err == nil || !strings.Contains(err.Error(), "IPv4") {
		t.Error(err)
	}
}
