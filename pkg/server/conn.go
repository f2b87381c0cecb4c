package server

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
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
	phaseOpening              // in front of its first request: PROXY header, TLS handshake

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

// end closes the connection and takes it out of the books.
func (c *conn) end() {
	c.enter(phaseEnding)
	c.release()
	c.nc.Close()
	c.srv.trim.Rested()
	c.srv.forget(c)
}

// http10 reports whether the request at hand is of HTTP/1.0.
func (c *conn) http10() bool {
	r := &c.act.x.Request
	return r.Major == 1 && r.Minor == 0
}
