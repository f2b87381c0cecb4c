package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

const wish = "GET /t HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"

// switched answers by a stream that f gets, and reports f's error.
func switched(f func(s exchange.Stream) error) (exchange.HandlerFunc, chan error) {
	done := make(chan error, 1)
	return func(x *exchange.Exchange) {
		if x.Request.Upgrade == nil {
			echo(x)
			return
		}
		x.Response.Status = 200 // of no account
		x.Response.Header.AddString("Sec-WebSocket-Accept", "yes")
		s, err := x.Sink.(exchange.Switcher).Switch(&x.Response)
		if err == nil {
			err = f(s)
		}
		done <- err
	}, done
}

// copies is a stream's handler: it sends back what comes until the end.
func copies(s exchange.Stream) error {
	_, err := io.Copy(s, s)
	return err
}

func (c *client) switches() {
	c.tb.Helper()
	resp, err := http.ReadResponse(c.br, &http.Request{Method: "GET"})
	if err != nil {
		c.tb.Fatal(err)
	}
	h := resp.Header
	if resp.StatusCode != 101 || h.Get("Upgrade") != "websocket" || h.Get("Connection") != "upgrade" ||
		h.Get("Sec-WebSocket-Accept") != "yes" || h.Get("Content-Length") != "" || h.Get("Transfer-Encoding") != "" {
		c.tb.Fatalf("got %d %v", resp.StatusCode, h)
	}
}

func TestARequestMaySwitchTheProtocol(t *testing.T) {
	h, done := switched(copies)
	r := start(t, config(), h)
	c := r.dial(t)
	c.send(get("/first") + wish + "early\n") // in front of and behind the wish
	c.want(200, "/first")
	c.switches()
	c.line("early")
	for range 3 {
		c.send("GET / HTTP/1.1\r\n\n") // is not a request any more
		c.line("GET / HTTP/1.1\r")
		c.line("")
	}
	_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	c.wantEnd()
	if err := <-done; err != nil {
		t.Error(err)
	}
	harness.Eventually(t, "it is gone", func() bool { return r.Connections() == 0 })
}

func TestAStreamCarriesMuchInBothDirectionsAtOnce(t *testing.T) {
	body := bytes.Repeat(pattern(64<<10), 16)
	h, done := switched(func(s exchange.Stream) error {
		sent := make(chan error, 1)
		go func() { // ends when all is written
			_, err := s.Write(body)
			sent <- errors.Join(err, s.CloseWrite())
		}()
		got, err := io.ReadAll(s)
		if !bytes.Equal(got, body) {
			err = errors.Join(err, errors.New("something else came"))
		}
		return errors.Join(err, <-sent)
	})
	c := start(t, config(), h).dial(t)
	c.send(wish)
	c.switches()
	go func() { // ends when all is written
		_, _ = c.Write(body)
		_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(c.br)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAStreamMayRestLongerThanRequestsMay(t *testing.T) {
	cfg := config()
	cfg.HeaderTimeout, cfg.BodyTimeout, cfg.SendTimeout = 20*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	cfg.KeepaliveTimeout = 20 * time.Millisecond
	h, _ := switched(copies)
	c := start(t, cfg, h).dial(t)
	c.send(wish)
	c.switches()
	<-time.After(300 * time.Millisecond)
	c.send("still here\n")
	c.line("still here")
}

func TestAClientThatDoesNotReadItsStreamRunsIntoTheSendTimeout(t *testing.T) {
	cfg := config()
	cfg.SendTimeout = 80 * time.Millisecond
	h, done := switched(func(s exchange.Stream) error {
		for p := make([]byte, 1<<20); ; {
			if _, err := s.Write(p); err != nil {
				return err
			}
		}
	})
	r := start(t, cfg, h)
	c := r.dial(t)
	c.send(wish)
	if err := <-done; !errors.Is(err, exchange.ErrSendTimeout) {
		t.Errorf("got %v", err)
	}
	c.Close()
	harness.Eventually(t, "the connection is closed", func() bool { return r.Connections() == 0 })
}

func TestAStreamIsInFlightInADrainAndCutAtItsEnd(t *testing.T) {
	entered := make(chan struct{})
	h, done := switched(func(s exchange.Stream) error {
		close(entered)
		_, err := s.Read(make([]byte, 1))
		return err
	})
	r := start(t, config(), h)
	r.dial(t).send(wish)
	<-entered
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-done; !errors.Is(err, exchange.ErrCutOff) {
		t.Errorf("the handler got %v", err)
	}
}

func TestClosingAStreamEndsReadsAndWritesUnderWay(t *testing.T) {
	h, done := switched(func(s exchange.Stream) error {
		ended := make(chan error, 2)
		go func() { // ends by Close
			_, err := s.Read(make([]byte, 1))
			ended <- err
		}()
		full := make(chan struct{})
		go func() { // ends by Close
			n := 0
			for p := make([]byte, 1<<20); ; n++ {
				if n == 1 {
					close(full)
				}
				if _, err := s.Write(p); err != nil {
					ended <- err
					return
				}
			}
		}()
		<-full
		_ = s.Close()
		first, second := <-ended, <-ended
		for _, err := range []error{first, second, s.Close()} {
			if err != nil && !errors.Is(err, exchange.ErrClientGone) {
				return err
			}
		}
		if first == nil || second == nil {
			return errors.New("one of them ended well")
		}
		if _, err := s.Write([]byte("x")); !errors.Is(err, exchange.ErrClientGone) {
			return errors.Join(errors.New("a write behind Close"), err)
		}
		return nil
	})
	r := start(t, config(), h)
	r.dial(t).send(wish)
	if err := <-done; err != nil {
		t.Error(err)
	}
	harness.Eventually(t, "the connection is closed", func() bool { return r.Connections() == 0 })
}

func TestOnlyAWishCanBeGranted(t *testing.T) {
	got := make(chan error, 1)
	r := start(t, config(), func(x *exchange.Exchange) {
		_, err := x.Sink.(exchange.Switcher).Switch(&x.Response)
		got <- err
		respond(x, 200, "plain")
	})
	for _, request := range []string{
		get("/"),
		"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
	} {
		c := r.dial(t)
		c.send(request)
		c.want(200, "plain")
		if err := <-got; err == nil {
			t.Errorf("%q was granted", request)
		}
	}
	c := r.dial(t) // a wish need not be granted, and costs the connection nothing
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + get("/"))
	for range 2 {
		c.want(200, "plain")
		<-got
	}
}

func TestAWishThatIsNotGrantedKeepsTheConnection(t *testing.T) {
	c := start(t, config(), echo).dial(t)
	c.send(wish + wish + get("/next"))
	c.want(200, "/t")
	c.want(200, "/t")
	c.want(200, "/next")
}
