package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func TestAConnectionCarriesManyRequests(t *testing.T) {
	r := start(t, config(), echo)
	c := r.dial(t)
	for i := range 50 {
		path := fmt.Sprintf("/%d", i)
		c.send(get(path))
		a := c.want(200, path)
		if a.Close || a.Header.Get("Server") != "test" || a.Header.Get("Date") == "" {
			t.Fatalf("head of response %d: %v", i, a.Header)
		}
	}
	if n := r.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	big := strings.Repeat("b", 20_000) // beyond the first buffer
	post := fmt.Sprintf("POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(big)) + big
	tests := []struct {
		name     string
		requests []string
		want     []string
	}{
		{"heads only", []string{get("/1"), get("/2"), get("/3")}, []string{"/1", "/2", "/3"}},
		{"small bodies", []string{
			"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", get("/b"),
		}, []string{"/a:hi", "/b"}},
		{"chunked one after the other", []string{chunked("/1", "ab", "c"), chunked("/2", "d"), get("/3")}, []string{"/1:abc", "/2:d", "/3"}},
		{"bodies that are not all here", []string{post, post, get("/z")}, []string{"/post:" + big, "/post:" + big, "/z"}},
		{"both kinds", []string{post, chunked("/c", big), post, get("/z")}, []string{"/post:" + big, "/c:" + big, "/post:" + big, "/z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, config(), echo).dial(t)
			go c.Write([]byte(strings.Join(tt.requests, ""))) // ends when all is written or c closed
			for _, want := range tt.want {
				c.want(200, want)
			}
		})
	}
}

func TestRequestsMayArriveByteByByte(t *testing.T) {
	c := start(t, config(), echo).dial(t)
	all := get("/1") + chunked("/2", "abc", "de") + "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz" + get("/4")
	go func() { // ends when all is written or c closed
		for i := range len(all) {
			if _, err := c.Write([]byte{all[i]}); err != nil {
				return
			}
		}
	}()
	for _, want := range []string{"/1", "/2:abcde", "/3:xyz", "/4"} {
		c.want(200, want)
	}
}

// The first half goes together with a request that is answered before the
// second half is sent, so the server has seen it.
func TestHeadsMayBeSplitAnywhere(t *testing.T) {
	c := start(t, config(), echo).dial(t)
	for _, request := range []string{get("/split"), "POST /split HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", chunked("/split", "body")} {
		want := "/split"
		if request[0] == 'P' {
			want += ":body"
		}
		for i := 1; i < len(request); i++ {
			c.send(get("/before") + request[:i])
			c.want(200, "/before")
			c.send(request[i:])
			c.want(200, want)
		}
	}
}

func TestTheConnectionStaysOpenOrNotAsTheVersionSays(t *testing.T) {
	tests := []struct {
		name, request string
		keep          bool
	}{
		{"1.1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"1.1 close", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", false},
		{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, config(), echo).dial(t)
			c.send(tt.request)
			a := c.want(200, "/")
			if !tt.keep {
				if !a.Close {
					t.Error("the response does not say close")
				}
				c.wantEnd()
				return
			}
			c.send(tt.request)
			c.want(200, "/")
		})
	}
}

func TestAnHTTP10BodyOfUnknownLengthEndsWithTheConnection(t *testing.T) {
	c := start(t, config(), func(x *exchange.Exchange) {
		_ = x.Sink.Start(&x.Response)
		_ = x.Sink.Write([]byte("one "), false)
		_ = x.Sink.Write([]byte("two"), true)
	}).dial(t)
	c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	a := c.want(200, "one two")
	if a.ContentLength != -1 || len(a.TransferEncoding) > 0 || a.Header.Get("Connection") == "keep-alive" {
		t.Errorf("length %d, coding %v, %v", a.ContentLength, a.TransferEncoding, a.Header)
	}
	c.wantEnd()
}

func TestKeepaliveRequestsBoundsAConnection(t *testing.T) {
	cfg := config()
	cfg.KeepaliveRequests = 3
	c := start(t, cfg, echo).dial(t)
	c.send(get("/1") + get("/2") + get("/3") + get("/4"))
	for i := 1; i <= 3; i++ {
		if a := c.want(200, fmt.Sprintf("/%d", i)); a.Close != (i == 3) {
			t.Errorf("response %d: close is %v", i, a.Close)
		}
	}
	c.wantEnd()
}

func TestKeepaliveTimeoutZeroEndsTheConnectionBehindEachRequest(t *testing.T) {
	cfg := config()
	cfg.KeepaliveTimeout = 0
	c := start(t, cfg, echo).dial(t)
	c.send(get("/1"))
	if a := c.want(200, "/1"); !a.Close {
		t.Error("the response does not say close")
	}
	c.wantEnd()
}

func TestConfigureTakesEffectWithTheNextRequest(t *testing.T) {
	r := start(t, config(), echo)
	c := r.dial(t)
	c.send(get("/1"))
	c.want(200, "/1")
	cfg := config()
	cfg.ServerHeader = "changed"
	cfg.Limits.MaxRequestLine = 64
	r.Configure(cfg)
	c.send(get("/2"))
	if a := c.want(200, "/2"); a.Header.Get("Server") != "changed" {
		t.Errorf("Server: %q", a.Header.Get("Server"))
	}
	c.send(get("/" + strings.Repeat("x", 64)))
	if a := c.answer("GET"); a.StatusCode != 414 {
		t.Errorf("status %d, want 414", a.StatusCode)
	}
}

func TestAnUnreadBodyDoesNotBecomeARequest(t *testing.T) {
	c := start(t, config(), func(x *exchange.Exchange) { respond(x, 200, "ok") }).dial(t)
	evil := get("/smuggled")
	c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(evil), evil))
	c.want(200, "ok")
	c.send(get("/"))
	c.want(200, "ok")
	c.send(chunked("/", evil) + get("/never"))
	if a := c.want(200, "ok"); !a.Close {
		t.Error("a chunked body that was not read leaves the connection open")
	}
	c.wantEnd()
}

func TestWhatIsPipelinedWaitsInTheSocket(t *testing.T) {
	const n = 3000
	var r *rig
	ready := make(chan struct{})
	r = start(t, config(), func(x *exchange.Exchange) {
		<-ready
		respond(x, 200, fmt.Sprint(r.LargestBuffer()))
	})
	close(ready)
	c := r.dial(t)
	go func() { // ends when all are read; far more than a buffer
		_, _ = c.Write([]byte(strings.Repeat(get("/"), n)))
	}()
	for range n {
		c.want(200, "8192")
	}
}

func TestTheLastAnswerArrivesAlthoughMoreWasPipelined(t *testing.T) {
	cfg := config()
	cfg.KeepaliveRequests = 1
	sent := make(chan struct{})
	r := start(t, cfg, func(x *exchange.Exchange) {
		<-sent
		echo(x)
	})
	c := r.dial(t)
	c.send(get("/1"))
	c.send(strings.Repeat(get("/2"), 1000)) // more than the buffer takes
	close(sent)
	c.want(200, "/1")
	c.wantEnd() // and no reset
}
