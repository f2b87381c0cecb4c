package http2_test

import (
	"io"
	"net"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// FuzzConn gives a connection any bytes behind a good beginning. Whatever they
// are, what is sent is well formed, handlers see only whole requests, and the
// connection ends when its client leaves.
func FuzzConn(f *testing.F) {
	for _, s := range []string{
		"\x00\x00\x0b\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01hXXXXX",
		"\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01h",
		"\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x86\x84\x41\x01h\x00\x00\x02\x00\x01\x00\x00\x00\x01ab",
		"\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x86\x84\x41\x01h\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08",
		"\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\xff\xff",
		"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01h\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x01",
		"\x00\x00\x03\x01\x01\x00\x00\x00\x01\x82\x86\x84\x00\x00\x03\x09\x04\x00\x00\x00\x01\x41\x01h",
		"\x00\x00\x05\x02\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00",
	} {
		f.Add([]byte(s))
	}
	sweeper := sock.NewSweeper(tick)
	f.Cleanup(sweeper.Close)
	f.Fuzz(func(t *testing.T, b []byte) {
		srv := http2.New(http2.Config{
			Limits: headLimits, MaxStreams: 8, StreamWindow: 1000, KeepaliveTimeout: time.Minute,
		}, exchange.HandlerFunc(func(x *exchange.Exchange) {
			if r := &x.Request; len(r.Method) == 0 || len(r.Path) == 0 || len(r.Host) == 0 {
				t.Errorf("%+v", r)
			}
			echo(x)
		}), sweeper, http2.Events{Panic: func(_ *exchange.Exchange, v any, stack []byte) { t.Errorf("%v\n%s", v, stack) }})
		defer srv.Close()
		a, peer := net.Pipe()
		_ = a.SetDeadline(time.Now().Add(limit))
		ses := srv.Session(peer, nil, &exchange.ConnInfo{Scheme: "http"})
		served, read := make(chan struct{}), make(chan struct{})
		go func() { // ends with the connection
			ses.Serve()
			close(served)
		}()
		go func() { // ends with the connection
			defer close(read)
			fr := xhttp2.NewFramer(nil, a)
			for {
				if _, err := fr.ReadFrame(); err != nil {
					if _, ours := err.(net.Error); !ours && err != io.EOF && err != io.ErrClosedPipe && err != io.ErrUnexpectedEOF {
						t.Errorf("we sent %v", err)
					}
					return
				}
			}
		}()
		_, _ = io.WriteString(a, xhttp2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00") // the server may leave when it likes
		_, _ = a.Write(b)
		a.Close()
		for _, ch := range []chan struct{}{served, read} {
			select {
			case <-ch:
			case <-time.After(limit):
				t.Fatal("hangs")
			}
		}
	})
}
