package upstream

import (
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
)

// Call is the storage of one request on its way through a backend, for another
// when it is over. The zero value is ready; it is not to be copied.
type Call struct{ call }

// call turns the records of a FastCGI reply into a response (fcgi.Handler).
type call struct {
	b   *Backend
	x   *exchange.Exchange
	in  *Input
	out Reply

	safe     bool      // running it twice does no harm
	deadline int64     // sweeper time; 0: none
	began    int64     // sweeper time
	resets   int       // attempts on new connections that were reset
	sent     time.Time // the attempt has its connection
	last     time.Time // something of the reply came; what follows without a pause came with it
	paused   bool      // since last
	watch    watch     // for the time before a connection watches the client

	req    fcgi.Request
	head   cgi.HeadParser
	inBody bool  // the head is complete
	got    bool  // the first reply byte has come
	left   int64 // of a declared body; -1: not declared
	excess bool  // more came than was declared

	fresh   atomic.Pointer[server] // the server of a new connection on which no reply byte came yet, else nil; read by Tick
	freshAt atomic.Int64           // sweeper time when its request was sent
}

func (c *call) begin(b *Backend, x *exchange.Exchange, in *Input, out Reply) {
	c.b, c.x, c.in, c.out = b, x, in, out
	c.head.MaxBytes = b.cfg.MaxResponseHeader
	c.watch.c = c
	c.safe = x.Request.Idempotent()
	c.began, c.resets = c.b.sweeper.Now(), 0
	c.deadline = c.b.sweeper.After(c.b.cfg.RequestTimeout)
	c.req = fcgi.Request{}
}

func (c *call) end() {
	c.b, c.x, c.in, c.out = nil, nil, nil, nil
	c.req = fcgi.Request{}
}

// prepare sets up one attempt.
func (c *call) prepare(keep bool) error {
	c.x.Response.Reset()
	c.head.Reset()
	c.inBody, c.excess, c.paused = false, false, false
	c.got = false
	c.left = -1
	c.req = fcgi.Request{KeepConn: keep, Params: c.in.Params, Stdin: c.in.Body}
	if c.in.OpenBody == nil {
		return nil
	}
	r, err := c.in.OpenBody()
	if err != nil {
		return err
	}
	c.req.StdinReader, c.req.StdinLen = r, c.in.BodyLen
	return nil
}

// Stdout implements fcgi.Handler.
func (c *call) Stdout(p []byte) error {
	c.heard()
	for !c.inBody {
		rest, done, err := c.head.Feed(p, &c.x.Response)
		if err != nil {
			return &ReplyError{What: err.Error(), Err: err}
		}
		if !done {
			return nil
		}
		if err := c.headDone(); err != nil {
			return err
		}
		p = rest
	}
	if len(p) == 0 {
		return nil
	}
	return c.out.Body(c.declared(p))
}

// heard notes the first bytes of a reply.
func (c *call) heard() {
	if c.got {
		return
	}
	c.got = true
	if c.fresh.Load() != nil {
		c.fresh.Store(nil)
	}
	c.last = time.Now()
	c.x.Trace.FirstByte = c.last.Sub(c.sent)
}

// headDone passes on a head: an interim one, after which another follows, or
// the final one.
func (c *call) headDone() error {
	r := &c.x.Response
	if c.head.Interim() {
		var err error
		if r.Status != 100 { // the gateway's to say, and said already
			err = c.out.Interim(r.Status, &r.Header)
		}
		r.Reset()
		return err
	}
	c.inBody = true
	if r.ContentLength >= 0 && !c.x.Request.IsHead() && !exchange.NoBodyStatus(r.Status) {
		c.left = r.ContentLength
	}
	return c.out.Head()
}

// declared cuts p where the body ends by its own declaration. What is beyond
// cannot be sent, and a connection on which it came is not to be trusted.
func (c *call) declared(p []byte) []byte {
	if c.left < 0 {
		return p
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
		c.excess = true
	}
	c.left -= int64(len(p))
	return p
}

// complete checks a reply that ended well as records go.
func (c *call) complete() error {
	switch {
	case !c.inBody && c.head.Len() == 0:
		return &ReplyError{What: "it is empty (no header on its standard output)"}
	case !c.inBody:
		return &ReplyError{What: "it ends within its header"}
	case c.left > 0:
		return &ReplyError{What: "its body is shorter than its Content-Length"}
	}
	return nil
}

// Stderr implements fcgi.Handler.
func (c *call) Stderr(p []byte) error {
	c.heard()
	c.out.Stderr(p)
	return nil
}

// Pause implements fcgi.Handler.
func (c *call) Pause() error {
	c.paused = true
	if !c.inBody {
		return nil
	}
	return c.out.Pause()
}

// Tick implements fcgi.Handler.
func (c *call) Tick() error {
	if c.deadline != 0 && c.b.sweeper.Now() > c.deadline {
		return ErrRequestTimeout
	}
	if on := c.fresh.Load(); on != nil {
		on.unheard(c.b.sweeper.Now(), c.freshAt.Load())
	}
	return c.out.Tick()
}

// watch looks after a call while it waits for a worker or for a server.
type watch struct {
	c  *call
	by int64 // sweeper time at which the wait in the queue ends; 0: none
}

// Sweep implements sock.Swept.
func (w *watch) Sweep(now int64) {
	err := w.c.Tick()
	if err == nil && w.by != 0 && now > w.by {
		err = pool.ErrQueueTimeout
	}
	if err != nil {
		w.c.x.Cancel(err)
	}
}
