package load

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	getRequest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	hello      = okHead + "Content-Length: 5\r\n\r\nhello"
)

// server answers every request on every connection with what answer returns
// for (connection number, request number); an empty string closes the
// connection instead.
type server struct {
	addr   string
	opened atomic.Int64
}

func serve(t *testing.T, answer func(conn, request int) string) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: ln.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the listener is closed
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := int(s.opened.Add(1))
			wg.Go(func() { talk(c, n, answer) }) // ends when the client closes
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return s
}

func talk(c net.Conn, n int, answer func(conn, request int) string) {
	defer c.Close()
	r := bufio.NewReader(c)
	for i := 1; ; i++ {
		for line := ""; line != "\r\n"; {
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
		}
		text := answer(n, i)
		if text == "" {
			return
		}
		if _, err := io.WriteString(c, text); err != nil || strings.Contains(text, "Connection: close") {
			return
		}
	}
}

func run(t *testing.T, cfg Config) *Result {
	t.Helper()
	if cfg.Request == nil {
		cfg.Request = []byte(getRequest)
	}
	if cfg.Duration == 0 {
		cfg.Duration = 100 * time.Millisecond
	}
	r, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryClientIsCountedOnItsOwnConnection(t *testing.T) {
	s := serve(t, func(int, int) string { return hello })
	marks := 0
	r := run(t, Config{Addr: s.addr, Clients: 7, Body: 5, Warmup: 20 * time.Millisecond, Mark: func() { marks++ }})
	least, most := r.MinMax()
	if r.Answers == 0 || r.Errors != 0 || len(r.PerClient) != 7 || least > most || marks != 2 {
		t.Errorf("%+v, %d marks", r, marks)
	}
	if s.opened.Load() != 7 {
		t.Errorf("%d connections", s.opened.Load())
	}
	if got := r.Latency.Count(); got != uint64(r.Answers) || r.Latency.Quantile(0.5) <= 0 {
		t.Errorf("%d latencies of %d answers, median %v", got, r.Answers, r.Latency.Quantile(0.5))
	}
}

func TestNewConnOpensAConnectionForEachRequest(t *testing.T) {
	s := serve(t, func(int, int) string {
		return okHead + "Connection: close\r\nContent-Length: 5\r\n\r\nhello"
	})
	r := run(t, Config{Addr: s.addr, Clients: 3, Body: 5, NewConn: true})
	if r.Answers == 0 || r.Errors != 0 || int(s.opened.Load()) < r.Answers {
		t.Errorf("%d answers, %d errors (%v), %d connections", r.Answers, r.Errors, r.First, s.opened.Load())
	}
}

func TestAPauseLimitsTheRequestsOfAClient(t *testing.T) {
	s := serve(t, func(int, int) string { return hello })
	r := run(t, Config{Addr: s.addr, Clients: 4, Body: AnySize, Pause: 30 * time.Millisecond, Duration: 150 * time.Millisecond})
	if _, most := r.MinMax(); r.Answers == 0 || most > 6 {
		t.Errorf("%v answers", r.PerClient)
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	cases := map[string]string{
		"status":   "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello",
		"length":   okHead + "Content-Length: 4\r\n\r\nhell",
		"behind":   hello + "more",
		"not http": "hello\r\n\r\n",
		"cut off":  "",
	}
	for name, text := range cases {
		s := serve(t, func(int, int) string { return text })
		r := run(t, Config{Addr: s.addr, Clients: 2, Body: 5})
		if r.Answers != 0 || r.Errors == 0 || !errors.Is(r.First, ErrAnswer) {
			t.Errorf("%s: %d answers, %d errors, first %v", name, r.Answers, r.Errors, r.First)
		}
	}
}

func TestAnAnnouncedCloseIsNoError(t *testing.T) {
	s := serve(t, func(_, request int) string {
		if request == 3 {
			return okHead + "Connection: close\r\nContent-Length: 5\r\n\r\nhello"
		}
		return hello
	})
	r := run(t, Config{Addr: s.addr, Clients: 2, Body: 5})
	if r.Answers <= 6 || r.Errors != 0 || s.opened.Load() < 3 {
		t.Errorf("%d answers, %d errors (%v), %d connections", r.Answers, r.Errors, r.First, s.opened.Load())
	}
}

func TestAClientWithoutAnswersIsSeen(t *testing.T) {
	stuck := make(chan struct{})
	s := serve(t, func(conn, _ int) string {
		if conn == 1 {
			<-stuck
		}
		return hello
	})
	t.Cleanup(func() { close(stuck) })
	r := run(t, Config{Addr: s.addr, Clients: 3, Body: 5, Duration: 100 * time.Millisecond})
	if least, most := r.MinMax(); least != 0 || most == 0 || r.Stalled < 90*time.Millisecond {
		t.Errorf("%v answers, stalled %v", r.PerClient, r.Stalled)
	}
}

func TestARefusedConnectionIsAnErrorAndNotTriedInALoop(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	r := run(t, Config{Addr: addr, Clients: 1})
	if r.Errors == 0 || r.Errors > 11 {
		t.Errorf("%d errors in 100 ms with a pause of 10 ms after each", r.Errors)
	}
}

func TestRunRefusesWhatItCannotDo(t *testing.T) {
	for _, cfg := range []Config{{Addr: "localhost:80", Clients: 1}, {Addr: "[::1]:80", Clients: 1}, {Addr: "127.0.0.1:80"}} {
		if _, err := Run(context.Background(), cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cfg := Config{Addr: "127.0.0.1:1", Clients: 1, Duration: time.Minute}
	if _, err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHoldLeavesConnectionsOpen(t *testing.T) {
	s := serve(t, func(conn, _ int) string {
		if conn == 2 {
			return okHead + "Connection: close\r\nContent-Length: 0\r\n\r\n"
		}
		return hello
	})
	begin := time.Now()
	h, err := Hold(context.Background(), s.addr, []byte(getRequest), 5)
	if err != nil {
		t.Fatal(err)
	}
	for h.Open() != 4 { // the close may arrive a little after the answer
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("%d open, want 4 of 5", h.Open())
		}
		runtime.Gosched()
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestHoldFailsOnTheFirstBadAnswer(t *testing.T) {
	s := serve(t, func(int, int) string { return "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" })
	if _, err := Hold(context.Background(), s.addr, []byte(getRequest), 5); !errors.Is(err, ErrAnswer) {
		t.Errorf("error %v", err)
	}
}

func TestFetchReturnsTheBody(t *testing.T) {
	s := serve(t, func(int, int) string { return hello })
	a, err := Fetch(context.Background(), s.addr, []byte(getRequest))
	if err != nil || a.Status != 200 || string(a.Bytes) != "hello" {
		t.Errorf("%+v, %v", a, err)
	}
	s = serve(t, func(int, int) string { return "" })
	if _, err := Fetch(context.Background(), s.addr, []byte(getRequest)); !errors.Is(err, ErrAnswer) {
		t.Errorf("closed: %v", err)
	}
}
