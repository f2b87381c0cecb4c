package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestRequestsThatCannotBeServedAreAnsweredAndReported(t *testing.T) {
	many := strings.Repeat("A: b\r\n", 101)
	tests := []struct {
		name, request string
		status        int
	}{
		{"no HTTP", "\x16\x03\x01 hello", 400},
		{"bare LF", "GET / HTTP/1.1\nHost: x\n\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
		{"length and coding", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"encoded newline", get("/index.php%0a/x"), 400},
		{"encoded NUL", get("/up/img.jpg%00.php"), 400},
		{"trace", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		{"connect", "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", 405},
		{"long line", get("/" + strings.Repeat("a", 9000)), 414},
		{"long field", "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 17000) + "\r\n\r\n", 431},
		{"many fields", "GET / HTTP/1.1\r\nHost: x\r\n" + many + "\r\n", 431},
		{"version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
		{"expectation", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n", 417},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, config(), func(x *exchange.Exchange) { t.Error("the handler was called"); respond(x, 200, "") })
			c := r.dial(t)
			go c.Write([]byte(tt.request)) // ends when all is written or c closed
			a := c.answer("GET")
			if a.StatusCode != tt.status || !a.Close {
				t.Errorf("got %d, close %v; want %d", a.StatusCode, a.Close, tt.status)
			}
			c.wantEnd()
			harness.Eventually(t, "it is reported", func() bool { return len(r.refusals()) == 1 })
			if got := r.refusals(); got[0].status != tt.status || got[0].reason == "" {
				t.Errorf("events: %v", got)
			}
		})
	}
}

func TestARefusalComesBehindTheAnswersBeforeIt(t *testing.T) {
	c := start(t, config(), echo).dial(t)
	c.send(get("/1") + get("/2") + "BAD\r\n\r\n" + get("/3"))
	c.want(200, "/1")
	c.want(200, "/2")
	if a := c.answer("GET"); a.StatusCode != 400 {
		t.Errorf("status %d", a.StatusCode)
	}
	c.wantEnd()
}

func TestTheAnswerArrivesAlthoughTheClientIsStillSending(t *testing.T) {
	c := start(t, config(), func(x *exchange.Exchange) { respond(x, 413, "too large") }).dial(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
	part := make([]byte, 10_000)
	for range 50 { // a client that reads only when it has sent everything
		if _, err := c.Write(part); err != nil {
			t.Fatalf("the server does not take the rest of the body: %v", err)
		}
	}
	if a := c.want(413, "too large"); !a.Close {
		t.Error("the response does not say close")
	}
	c.wantEnd()
}

func TestContinueIsSentWhenTheBodyIsRead(t *testing.T) {
	c := start(t, config(), echo).dial(t)
	c.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	line, err := c.br.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	_, _ = c.br.ReadString('\n')
	c.send("body")
	c.want(200, "/up:body")
	c.send(get("/next"))
	c.want(200, "/next")
}

func TestContinueIsNotSentForABodyThatNobodyReads(t *testing.T) {
	c := start(t, config(), func(x *exchange.Exchange) { respond(x, 413, "no") }).dial(t)
	c.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if a := c.want(413, "no"); !a.Close {
		t.Error("the response does not say close, so the client may send the body")
	}
}

func TestContinueIsNotSentForABodyThatIsHere(t *testing.T) {
	c := start(t, config(), echo).dial(t)
	c.send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody")
	c.want(200, "/up:body")
}

func TestABrokenBodyIsAnErrorOfTheRead(t *testing.T) {
	tests := []struct {
		name, request string
		end           bool // the client closes its side behind the request
		want          error
	}{
		{"bad chunk size", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false, exchange.ErrBadBody},
		{"huge chunk size", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", false, exchange.ErrBadBody},
		{"length cut short", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", true, exchange.ErrClientGone},
		{"chunks cut short", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", true, exchange.ErrClientGone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan error, 1)
			c := start(t, config(), func(x *exchange.Exchange) {
				_, err := io.ReadAll(x.Request.Body)
				got <- err
				respond(x, 400, "")
			}).dial(t)
			c.send(tt.request)
			if tt.end {
				_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
			}
			if err := <-got; !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if a := c.want(400, ""); !a.Close {
				t.Error("the response does not say close")
			}
			c.wantEnd()
		})
	}
}

func TestAPanicCostsItsRequestOnly(t *testing.T) {
	r := start(t, config(), func(x *exchange.Exchange) {
		switch string(x.Request.Path) {
		case "/early":
			x.Response.Header.AddString("X-Half", "made")
			x.Sink = nil // whatever the handler did to the exchange
			panic("early")
		case "/late":
			_ = x.Sink.Start(&x.Response)
			_ = x.Sink.Write([]byte("part"), false)
			panic("late")
		}
		echo(x)
	})
	c := r.dial(t)
	c.send(get("/early") + get("/next"))
	if a := c.want(500, "internal error\n"); a.Header.Get("X-Half") != "" {
		t.Error("the 500 has a field of the response that was given up")
	}
	c.want(200, "/next")
	c = r.dial(t)
	c.send(get("/late"))
	if a := c.answer("GET"); !errors.Is(a.err, io.ErrUnexpectedEOF) || a.body != "part" {
		t.Errorf("got %q, %v; want a cut behind the part", a.body, a.err)
	}
	for _, want := range []string{"early", "late"} {
		if v := <-r.panics; v != want {
			t.Errorf("event %v, want %v", v, want)
		}
	}
}

func TestAClientMayCloseItsSideBehindTheRequest(t *testing.T) {
	c := start(t, config(), echo).dial(t)
	c.send(get("/1") + get("/2"))
	_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	c.want(200, "/1")
	c.want(200, "/2")
	c.wantEnd()
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 1 MiB
	c := start(t, config(), func(x *exchange.Exchange) {
		host := string(x.Request.Host)
		got, err := io.ReadAll(x.Request.Body)
		same := bytes.Equal(got, body) && host == string(x.Request.Host) && x.Trace.BodyIn == int64(len(body))
		respond(x, 200, fmt.Sprint(same, err))
	}).dial(t)
	c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	c.want(200, "true <nil>")
	c.send(chunked("/", string(body[:7]), string(body[7:100_000]), string(body[100_000:])))
	c.want(200, "true <nil>")
}
