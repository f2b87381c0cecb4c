package http3

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

func TestAClientThatLeavesIsNoticed(t *testing.T) {
	started, noticed := make(chan bool), make(chan error)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		if x.Sink.ClientGone() {
			t.Error("gone at once")
		}
		started <- true
		for end := time.Now().Add(limit); !x.Sink.ClientGone(); {
			if time.Now().After(end) {
				break
			}
			<-time.After(time.Millisecond)
		}
		_ = x.Sink.Start(&x.Response)
		err := x.Sink.Write(make([]byte, 1<<20), true)
		if err == nil {
			err = errors.New("written")
		}
		noticed <- err
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // ends when ctx is cancelled
		res, err := r.client().Do(request(t, "GET", "https://a.test/", nil).WithContext(ctx))
		if err == nil {
			res.Body.Close()
		}
	}()
	<-started
	cancel()
	if err := <-noticed; !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("stream reset: %v", err)
	}
	c := r.dial()
	c.open(get("/"))
	<-started
	c.qc.CloseWithError(0, "")
	if err := <-noticed; !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("connection closed: %v", err)
	}
}

// A client that has everything has not left, whatever the handler still does.
func TestAClientThatHasEverythingIsNotGone(t *testing.T) {
	gone, look := make(chan bool), make(chan bool)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		text(x, 200, "all")
		<-look
		gone <- x.Sink.ClientGone()
	})
	if a := do(t, r.client(), request(t, "GET", "https://a.test/", nil)); a.body != "all" {
		t.Errorf("%q", a.body)
	}
	look <- true
	if <-gone {
		t.Error("gone")
	}
}

func TestABodyThatIsResetIsAnError(t *testing.T) {
	begun, got := make(chan bool), make(chan error)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		begun <- true
		_, err := io.ReadAll(x.Request.Body)
		got <- err
	})
	s := r.dial().open(post("/", "content-length: 10"), data("abc"))
	<-begun // what was not sent when it was reset is not sent at all
	s.CancelWrite(codeRequestRejected)
	if err := <-got; !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("%v", err)
	}
}

func TestSlowPeersTimeOut(t *testing.T) {
	cfg := testConfig()
	cfg.HeaderTimeout, cfg.BodyTimeout, cfg.SendTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	got := make(chan error, 1)
	r := start(t, cfg, Events{}, func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/body" {
			_, err := io.ReadAll(x.Request.Body)
			got <- err
			return
		}
		_ = x.Sink.Start(&x.Response)
		block := make([]byte, 1<<20)
		for {
			if err := x.Sink.Write(block, false); err != nil {
				got <- err
				return
			}
		}
	})
	c := r.dial()
	if got := read(c.open(get("/")[:4])); got.err == nil {
		t.Errorf("half a head: %+v", got)
	}
	c.open(post("/body", "content-length: 10"), data("abc"))
	if err := <-got; !errors.Is(err, exchange.ErrBodyTimeout) {
		t.Errorf("half a body: %v", err)
	}
	s := c.open(get("/send"))
	if err := <-got; !errors.Is(err, exchange.ErrSendTimeout) {
		t.Errorf("a response nobody reads: %v", err)
	}
	if got := read(s); got.err == nil {
		t.Error("the response looks whole")
	}
}

// A client that sends a little now and then is cut although no single wait is
// long.
func TestABodyThatTricklesIsCut(t *testing.T) {
	cfg := testConfig()
	cfg.BodyTimeout, cfg.MinBodyRate = 200*time.Millisecond, 1<<30
	got := make(chan error)
	r := start(t, cfg, Events{}, func(x *exchange.Exchange) {
		_, err := io.ReadAll(x.Request.Body)
		got <- err
	})
	s := r.dial().open(post("/", "content-length: 1000000"))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(limit); ; {
		select {
		case err := <-got:
			if !errors.Is(err, exchange.ErrBodyTimeout) {
				t.Errorf("%v", err)
			}
			return
		case <-tick.C:
			_, _ = s.Write(data("x"))
		case <-end:
			t.Fatal("never cut")
		}
	}
}
