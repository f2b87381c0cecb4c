package fcgi

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// lastConnID is where a Conn's request ids start over. Consecutive requests
// get different ids, so a late answer to an earlier request cannot be taken
// for the present one's; they stay within a byte because the specification asks
// for small ones (section 3.3) and some backends index arrays by them.
const lastConnID = 255

// Config is what a Conn may be told. The zero value works, without timeouts.
type Config struct {
	// Sweeper watches the timeouts and calls Handler.Tick. Without one there
	// are neither.
	Sweeper *sock.Sweeper
	// ReadTimeout bounds the wait for the next bytes of a reply, counted from
	// the last ones or from the end of the request. 0: none.
	ReadTimeout time.Duration
	// SendTimeout bounds how long the backend may take for one piece of the
	// request, at most 64 KiB. 0: none.
	SendTimeout time.Duration
	// Buffers is best shared by all connections; a Conn makes its own if nil.
	Buffers *Buffers
}

// Conn is a client connection that carries one request at a time. Do,
// GetValues, Alive, Reusable and Requests belong to whoever holds the
// connection, one goroutine at a time; Close may be called by anyone.
type Conn struct {
	nc  net.Conn
	rc  syscall.RawConn // nil: ordinary path
	cfg Config

	// Owned by the goroutine in Do.
	stepFn   func(uintptr) bool // c.step, stored once: a method value allocates
	heldFn   func(uintptr) bool // c.stepHeld, the same, when first wanted
	handler  Handler            // nil between requests
	in       inbox
	reply    reply
	out      []byte  // records not yet written, in outBuf
	outBuf   *buffer // owned by the writer goroutine while there is one
	sending  bool    // the first write is still to be made
	received bool
	done     bool // END_REQUEST came
	err      error
	writeErr error // of the first write; the read that follows tells what it means
	wdone    chan error
	requests int

	// Owned by the writer goroutine while there is one.
	src      source
	withheld bool // the end of PARAMS is held back (Request.Hold)

	watch  sock.Watch
	sent   bool        // the first write sent something
	later  atomic.Bool // another one did
	usable bool        // may carry another request
	local  bool        // a unix socket
	closed atomic.Bool
	once   sync.Once
}

// NewConn takes over nc, on which nothing but NewConn's caller's Probe may
// have been sent. TCP and unix sockets get the fast path; for anything else
// (TLS, net.Pipe) every request costs a goroutine. Close must be called.
func NewConn(nc net.Conn, cfg Config) *Conn {
	if cfg.Buffers == nil {
		cfg.Buffers = new(Buffers)
	}
	c := &Conn{nc: nc, rc: sock.Raw(nc), cfg: cfg, usable: true}
	_, c.local = nc.(*net.UnixConn)
	c.in.pool = cfg.Buffers
	c.stepFn = c.step
	c.watch.Init(nc, c.rc, sock.WatchLimits{
		Sweeper: cfg.Sweeper, Read: cfg.ReadTimeout, ReadLate: ErrReadTimeout,
		Write: cfg.SendTimeout, WriteLate: ErrSendTimeout,
	})
	if cfg.Sweeper != nil {
		cfg.Sweeper.Add(&c.watch)
	}
	return c
}

// Do sends req and hands its reply to h, until END_REQUEST or an error. All
// calls of h are made before it returns.
//
// The error is one of the package's sentinels (test with errors.Is), a
// *ProtocolError, or what a method of h or the StdinReader returned. End is
// valid when the error is nil or tells a protocol status. After any other
// error, and whenever Reusable says false, Do has closed the connection:
// closing is the only abort that php-fpm understands.
func (c *Conn) Do(req *Request, h Handler) (End, error) {
	req.Progress = Progress{}
	if c.closed.Load() || !c.usable {
		return End{}, ErrClosed
	}
	if !c.watch.Begin(h) {
		return End{}, ErrBusy
	}
	c.handler = h
	c.begin(req)
	if c.rc != nil {
		c.runRaw()
	} else {
		c.runPlain()
	}
	return c.finish(req)
}

// begin sets up the state of one request and builds its first records.
func (c *Conn) begin(req *Request) {
	c.requests++
	id := c.reply.id%lastConnID + 1
	c.reply = reply{id: id}
	c.in.parser = Parser{}
	c.received, c.done, c.err, c.writeErr = false, false, nil, nil
	c.sent = false
	if c.later.Load() { // a store costs more
		c.later.Store(false)
	}
	c.src.reset(req, id, req.KeepConn)
	c.src.hold = req.Hold && c.local
	c.withheld = c.src.hold
	c.outBuf = c.cfg.Buffers.take()
	c.out = c.src.fill(c.outBuf[:0])
	c.sending = true
	if c.src.hold && !c.src.held() { // PARAMS do not fit
		c.src.hold, c.withheld = false, false
	}
}

// finish ends the request: no goroutine, no borrowed buffer and no call of h
// is left behind.
func (c *Conn) finish(req *Request) (End, error) {
	sent := c.endWriter(req)
	stopped := c.watch.End() != nil
	clean := c.done && c.in.empty() && sent && !c.withheld && !stopped
	c.dropOut()
	c.in.drop()
	req.Progress = Progress{Sent: c.sent || c.later.Load(), Received: c.received, Withheld: c.withheld}
	c.src, c.handler = source{}, nil // the caller's
	err := c.err
	if c.done {
		err = c.reply.end.err(c.reply.id)
	}
	c.usable = clean && req.KeepConn && c.reply.end.ProtocolStatus <= StatusUnknownRole && !c.closed.Load()
	if !c.usable {
		c.Close()
	}
	if !c.done {
		return End{}, err
	}
	return c.reply.end, err
}

func (c *Conn) dropOut() {
	c.cfg.Buffers.give(c.outBuf)
	c.out, c.outBuf = nil, nil
}

// Reusable says whether the last request left the connection fit for another:
// the reply was complete, the request was sent whole, nothing stands behind
// the reply, and KEEP_CONN was asked for. It is true for a new Conn.
func (c *Conn) Reusable() bool { return c.usable && !c.closed.Load() }

// Alive looks at the idle connection without reading: false when the backend
// has closed it or has sent something unasked. It cannot see a backend that
// is about to close, nor anything on a connection without a descriptor.
func (c *Conn) Alive() bool {
	return c.Reusable() && (c.rc == nil || sock.PeekConn(c.rc) == sock.Quiet)
}

// Requests returns how many requests were begun on the connection.
func (c *Conn) Requests() int { return c.requests }

// Close closes the connection; a running Do ends with ErrClosed, and Close
// waits until it has left the socket. It must therefore not be called from a
// Handler, which returns an error instead. It may be called again.
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

// broken says what the end of the connection means for the request.
func broken(received bool, cause error) error {
	if received {
		return fmt.Errorf("%w: %w", ErrTruncated, cause)
	}
	return fmt.Errorf("%w: %w", ErrStale, cause)
}
