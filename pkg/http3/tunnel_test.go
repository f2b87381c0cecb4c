package http3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func TestTunnels(t *testing.T) {
	begun, ended := make(chan bool, 9), make(chan error)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		if string(x.Request.Upgrade) != "websocket" || string(x.Request.Method) != "GET" || x.Request.ContentLength != 0 {
			t.Errorf("%s", describe(&x.Request))
		}
		x.Response.Header.AddString("Sec-WebSocket-Protocol", "chat")
		s, err := x.Sink.(exchange.Switcher).Switch(&x.Response)
		if err != nil {
			t.Error(err)
			return
		}
		begun <- true
		switch string(x.Request.Path) {
		case "/echo":
			_, err = io.Copy(s, s)
			_ = s.CloseWrite()
		case "/close":
			go func() { s.Close() }() // ends at once
			_, err = s.Read(make([]byte, 1))
		default:
			_, err = s.Read(make([]byte, 1))
		}
		ended <- err
	})
	c := r.dial()
	connect := func(path string) []byte {
		return headers(":method: CONNECT", ":protocol: websocket", ":scheme: https", ":authority: a.test", ":path: "+path)
	}
	s := c.open(connect("/echo"), data("one"), data("two"))
	d := reader{}
	d.reset(s)
	_, n, _ := d.frame()
	block, err := d.take(int(n))
	if f := fmt.Sprint(decodeFields(block)); err != nil || !strings.HasPrefix(f, "[[:status 200] [sec-websocket-protocol chat]") || strings.Contains(f, "content-length") {
		t.Errorf("%v %v", f, err)
	}
	var got []byte
	for len(got) < 6 {
		_, n, err := d.frame()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := d.take(int(n))
		got = append(got, b...)
	}
	if !bytes.Equal(got, []byte("onetwo")) {
		t.Errorf("%q", got)
	}
	s.Close()
	if rest := read(s); rest.err != nil {
		t.Errorf("%+v", rest)
	}
	if err := <-ended; err != nil {
		t.Errorf("echo: %v", err)
	}
	s = c.open(connect("/close"))
	if err := <-ended; !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("closed by ourselves: %v", err)
	}
	if got := read(s); got.err == nil {
		t.Errorf("%+v", got)
	}
	<-begun
	<-begun
	s = c.open(connect("/wait"))
	<-begun
	s.CancelWrite(codeNoError)
	if err := <-ended; !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("reset by the client: %v", err)
	}
}
