package http2_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http2"
)

// enough is more of anything than a client may send without use.
const enough = 20_000

func TestFloodsEndTheConnection(t *testing.T) {
	rows := map[string]func(c *client, i int){
		"ping":          func(c *client, _ int) { c.ok(c.fr.WritePing(false, [8]byte{})) },
		"ping acks":     func(c *client, _ int) { c.ok(c.fr.WritePing(true, [8]byte{})) },
		"settings":      func(c *client, _ int) { c.ok(c.fr.WriteSettings()) },
		"settings acks": func(c *client, _ int) { c.ok(c.fr.WriteSettingsAck()) },
		"priority":      func(c *client, i int) { c.ok(c.fr.WritePriority(uint32(2*i+1), xhttp2.PriorityParam{})) },
		"window":        func(c *client, _ int) { c.ok(c.fr.WriteWindowUpdate(0, 1)) },
		"unknown":       func(c *client, _ int) { c.ok(c.fr.WriteRawFrame(0xfe, 0, 0, nil)) },
		"empty data":    func(c *client, _ int) { c.data(1, false, nil) },
		"padding only": func(c *client, _ int) {
			c.ok(c.fr.WriteDataPadded(1, false, nil, make([]byte, 1)))
		},
		"late window": func(c *client, _ int) { c.ok(c.fr.WriteWindowUpdate(1, 1)) },
		"rapid reset": func(c *client, i int) {
			c.get(uint32(2*i+3), "/")
			c.ok(c.fr.WriteRSTStream(uint32(2*i+3), xhttp2.ErrCodeCancel))
		},
		"made reset by a window": func(c *client, i int) { // CVE-2025-8671
			c.get(uint32(2*i+3), "/")
			c.ok(c.fr.WriteWindowUpdate(uint32(2*i+3), 0))
		},
		"made reset by data": func(c *client, i int) {
			c.get(uint32(2*i+3), "/")
			c.data(uint32(2*i+3), false, []byte("x"))
		},
		"heads on a stream that was reset": func(c *client, _ int) {
			c.headers(3, true, ":method", "GET")
		},
		"malformed heads": func(c *client, i int) {
			c.headers(uint32(2*i+3), true, ":method", "GET")
		},
		"too many streams": func(c *client, i int) {
			c.headers(uint32(2*i+3), false, request("POST", "/")...)
		},
	}
	for name, send := range rows {
		t.Run(name, func(t *testing.T) {
			var running, most atomic.Int64
			h := exchange.HandlerFunc(func(x *exchange.Exchange) {
				n := running.Add(1)
				defer running.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				<-x.Context().Done() // as a script that takes its time
			})
			r := start(t, http2.Config{MaxStreams: 20}, h, nil)
			c := connect(t, r)
			c.headers(1, false, request("POST", "/")...)
			go func() { // ends when the server has closed, or all is sent
				for i := 0; i < enough && c.err == nil; i++ {
					send(c, i)
				}
			}()
			reader := newClient(t, c.nc)
			reader.quiet = true
			reader.finish()
			if n := len(reader.goAway); n == 0 || reader.goAway[n-1].code != xhttp2.ErrCodeEnhanceYourCalm {
				t.Errorf("%v, %v", reader.goAway, reader.err)
			}
			if most.Load() > 40 {
				t.Errorf("%d handlers at once", most.Load())
			}
		})
	}
}

func TestContinuationFloodsEndTheConnection(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "tiny": 1, "large": 16384} {
		t.Run(name, func(t *testing.T) {
			r := start(t, http2.Config{}, exchange.HandlerFunc(small), nil)
			c := connect(t, r)
			c.ok(c.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}}))
			part := []byte(strings.Repeat("\x82", size))
			go func() { // ends when the server has closed
				for i := 0; i < enough && c.err == nil; i++ {
					c.ok(c.fr.WriteContinuation(1, false, part))
				}
			}()
			reader := newClient(t, c.nc)
			reader.finish()
			if n := len(reader.goAway); n == 0 || reader.goAway[0].code != xhttp2.ErrCodeEnhanceYourCalm {
				t.Errorf("%v, %v", reader.goAway, reader.err)
			}
		})
	}
}

func TestAHeaderBombIsRefusedAndTheConnectionLives(t *testing.T) {
	r := start(t, http2.Config{Limits: headLimits}, exchange.HandlerFunc(describe), nil)
	c := connect(t, r)
	// One large field in the table, then a byte for each time it is used.
	c.headers(1, true, request("GET", "/", "x-bomb", strings.Repeat("b", 250))...)
	c.ended(1)
	block := c.block(request("GET", "/")...)
	block = append(block, strings.Repeat("\xbe", 2000)...) // the newest entry
	c.ok(c.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 3, BlockFragment: block, EndStream: true, EndHeaders: true}))
	if a := c.ended(3); a.get(":status") != "431" {
		t.Errorf("%+v", a)
	}
	c.get(5, "/")
	if a := c.ended(5); a.get(":status") != "200" {
		t.Errorf("%+v", a)
	}
}

func TestAnswersThatAreNotReadAreBounded(t *testing.T) {
	r := start(t, http2.Config{SendTimeout: time.Minute}, exchange.HandlerFunc(small), nil)
	c := connect(t, r, window(1<<30))
	c.ok(c.fr.WriteWindowUpdate(0, 1<<30))
	for i := range 2_000_000 { // requests and their answers earn budget for pings
		if c.err != nil {
			return
		}
		c.get(uint32(2*i+1), "/")
		c.ok(c.fr.WritePing(false, [8]byte{}))
	}
	t.Error("the server takes everything and is not read")
}

func TestHonestCancellationsAreNotAFlood(t *testing.T) {
	h := exchange.HandlerFunc(func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/slow" {
			<-x.Context().Done()
			x.Sink.Abort()
			return
		}
		small(x)
	})
	r := start(t, http2.Config{}, h, nil)
	c := connect(t, r)
	id := uint32(1)
	for range 20 { // a page left, and the next one
		first := id
		for range 20 {
			c.get(id, "/slow")
			id += 2
		}
		for ; first < id; first += 2 {
			c.ok(c.fr.WriteRSTStream(first, xhttp2.ErrCodeCancel))
		}
		for range 20 {
			c.get(id, "/")
			if a := c.ended(id); !a.ended {
				t.Fatalf("%+v %v", a, c.goAway)
			}
			id += 2
		}
	}
}
