package upstream

import (
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// Call is the storage of one request on its way through a backend, for another
// when it is over. The zero value is ready; it is not to be copied.
type Call struct{ call }

// Shared reports whether the reply comes on a connection that carries other
// requests too, so that a Reply that has no room must fail rather than wait: it
// may be asked by the methods of a Reply, and tells about the present attempt.
func (c *Call) Shared() bool { return c.shared }

// call turns the records of a FastCGI reply into a response (fcgi.Handler).
type call struct {
	b   *Backend
	x   *exchange.Exchange
	in  *Input
	out Reply

	safe     bool      // running it twice does no harm
	deadline int64     // sweeper time; 0: none
	failedAt int64     // sweeper time of the first failure, 0: none
	resets   int       // attempts on new connections that were reset
	hold     bool      // the attempt leaves no doubt whether a worker took it
	greeted  bool      // a worker has accepted the attempt's connection
	renew    bool      // an attempt met a connection that was over: the next wants a new one
	shared   bool      // the attempt's connection carries other requests too
	moved    bool      // an attempt ended because connections are not shared any more
	sent     time.Time // the attempt has its connection
	last     time.Time // something of the reply came; what follows without a pause came with it
	paused   bool      // since last
	watch    watch     // for the time in which no connection watches the client

	req    fcgi.Request
	head   cgi.HeadParser
	inBody bool  // the head is complete
	got    bool  // the first reply byte has come
	left   int64 // of a declared body; -1: not declared
	excess bool  // more came than was declared
	passed bool  // a head went to out, an interim one perhaps
	whole  bool  // the reply is over and left its connection in order
	drop   drop
	http   *httpCall // made for the first request to an HTTP server

	served atomic.Bool // a body of a declared length went to out; read by Tick

	fresh   atomic.Pointer[server] // the server of a new connection on which no reply byte came yet, else nil; read by Tick
	freshAt atomic.Int64           // sweeper time when its request was sent
}

func (c *call) begin(b *Backend, x *exchange.Exchange, in *Input, out Reply) {
	c.b, c.x, c.in, c.out = b, x, in, out
	c.head.MaxBytes = b.cfg.MaxResponseHeader
	c.watch.c = c
	c.safe = x.Request.Idempotent()
	c.failedAt, c.resets, c.greeted, c.renew = 0, 0, false, false
	c.shared, c.moved = false, false
	c.drop.reset()
	c.deadline = c.b.sweeper.After(c.b.cfg.RequestTimeout)
	c.req = fcgi.Request{}
}

func (c *call) end() {
	c.watch.rest()
	if c.http != nil {
		c.http.end()
	}
	c.b, c.x, c.in, c.out = nil, nil, nil, nil
	c.req = fcgi.Request{}
}

// prepare sets up one attempt.
func (c *call) prepare(keep bool) error {
	c.x.Response.Reset()
	c.head.Reset()
	c.inBody, c.excess, c.paused = false, false, false
	c.got, c.passed, c.whole = false, false, false
	c.left = -1
	if c.served.Load() { // a store costs more
		c.served.Store(false)
	}
	if c.in.Params == nil && c.in.Encode != nil {
		c.in.Params = c.in.Encode()
	}
	c.req = fcgi.Request{
		Hold: c.hold, Role: c.in.Role, KeepConn: keep, Params: c.in.Params, Stdin: c.in.Body,
		DataFrom: c.in.Data, DataLen: c.in.DataLen,
	}
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
	if c.drop.why != nil {
		return c.drop.take(len(p))
	}
	for !c.inBody {
		rest, done, err := c.head.Feed(p, &c.x.Response)
		if err != nil {
			return &ReplyError{What: err.Error(), Err: err}
		}
		if !done {
			return nil
		}
		if err := c.heed(c.headDone()); err != nil {
			return err
		}
		p = rest
		if c.drop.why != nil {
			return c.drop.take(len(p))
		}
	}
	if len(p) == 0 {
		return nil
	}
	return c.body(p)
}

// body passes on a piece of the body.
func (c *call) body(p []byte) error {
	if err := c.heed(c.out.Body(c.declared(p))); err != nil {
		return err
	}
	c.all()
	return nil
}

// all notes that the client has been given all it was told of: what the
// application does from now on does not depend on it any more.
func (c *call) all() {
	if c.left == 0 && !c.served.Load() {
		c.served.Store(true)
	}
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
			c.passed = true
			err = c.out.Interim(r.Status, &r.Header)
		}
		r.Reset()
		return err
	}
	return c.final()
}

// final passes on the head of the final response.
func (c *call) final() error {
	r := &c.x.Response
	c.inBody = true
	if r.ContentLength >= 0 && !c.x.Request.IsHead() && !exchange.NoBodyStatus(r.Status) {
		c.left = r.ContentLength
	}
	if err := c.declines(r.Status); err != nil {
		return err
	}
	c.passed = true
	err := c.out.Head()
	c.all()
	return err
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
	if !c.inBody || c.drop.why != nil {
		return nil
	}
	return c.heed(c.out.Pause())
}

// Tick implements fcgi.Handler.
func (c *call) Tick() error {
	now := c.b.sweeper.Now()
	switch {
	case c.deadline != 0 && now > c.deadline:
		return ErrRequestTimeout
	case c.drop.late(now):
		return errDropped
	}
	if on := c.fresh.Load(); on != nil {
		on.unheard(now, c.freshAt.Load())
	}
	if err := c.out.Tick(); err != nil && !c.outlasts(err) {
		return err
	}
	return nil
}

// unheardBy says that s has been sent something on a new connection, and no
// worker has answered yet.
func (c *call) unheardBy(s *server) {
	c.freshAt.Store(c.b.sweeper.Now())
	c.fresh.Store(s)
}
