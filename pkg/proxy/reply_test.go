package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestASmallReplyIsOneWrite(t *testing.T) {
	for reply, want := range map[string][]string{
		hello:                                    {"start", "try 5 true"},
		"A: b\r\n\r\n":                           {"start", "try 0 true"},
		"Status: 304\r\n\r\n":                    {"start", "try 0 true"},
		"Content-Length: 2\r\n\r\nab":            {"start", "try 2 true"},
		"A: b\r\n\r\n" + string(pattern(16<<10)): {"start", "try 16384 true"},
	} {
		_, addr := app(t, says(reply))
		c := newBench(t, addr).get()
		if !slices.Equal(c.calls, want) {
			t.Errorf("%.20q: %v", reply, c.calls)
		}
	}
}

func TestWhatASlowClientLeavesOfASmallReplyIsWrittenByWaiting(t *testing.T) {
	for takes, want := range map[int][]string{
		0: {"start", "try 5 true", "write 5 true"},
		3: {"start", "try 5 true", "write 2 true"},
		5: {"start", "try 5 true"},
	} {
		_, addr := app(t, says(hello))
		b := newBench(t, addr)
		x, c := b.exchange("GET", nil)
		c.takes = takes
		if err := b.serve(x); err != nil || !c.ended || c.body.String() != "hello" || !slices.Equal(c.calls, want) {
			t.Errorf("takes %d: %v, %q, %v", takes, err, c.body.String(), c.calls)
		}
	}
}

func TestALargeReplyIsPassedOnAsItComes(t *testing.T) {
	data := pattern(300 << 10)
	_, addr := app(t, says("A: b\r\n\r\n"+string(data)))
	c := newBench(t, addr).get()
	if !bytes.Equal(c.body.Bytes(), data) {
		t.Errorf("%d bytes arrived", c.body.Len())
	}
	if last := c.calls[len(c.calls)-1]; last != "write 0 true" {
		t.Errorf("the end came as %q", last)
	}
}

func TestAStreamIsPassedOnAtEachPause(t *testing.T) {
	next := make(chan struct{})
	_, addr := app(t, func(w *fcgitest.Response, _ *fcgitest.Request) {
		_, _ = w.WriteString("A: b\r\n\r\none")
		_ = w.Flush()
		<-next // the client has "one" now
		_, _ = w.WriteString("two")
		_ = w.Flush()
		<-next
	})
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	done := b.start(x)
	for _, want := range []string{"try 3 false", "try 3 false"} {
		n := len(c.got())
		harness.Eventually(t, "a piece at the client", func() bool { return len(c.got()) > n || slices.Contains(c.got(), want) })
		next <- struct{}{}
	}
	if err := await(t, done); err != nil {
		t.Fatal(err)
	}
	if want := []string{"start", "try 3 false", "try 3 false", "write 0 true"}; !slices.Equal(c.calls, want) {
		t.Errorf("%v", c.calls)
	}
}

func TestTheWorkerIsReleasedBeforeASlowClientHasRead(t *testing.T) {
	for _, c := range []struct{ size, takes int }{
		{100 << 10, 0},    // in memory and on disk
		{40 << 10, 17},    // in memory
		{900 << 10, 5000}, // mostly on disk
	} {
		data := pattern(c.size)
		_, addr := app(t, func(w *fcgitest.Response, r *fcgitest.Request) {
			if r.Params["CONTENT_LENGTH"] == "0" {
				_, _ = w.WriteString("A: b\r\n\r\n")
				_, _ = w.Write(data)
				return
			}
			_, _ = w.WriteString(hello)
		})
		b := newBench(t, addr)
		x, slow := b.exchange("GET", nil)
		slow.takes, slow.reads = c.takes, make(chan struct{})
		done := b.start(x)
		// The only worker answers another request while the first client waits.
		harness.Eventually(t, "the first reply is being queued", func() bool { return b.store.Stats().Memory > 0 })
		other, quick := b.exchange("POST", inMemory("x"))
		if err := b.serve(other); err != nil || quick.body.String() != "hello" {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("done before the client has read: %v", err)
		default:
		}
		close(slow.reads)
		if err := await(t, done); err != nil || !slow.ended || !bytes.Equal(slow.body.Bytes(), data) {
			t.Errorf("%+v: %v, %d bytes, ended %v", c, err, slow.body.Len(), slow.ended)
		}
	}
}

func TestAReplyBeyondEveryBoundWaitsForTheClient(t *testing.T) {
	for _, temp := range []int64{0, 128 << 10} {
		t.Run(fmt.Sprint(temp), func(t *testing.T) {
			data := pattern(4 << 20)
			_, addr := app(t, says("A: b\r\n\r\n"+string(data)))
			b := newBench(t, addr)
			b.cfg.ResponseTemp = temp
			x, slow := b.exchange("GET", nil)
			slow.takes, slow.reads = 0, make(chan struct{})
			done := b.start(x)
			most := int64(0)
			for {
				st := b.store.Stats()
				most = max(most, st.Disk)
				select {
				case slow.reads <- struct{}{}:
					continue
				case err := <-done:
					if err != nil || !slow.ended || !bytes.Equal(slow.body.Bytes(), data) {
						t.Errorf("%v, %d bytes", err, slow.body.Len())
					}
				}
				break
			}
			allowed := temp
			if temp > 0 { // read bytes are given back in steps
				allowed += b.cfg.ResponseBuffer + 1<<20
			}
			if most > allowed {
				t.Errorf("%d bytes on disk, %d allowed", most, allowed)
			}
		})
	}
}

func TestAClientThatFailsWhileQueuedCancelsTheBackend(t *testing.T) {
	aborted := make(chan struct{})
	_, addr := app(t, func(w *fcgitest.Response, r *fcgitest.Request) {
		_, _ = w.WriteString("A: b\r\n\r\n")
		_, _ = w.Write(pattern(100 << 10))
		_ = w.Flush()
		<-r.Aborted
		close(aborted)
	})
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	c.takes, c.failErr = 10, exchange.ErrSendTimeout
	if err := b.serve(x); !errors.Is(err, exchange.ErrSendTimeout) || !c.aborted || c.ended {
		t.Errorf("%v, aborted %v, ended %v", err, c.aborted, c.ended)
	}
	await(t, aborted)
}

func TestAClientThatFailsWhileWrittenToEndsTheRequest(t *testing.T) {
	_, addr := app(t, says("A: b\r\n\r\n"+string(pattern(100<<10))))
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	c.tryErr = exchange.ErrClientGone
	if err := b.serve(x); err != exchange.ErrClientGone || proxy.Status(err) != 499 {
		t.Errorf("%v", err)
	}
	b.get() // the worker is free
}

func TestAClientThatLeavesEndsTheRequest(t *testing.T) {
	entered, aborted := make(chan struct{}), make(chan struct{})
	_, addr := app(t, func(_ *fcgitest.Response, r *fcgitest.Request) {
		close(entered)
		<-r.Aborted
		close(aborted)
	})
	b := newBench(t, addr)
	x, c := b.exchange("GET", nil)
	done := b.start(x)
	await(t, entered)
	c.gone.Store(true)
	if err := await(t, done); err != exchange.ErrClientGone {
		t.Errorf("%v", err)
	}
	await(t, aborted)
}

func TestATruncatedReplyAborts(t *testing.T) {
	for _, c := range []struct {
		name    string
		head    string
		body    int
		ends    bool // by END_REQUEST, short of the declared length
		takes   int
		started bool
		atLeast int
	}{
		{"within the head", "A: b\r\n", 0, false, -1, false, 0},
		{"a small one", "A: b\r\n\r\n", 100, false, -1, true, 100},
		{"a large one", "A: b\r\n\r\n", 100 << 10, false, -1, true, 16 << 10},
		{"while it is queued", "A: b\r\n\r\n", 100 << 10, false, 10, true, 16 << 10},
		{"shorter than declared", "Content-Length: 200000\r\n\r\n", 100 << 10, true, -1, true, 100 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := app(t, func(w *fcgitest.Response, _ *fcgitest.Request) {
				_, _ = w.WriteString(c.head)
				_, _ = w.Write(pattern(c.body))
				if !c.ends {
					_ = w.Flush()
					w.Close()
				}
			})
			b := newBench(t, addr)
			x, client := b.exchange("GET", nil)
			client.takes = c.takes
			err := b.serve(x)
			var bad *upstream.ReplyError
			if !errors.Is(err, fcgi.ErrTruncated) && !errors.As(err, &bad) {
				t.Errorf("%v", err)
			}
			if client.aborted != c.started || client.ended || client.started != c.started {
				t.Errorf("aborted %v, ended %v, started %v", client.aborted, client.ended, client.started)
			}
			if client.body.Len() < c.atLeast {
				t.Errorf("%d bytes came before the end", client.body.Len())
			}
		})
	}
}

func TestErrorsOfTheApplicationMayBeIntercepted(t *testing.T) {
	for _, c := range []struct {
		status    int
		intercept bool
		want      bool
	}{{404, true, true}, {400, true, true}, {503, true, true}, {399, true, false}, {302, true, false}, {404, false, false}} {
		_, addr := app(t, says(fmt.Sprintf("Status: %d\r\n\r\nits page", c.status)))
		b := newBench(t, addr)
		b.cfg.Intercept = c.intercept
		x, client := b.exchange("GET", nil)
		err := b.serve(x)
		var se *proxy.StatusError
		if errors.As(err, &se) != c.want || (err == nil) == c.want {
			t.Errorf("%+v: %v", c, err)
		}
		if c.want && (proxy.Status(err) != c.status || len(client.calls) != 0) {
			t.Errorf("%+v: status %d, sink %v", c, proxy.Status(err), client.calls)
		}
		if !c.want && (client.status != c.status || client.body.String() != "its page") {
			t.Errorf("%+v: %d %q", c, client.status, client.body.String())
		}
	}
}

func TestInterimResponsesReachTheClientFirst(t *testing.T) {
	_, addr := app(t, says("Status: 103\r\nLink: </a>\r\n\r\n"+hello))
	c := newBench(t, addr).get()
	if !slices.Equal(c.calls, []string{"interim 103", "start", "try 5 true"}) {
		t.Errorf("%v", c.calls)
	}
}

func TestRequestsOfOneProxyDoNotMix(t *testing.T) {
	_, addr := app(t, func(w *fcgitest.Response, r *fcgitest.Request) {
		_, _ = w.WriteString("A: b\r\n\r\n")
		_, _ = w.Write(r.Stdin)
	})
	b := newBench(t, addr)
	var all []<-chan error
	var clients []*client
	for i := range 8 {
		x, c := b.exchange("POST", &upload{r: bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 20_000*i))})
		if i%2 == 0 {
			c.takes = 100
		}
		all, clients = append(all, b.start(x)), append(clients, c)
	}
	for i, done := range all {
		if err := await(t, done); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(clients[i].body.Bytes(), bytes.Repeat([]byte{byte(i)}, 20_000*i)) {
			t.Errorf("request %d got %d bytes", i, clients[i].body.Len())
		}
	}
}
