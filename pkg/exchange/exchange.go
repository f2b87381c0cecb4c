package exchange

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Exchange is one request and its response. Listeners get one with New (or keep
// one) and call Reset before each request.
type Exchange struct {
	Request  Request
	Response Response
	Sink     Sink
	Trace    Trace

	// Kept is storage that the handler leaves for the next request, which may be
	// of another client: nothing of this one's may stay reachable from it.
	Kept any

	arena  arena
	cancel *canceler
}

// New returns an empty Exchange.
func New() *Exchange { return &Exchange{cancel: &canceler{}} }

// Reset prepares x for the next request and keeps its storage.
func (x *Exchange) Reset() {
	h := x.Request.Header
	h.Reset()
	x.Request = Request{Header: h, Body: NoBody{}, Conn: x.Request.Conn}
	x.Response.Reset()
	x.Trace.reset()
	x.arena.reset()
	if x.cancel.Err() != nil {
		// A used one is never cleared: contexts derived from it may still look.
		x.cancel = &canceler{}
	}
}

// Alloc returns n bytes that live as long as the exchange. Their content is
// undefined.
func (x *Exchange) Alloc(n int) []byte { return x.arena.alloc(n) }

// Copy returns a copy of b that lives as long as the exchange.
func (x *Exchange) Copy(b []byte) []byte {
	c := x.arena.alloc(len(b))
	copy(c, b)
	return c
}

// CopyString is Copy for a string.
func (x *Exchange) CopyString(s string) []byte {
	c := x.arena.alloc(len(s))
	copy(c, s)
	return c
}

// Context returns a context that ends when the exchange is cancelled: the
// client left or the gateway gave the request up.
func (x *Exchange) Context() context.Context { return x.cancel }

// Cancel ends the exchange's context with the given cause. It may be called
// from any goroutine while the exchange is being served; only the first call
// counts.
func (x *Exchange) Cancel(cause error) { x.cancel.cancel(cause) }

// Cause returns why the exchange was cancelled, or nil.
func (x *Exchange) Cause() error { return x.cancel.Err() }

// canceler is a context.Context whose channel is made once and kept from
// request to request until a cancel uses it up.
type canceler struct {
	mu   sync.Mutex                    // held to make or close the channel
	made atomic.Pointer[chan struct{}] // made on first use; closed by cancel
	err  atomic.Pointer[error]
}

func (c *canceler) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *canceler) Value(any) any               { return nil }

func (c *canceler) Done() <-chan struct{} {
	if d := c.made.Load(); d != nil {
		return *d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.made.Load(); d != nil {
		return *d
	}
	done := make(chan struct{})
	if c.err.Load() != nil {
		close(done)
	}
	c.made.Store(&done)
	return done
}

func (c *canceler) Err() error {
	if p := c.err.Load(); p != nil {
		return *p
	}
	return nil
}

func (c *canceler) cancel(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err.Load() != nil {
		return
	}
	c.err.Store(&cause)
	if d := c.made.Load(); d != nil {
		close(*d)
	}
}
