package server_test

import (
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

func descriptors(tb testing.TB) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(list)
}

func TestIdleConnectionsHaveNoGoroutineAndWakeUp(t *testing.T) {
	r := start(t, config(), echo)
	base, fds := runtime.NumGoroutine(), descriptors(t)
	clients := make([]*client, 200)
	if serverTLS(t) != nil {
		clients = clients[:40] // handshakes take their time
	}
	parked := func() bool { return r.Parked() == len(clients) && runtime.NumGoroutine() <= base+3 } // +3: the server's own may start late
	for i := range clients {
		clients[i] = r.dial(t)
		if i%2 == 0 { // the others never sent anything
			clients[i].send(get("/"))
			clients[i].want(200, "/")
		}
	}
	harness.Eventually(t, "every connection is parked", parked)
	if n := r.Connections(); n != len(clients) {
		t.Fatalf("%d connections, want %d", n, len(clients))
	}
	for round := range 2 {
		for _, c := range clients {
			c.send(get("/again"))
		}
		for _, c := range clients {
			c.want(200, "/again")
		}
		if round == 0 {
			harness.Eventually(t, "they are parked again", parked)
		}
	}
	for _, c := range clients {
		c.Close()
	}
	harness.Eventually(t, "they are gone", func() bool {
		return r.Connections() == 0 && descriptors(t) <= fds && runtime.NumGoroutine() <= base+3
	})
}

func TestAParkedConnectionWhoseClientLeavesIsForgotten(t *testing.T) {
	r := start(t, config(), echo)
	c := r.dial(t)
	c.send(get("/"))
	c.want(200, "/")
	harness.Eventually(t, "it is parked", func() bool { return r.Parked() == 1 })
	c.Close()
	harness.Eventually(t, "it is gone", func() bool { return r.Connections() == 0 })
}

func TestIdleConnectionsEndWithTheKeepaliveTimeout(t *testing.T) {
	cfg := config()
	cfg.KeepaliveTimeout = 1200 * time.Millisecond // above the second until it parks
	r := start(t, cfg, echo)
	begin := time.Now()
	c := r.dial(t)
	c.send(get("/"))
	c.want(200, "/")
	c.wantEnd()
	if took := time.Since(begin); took < cfg.KeepaliveTimeout-tick { // the sweeper's clock may be a tick old
		t.Errorf("closed after %v", took)
	}
	harness.Eventually(t, "it is gone", func() bool { return r.Connections() == 0 })
}

func TestASlowHeadIsAnsweredWith408(t *testing.T) {
	cfg := config()
	cfg.HeaderTimeout = time.Second // a TLS handshake must not take as long
	r := start(t, cfg, echo)
	c := r.dial(t)
	c.send(get("/1") + "GET /slow HTTP/1.1\r\nHo")
	c.want(200, "/1")
	go func() { // ends when the server closes: bytes do not put the end off
		for {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	}()
	if a := c.answer("GET"); a.StatusCode != 408 || !a.Close {
		t.Errorf("got %d, close %v", a.StatusCode, a.Close)
	}
	harness.Eventually(t, "it is reported", func() bool { return len(r.refusals()) == 1 })
	if got := r.refusals(); got[0].status != 408 {
		t.Errorf("events: %v", got)
	}
}

func TestASlowBodyIsATimeoutOfTheRead(t *testing.T) {
	cfg := config()
	cfg.BodyTimeout = 60 * time.Millisecond
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	} {
		got := make(chan error, 1)
		c := start(t, cfg, func(x *exchange.Exchange) {
			_, err := io.ReadAll(x.Request.Body)
			got <- err
			respond(x, 408, "slow")
		}).dial(t)
		c.send(request)
		if err := <-got; err != exchange.ErrBodyTimeout { //nolint:errorlint // the very value
			t.Errorf("got %v", err)
		}
		c.want(408, "slow")
		c.wantEnd()
	}
}

func TestABodyMayTakeLongerThanItsTimeoutWhileBytesCome(t *testing.T) {
	cfg := config()
	cfg.BodyTimeout = 2 * time.Second
	c := start(t, cfg, echo).dial(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n")
	for range 12 {
		<-time.After(200 * time.Millisecond) // 2.4 s in all
		c.send("x")
	}
	c.want(200, "/:xxxxxxxxxxxx")
}

func TestAClientThatReadsNothingRunsIntoTheSendTimeout(t *testing.T) {
	cfg := config()
	cfg.SendTimeout = 80 * time.Millisecond
	got := make(chan error, 1)
	r := start(t, cfg, func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		p := make([]byte, 1<<20)
		for {
			if err := x.Sink.Write(p, false); err != nil {
				got <- err
				return
			}
		}
	})
	r.dial(t).send(get("/"))
	if err := <-got; err != exchange.ErrSendTimeout { //nolint:errorlint // the very value
		t.Errorf("got %v", err)
	}
	harness.Eventually(t, "the connection is closed", func() bool { return r.Connections() == 0 })
}
