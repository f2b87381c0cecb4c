package server_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// trickle sends a byte every 10 ms until the connection ends.
func trickle(c *client, s string) {
	for range 100_000 {
		if _, err := c.Write([]byte(s)); err != nil {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestABodyThatTricklesIsCut(t *testing.T) {
	cfg := config()
	cfg.BodyTimeout = 500 * time.Millisecond
	cfg.MinBodyRate = 1_000_000
	for name, tt := range map[string]struct{ head, piece string }{
		"length": {"Content-Length: 1000000", "x"},
		"chunks": {"Transfer-Encoding: chunked", "1\r\nx\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan error, 1)
			r := start(t, cfg, func(x *exchange.Exchange) {
				_, err := io.Copy(io.Discard, x.Request.Body)
				got <- err
				respond(x, 408, "slow")
			})
			c := r.dial(t)
			c.send("POST / HTTP/1.1\r\nHost: x\r\n" + tt.head + "\r\n\r\n")
			go trickle(c, tt.piece) // ends with the connection
			if err := <-got; !errors.Is(err, exchange.ErrBodyTimeout) {
				t.Errorf("got %v", err)
			}
			c.want(408, "slow")
		})
	}
}

func TestABodyAtTheMinimumRateMayTakeItsTime(t *testing.T) {
	cfg := config()
	cfg.BodyTimeout = 2 * time.Second
	cfg.MinBodyRate = 2
	c := start(t, cfg, echo).dial(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n")
	for range 12 {
		<-time.After(200 * time.Millisecond) // 2.4 s in all
		c.send("x")
	}
	c.want(200, "/:xxxxxxxxxxxx")
}

// endless answers with a body that does not end until the client does not take
// it any more, and reports why.
func endless(got chan<- error) exchange.HandlerFunc {
	return func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		for p := make([]byte, 1<<20); ; {
			if err := x.Sink.Write(p, false); err != nil {
				got <- err
				return
			}
		}
	}
}

// small makes the server's send buffers small, so that they show what the
// client reads.
type small struct{ net.Listener }

func (l small) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		_ = nc.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return nc, err
}

func TestAClientThatReadsTooSlowlyIsCut(t *testing.T) {
	cfg := config()
	cfg.SendTimeout = 500 * time.Millisecond
	cfg.MinSendRate = 1 << 40
	got := make(chan error, 1)
	r := startOn(t, cfg, endless(got), small{loopback(t)})
	c := r.dial(t)
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	c.send(get("/"))
	go func() { // ends with the connection
		for p := make([]byte, 64<<10); ; {
			if _, err := c.Conn.Read(p); err != nil {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	}()
	if err := <-got; !errors.Is(err, exchange.ErrSendTimeout) {
		t.Errorf("got %v", err)
	}
}

// large makes the server's send buffers large: much is read from them until the
// kernel says that there is room.
type large struct{ net.Listener }

func (l large) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		_ = nc.(*net.TCPConn).SetWriteBuffer(4 << 20)
	}
	return nc, err
}

func TestAClientThatReadsABigBufferSlowlyIsNotTimedOut(t *testing.T) {
	cfg := config()
	cfg.SendTimeout = 1500 * time.Millisecond
	cfg.MinSendRate = 240
	got := make(chan error, 1)
	r := startOn(t, cfg, endless(got), large{loopback(t)})
	c := r.dial(t)
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	c.send(get("/"))
	p := make([]byte, 32<<10)
	for begin := time.Now(); time.Since(begin) < 3*cfg.SendTimeout; { // a third of the buffer would take longer
		if _, err := io.ReadFull(c.Conn, p); err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
	}
	select {
	case err := <-got:
		t.Errorf("the handler got %v", err)
	default:
	}
	c.Close()
	if err := <-got; !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("in the end: %v", err)
	}
}
