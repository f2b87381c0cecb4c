package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// A handler may go on without its client; not so when it is the server that ends.
func TestWhoeverIsCutOffIsToldSo(t *testing.T) {
	entered, seen := make(chan struct{}), make(chan error, 1)
	r := start(t, config(), func(x *exchange.Exchange) {
		defer x.Sink.Abort()
		close(entered)
		for end := time.Now().Add(5 * time.Second); x.Cause() == nil && time.Now().Before(end); {
			_ = x.Sink.ClientGone() // asked now and then, as by everything that waits
			time.Sleep(time.Millisecond)
		}
		seen <- x.Cause()
	})
	c := r.dial(t)
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	c.Close() // its leaving alone does not cancel
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-seen; !errors.Is(err, exchange.ErrCutOff) || !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("the handler got %v", err)
	}
}
