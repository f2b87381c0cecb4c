package server

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// phase is what a connection is doing, as the sweeper needs to know it.
type phase = int64

const (
	phaseIdle    phase = iota // waits for a request, on its goroutine
	phaseParked               // waits for a request, in the lot
	phaseHead                 // has part of a request head
	phaseBusy                 // a request is being served
	phaseEnding               // closing
	phaseSession              // speaks another protocol

	phaseBits = 7 // of conn.state
)

// parkAfter is how long a connection waits on its goroutine before it parks:
// long enough that busy clients never do, short enough that a close which came
// together with the last request is seen soon.
const parkAfter = time.Second

// conn is one client connection. What it needs only while serving is in act;
// an idle connection holds nothing else, because there may be many.
type conn struct {
	srv  *Server
	raw  net.Conn        // the connection as accepted: its deadlines hold for nc too
	nc   net.Conn        // what is read and written: raw, or tls
	rc   syscall.RawConn // the socket; nil: no raw access, ordinary reads and writes
	tls  *sock.TLS       // nil: the socket is read and written as it is
	read func(fd uintptr) bool
	fd   uintptr // the socket while its raw read callback runs, else 0
	cfg  *Config // the limits of the request being served
	act  *active // nil while idle
	info exchange.ConnInfo

	served  int   // requests answered
	err     error // why the raw loop ended
	blocked bool  // the request at hand needs reads beyond what is buffered
	linger  bool  // the connection ends with a lingering close
	holds   bool  // counted in Server.holders

	tunnelled bool // left HTTP: the connection ends with its request

	session atomic.Pointer[Session] // serves the connection instead of act

	state   atomic.Int64 // the phase, in the low bits of the sweeper time when it was entered
	readBy  atomic.Int64 // sweeper time; 0: none
	writeBy atomic.Int64
	cutoff  atomic.Bool // the server's deadline passed: end now
	severed atomic.Bool // the handler has closed its tunnel
}

func newConn(s *Server, nc net.Conn, listen string) *conn {
	c := &conn{srv: s, raw: nc, nc: nc, rc: sock.Raw(nc)}
	c.read = c.readStep
	c.info = connInfo(nc, s.nextID.Add(1), listen)
	c.enter(phaseIdle)
	return c
}

func connInfo(nc net.Conn, id uint64, listen string) exchange.ConnInfo {
	info := exchange.ConnInfo{ID: id, Scheme: "http", Listen: listen}
	info.Peer, info.PeerAddr, info.PeerPort = addrText(nc.RemoteAddr())
	info.Local, info.LocalAddr, info.LocalPort = addrText(nc.LocalAddr())
	return info
}

// addrText gives an address its texts; a unix socket is "unix:" as nginx has it.
func addrText(a net.Addr) (ap netip.AddrPort, addr, port []byte) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ap, []byte("unix:"), nil
	}
	ap = tcp.AddrPort()
	ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	return ap, []byte(ap.Addr().WithZone("").String()), strconv.AppendUint(nil, uint64(ap.Port()), 10)
}

func (c *conn) enter(p phase) { c.state.Store(c.srv.sweeper.Now()&^phaseBits | p) }

func (c *conn) phase() phase { return c.state.Load() & phaseBits }

// since returns the sweeper time, to 8 ns, when the phase was entered.
func (c *conn) since() int64 { return c.state.Load() &^ phaseBits }

// become changes the phase without saying that it began now.
func (c *conn) become(p phase) { c.state.Store(c.since() | p) }

// run serves the connection until it closes or parks.
func (c *conn) run() {
	for {
		err := c.wait()
		for err == nil && c.blocked { // pipelined requests may block one after the other
			c.blocked = false
			err = c.serveBlocking()
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if c.deadline() {
				return
			}
		case errors.Is(err, errSession):
			c.serveSession()
			return
		default:
			c.lingerIfAsked()
			c.end()
			return
		}
	}
}

// Wake implements sock.Parked: the connection goes on, on this goroutine.
func (c *conn) Wake() {
	c.enter(phaseIdle)
	c.srv.stir()
	if c.cutoff.Load() || c.srv.draining.Load() && !c.pending() {
		c.end()
		return
	}
	c.run()
}

// errEnd ends a connection in good order.
var errEnd = errors.New("server: connection ends")

// wait reads and serves requests until one needs blocking reads (c.blocked),
// the connection ends, or a deadline passes.
func (c *conn) wait() error {
	if c.rc == nil {
		return c.waitOrdinary()
	}
	c.err = nil
	err := c.rc.Read(c.read)
	if c.err != nil {
		return c.err
	}
	return err
}

// readStep is the raw read callback. It serves every complete request it gets
// and waits for the next edge without a read that would find nothing. It must
// not be left and re-entered between requests: entering resets the poller's
// readiness, so only a read may follow.
func (c *conn) readStep(fd uintptr) bool {
	c.fd = fd
	if c.tls != nil {
		c.tls.Edge()
	}
	leave := c.readAll(fd)
	c.fd = 0
	return leave
}

func (c *conn) readAll(fd uintptr) (leave bool) {
	for {
		c.activate()
		room := c.act.room()
		n, err := c.readOnce(fd, room)
		if errors.Is(err, sock.ErrAgain) {
			c.rest()
			return false
		}
		if err != nil {
			c.err = c.readFailed(err)
			return true
		}
		c.act.w += n
		if c.err = c.serveBuffered(); c.err != nil || c.blocked {
			return true
		}
		if c.tls == nil && n < len(room) && c.act.r == c.act.w {
			c.rest()
			return false
		}
		// With part of a head here the socket is read until it is empty: a close
		// that came with the bytes gives no edge of its own. TLS knows by itself
		// whether there may be more.
	}
}

func (c *conn) readOnce(fd uintptr, p []byte) (int, error) {
	if c.tls != nil {
		return c.tls.ReadFD(fd, p)
	}
	return sock.Read(fd, p)
}

// waitOrdinary is wait for connections without raw access.
func (c *conn) waitOrdinary() error {
	c.activate()
	n, err := c.nc.Read(c.act.room())
	c.act.w += n
	if n > 0 {
		if err := c.serveBuffered(); err != nil || c.blocked {
			return err
		}
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return c.readFailed(err)
	}
	c.rest()
	return err
}

// readFailed takes the end of the stream for a good end of the connection: a
// client that leaves amid a head gets no answer.
func (c *conn) readFailed(err error) error {
	if errors.Is(err, io.EOF) {
		return errEnd
	}
	return err
}

// activate gives the connection its buffers.
func (c *conn) activate() {
	if c.act == nil {
		c.act = c.srv.buffers.Get().(*active)
		c.act.attach(c)
	}
	c.cfg = c.srv.cfg.Load()
}

// rest gives the buffers back unless they hold part of a request, or the
// connection is one of the few that may hold them until it parks.
func (c *conn) rest() {
	a := c.act
	if a.r < a.w || c.tls != nil && c.tls.Partial() {
		if c.phase() != phaseHead {
			c.readBy.Store(c.srv.sweeper.After(c.cfg.HeaderTimeout))
			c.enter(phaseHead)
		}
		return
	}
	if !c.hold() {
		c.release()
	}
	if c.phase() != phaseIdle {
		c.enter(phaseIdle)
	}
}

// holders is how many connections keep their buffers between two requests:
// enough for a gateway with few busy clients, and no more memory than some
// megabytes with many.
const holders = 256

// hold reports whether the connection may keep its buffers.
func (c *conn) hold() bool {
	if c.holds || len(c.act.buf) > firstBuffer {
		return c.holds && len(c.act.buf) <= firstBuffer
	}
	if c.srv.holders.Load() >= holders {
		return false
	}
	c.srv.holders.Add(1)
	c.holds = true
	return true
}

func (c *conn) release() {
	if c.holds {
		c.holds = false
		c.srv.holders.Add(-1)
	}
	if a := c.act; a != nil {
		c.act = nil
		a.detach()
		c.srv.buffers.Put(a)
	}
}

// serveBuffered serves the complete requests in the buffer.
func (c *conn) serveBuffered() error {
	a := c.act
	for a.r < a.w {
		done, err := c.parse()
		if err != nil {
			return err
		}
		if !done {
			return nil
		}
		c.enter(phaseBusy)
		if c.readBy.Load() != 0 { // a store costs more
			c.readBy.Store(0)
		}
		if !a.body.buffered() || a.x.Request.Upgrade != nil { // a tunnel reads as a body does
			c.blocked = true
			return nil
		}
		if err := c.answer(); err != nil {
			return err
		}
	}
	return nil
}

// serveBlocking serves the request at hand, whose body is not all here, with
// ordinary reads, and then what else is in the buffer.
func (c *conn) serveBlocking() error {
	if err := c.answer(); err != nil {
		return err
	}
	if err := c.serveBuffered(); err != nil || c.blocked {
		return err
	}
	c.rest()
	return nil
}

// parse reads the next head from the buffer into the exchange; done is false
// when it is not complete yet.
func (c *conn) parse() (done bool, err error) {
	a := c.act
	a.begin(c)
	used, err := http1.ParseHead(a.buf[a.r:a.w], &c.cfg.Limits, a.x, &a.meta)
	if errors.Is(err, http1.ErrIncomplete) {
		return false, nil
	}
	a.x.Trace.Start = time.Now()
	if bad, ok := errors.AsType[*http1.StatusError](err); ok {
		if c.preface() {
			return false, errSession
		}
		c.refuse(bad.Status, bad.Reason)
		return false, errEnd
	}
	if err != nil {
		return false, err
	}
	a.r += used
	a.body.begin(c)
	return true, nil
}

// answer lets the handler serve the request and makes the connection ready for
// the next one, or returns errEnd.
func (c *conn) answer() error {
	a := c.act
	c.served++
	c.call()
	if a.sink.state != sinkDone {
		a.sink.Abort()
	}
	if a.sink.state == sinkAborted {
		c.cutShort()
		return errEnd
	}
	if err := a.sink.flush(); err != nil {
		return errEnd
	}
	a.compact()
	if a.sink.close {
		c.linger = !a.body.done || c.tunnelled
		return errEnd
	}
	return nil
}

// call runs the handler; a panic costs its own connection only.
func (c *conn) call() {
	a := c.act
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if f := c.srv.events.Panic; f != nil {
			f(a.x, v, debug.Stack())
		}
		if a.sink.Started() {
			a.sink.Abort()
			return
		}
		a.sink.reset(c)
		a.x.Response.Reset()
		c.plain(500, "internal error")
	}()
	if a.meta.Asterisk {
		c.options()
		return
	}
	c.srv.handler.Serve(a.x)
}

// allow lists the methods that may reach a handler.
const allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// options answers "OPTIONS *", which asks about the server and not about any
// site (RFC 9110 section 9.3.7).
func (c *conn) options() {
	r := &c.act.x.Response
	r.Status = 204
	r.Header.AddString("Allow", allow)
	if c.act.sink.Start(r) == nil {
		_ = c.act.sink.Write(nil, true) // an error ends the connection in answer
	}
}

// mayKeep reports whether the connection can carry another request after the
// one at hand, as far as is known when its response head is made.
func (c *conn) mayKeep() bool {
	a := c.act
	return a.meta.KeepAlive && a.body.finished() && !c.srv.draining.Load() && c.cfg.KeepaliveTimeout > 0 &&
		(c.cfg.KeepaliveRequests == 0 || c.served < c.cfg.KeepaliveRequests)
}

// refuse answers a request that reaches no handler and ends the connection.
func (c *conn) refuse(status int, reason string) {
	a := c.act
	a.meta.KeepAlive = false
	c.plain(status, reason)
	if f := c.srv.events.Refused; f != nil {
		f(a.x, status, reason)
	}
	_ = a.sink.flush()
	c.linger = true
}

// plain sends a short text response.
func (c *conn) plain(status int, text string) {
	a := c.act
	r := &a.x.Response
	r.Status = status
	r.Header.AddString("Content-Type", "text/plain; charset=utf-8")
	if status == 405 {
		r.Header.AddString("Allow", allow)
	}
	body := append([]byte(text), '\n')
	r.ContentLength = int64(len(body))
	if a.sink.Start(r) == nil {
		_ = a.sink.Write(body, true)
	}
}

// cutShort makes the close that follows one that the client can tell from the
// end of a body. With chunks or a length the missing rest tells it; a body that
// ends with the connection (HTTP/1.0) needs a reset.
func (c *conn) cutShort() {
	a := c.act
	if tcp, ok := c.nc.(interface{ SetLinger(sec int) error }); ok && a.sink.begun && !a.sink.chunked && a.sink.r != nil && a.sink.r.ContentLength < 0 {
		_ = tcp.SetLinger(0)
	}
}

// end closes the connection and takes it out of the books.
func (c *conn) end() {
	c.enter(phaseEnding)
	c.release()
	c.nc.Close()
	c.srv.trim.rested.Add(1)
	c.srv.forget(c)
}

// http10 reports whether the request at hand is of HTTP/1.0.
func (c *conn) http10() bool {
	r := &c.act.x.Request
	return r.Major == 1 && r.Minor == 0
}
