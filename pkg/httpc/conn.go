package httpc

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// Config is what a Conn may be told. The zero value works, without timeouts.
type Config struct {
	// Sweeper watches the timeouts and calls Handler.Tick. Without one there
	// are neither.
	Sweeper *sock.Sweeper
	// ReadTimeout bounds the wait for the next bytes of a reply, counted from
	// the last ones or from the end of the request. 0: none.
	ReadTimeout time.Duration
	// SendTimeout bounds how long the server may take for one piece of the
	// request. 0: none.
	SendTimeout time.Duration
	// Buffers is best shared by all connections; a Conn makes its own if nil.
	Buffers *Buffers
}

// Conn is a connection to a server that carries one request at a time. Do,
// Alive, Reusable and Hijack belong to whoever holds the connection, one
// goroutine at a time; Close may be called by anyone.
type Conn struct {
	nc  net.Conn
	rc  syscall.RawConn // nil: ordinary path
	cfg Config

	// Owned by the goroutine in Do.
	readFn   func(uintptr) bool // c.readStep, stored once: a method value allocates
	req      *Request
	reply    *Reply
	buf      *buffer // holds what was read last; nil while waiting
	n        int     // of the last read
	readErr  error
	sending  bool // the first write is still to be made
	sent     bool // it sent something
	writeErr error
	wdone    chan error // the writer goroutine reports here, once; nil: there is none
	kept     bool       // another request was here before
	usable   bool       // may carry another request
	rest     []byte     // what came behind a 101

	grace time.Duration // lastWriteGrace but in tests

	out writing // owned by the writer goroutine while there is one

	watch  sock.Watch
	closed atomic.Bool
	once   sync.Once
}

// NewConn takes over nc, on which nothing may have been sent. TCP and unix
// sockets get the fast path; for anything else (TLS, net.Pipe) every request
// costs a goroutine, and a kept connection is not looked at. Close or Hijack
// must be called.
func NewConn(nc net.Conn, cfg Config) *Conn {
	if cfg.Buffers == nil {
		cfg.Buffers = new(Buffers)
	}
	c := &Conn{nc: nc, rc: sock.Raw(nc), cfg: cfg, usable: true, grace: lastWriteGrace}
	c.readFn = c.readStep
	c.watch.Init(nc, nil, sock.WatchLimits{ // nil: read looks before every wait
		Sweeper: cfg.Sweeper, Read: cfg.ReadTimeout, ReadLate: ErrReadTimeout,
		Write: cfg.SendTimeout, WriteLate: ErrSendTimeout,
	})
	if cfg.Sweeper != nil {
		cfg.Sweeper.Add(&c.watch)
	}
	return c
}

// Do sends req and hands its reply to h, read by way of reply, until it is
// complete or an error. All calls of h are made before it returns.
//
// The error is one of the package's sentinels (test with errors.Is), a
// *ProtocolError, or what a method of h or the BodyReader returned. After any
// error, and whenever Reusable says false, Do has closed the connection, unless
// the reply has Switched: then the caller calls Hijack or Close.
func (c *Conn) Do(req *Request, reply *Reply, h Handler) error {
	req.Progress = Progress{}
	if c.closed.Load() || !c.usable {
		return ErrClosed
	}
	c.begin(req, reply, h)
	err := c.run(h)
	return c.finish(err)
}

func (c *Conn) begin(req *Request, reply *Reply, h Handler) {
	reply.Begin(req.Into, req.IsHead, req.Upgrade)
	c.req, c.reply = req, reply
	c.sending, c.sent, c.writeErr = true, false, nil
	c.out.begin(req)
	c.watch.Begin(h)
}

// run reads until the reply is complete.
func (c *Conn) run(h Handler) error {
	for {
		n, err := c.read()
		if err != nil {
			if err = c.ended(err); err == nil {
				err = c.reply.End()
			}
			return err
		}
		if !c.req.Progress.Received {
			c.req.Progress.Received = true
			h.Begun()
		}
		used, err := c.reply.Feed(c.buf[:n], h)
		if err != nil {
			return err
		}
		if c.reply.Done() {
			c.beyond(c.buf[used:n])
			return nil
		}
		if n < bufferLen {
			if err := h.Pause(); err != nil {
				return err
			}
		}
	}
}

// beyond takes what stands behind the reply.
func (c *Conn) beyond(p []byte) {
	switch {
	case len(p) == 0:
	case c.reply.Switched():
		c.rest = append([]byte(nil), p...)
	default:
		c.req.Progress.Beyond = true
	}
}

// ended says what the error of a read means; nil: the server has ended the
// connection in order, which may be the end of the reply.
func (c *Conn) ended(err error) error {
	if _, why := c.watch.Woken(err); why != nil {
		return why
	}
	switch {
	case c.closed.Load() || errors.Is(err, net.ErrClosed):
		return ErrClosed
	case errors.Is(err, errUnasked):
		return err
	case err == io.EOF && c.writeErr == nil:
		return nil
	case c.writeErr != nil && !c.req.Progress.Received:
		err = c.writeErr
	}
	return broken(c.req.Progress.Received, err)
}

// finish ends the request: no goroutine, no borrowed buffer and no call of the
// handler is left behind.
func (c *Conn) finish(err error) error {
	whole := c.endWriter(err == nil)
	stopped := c.watch.End() != nil
	c.cfg.Buffers.give(c.buf)
	p := &c.req.Progress
	p.Sent = c.sent || c.out.sent
	switched := err == nil && c.reply.Switched()
	if switched && (stopped || !whole) {
		switched, err = false, ErrClosed // its deadlines are spent, or half a request is under way
	}
	c.usable = err == nil && c.reply.Keep() && !p.Beyond && whole && !stopped && !c.closed.Load()
	c.kept = true
	c.req, c.reply, c.buf = nil, nil, nil
	c.out.end()
	if !c.usable && !switched {
		c.Close()
	}
	return err
}

// Reusable says whether the last request left the connection fit for another
// (see the package's comment). It is true for a new Conn.
func (c *Conn) Reusable() bool { return c.usable && !c.closed.Load() }

// Alive looks at the idle connection without reading: false when the server has
// closed it or has sent something unasked.
func (c *Conn) Alive() bool {
	return c.Reusable() && (c.rc == nil || sock.PeekConn(c.rc) == sock.Quiet)
}

// Hijack gives away the connection behind a reply that Switched, and what came
// on it already. The Conn is closed by that, its connection is not.
func (c *Conn) Hijack() (nc net.Conn, rest []byte) {
	c.once.Do(func() {
		c.closed.Store(true)
		if c.cfg.Sweeper != nil {
			c.cfg.Sweeper.Remove(&c.watch)
		}
	})
	rest, c.rest = c.rest, nil
	return c.nc, rest
}

// Close closes the connection; a running Do ends with ErrClosed. It must not be
// called from a Handler, which returns an error instead. It may be called again.
func (c *Conn) Close() error {
	var err error
	c.once.Do(func() {
		c.closed.Store(true)
		err = c.nc.Close()
		if c.cfg.Sweeper != nil {
			c.cfg.Sweeper.Remove(&c.watch)
		}
	})
	return err
}
