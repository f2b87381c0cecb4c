package http2

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

const (
	// inputSize holds any one frame and some of the next.
	inputSize = 18 << 10
	// restAfter is how long a connection is idle before it gives its buffers back.
	restAfter = time.Second
	// drainRound is how long a client gets to answer the PING that follows the
	// first GOAWAY (RFC 9113 section 6.8): requests that it sends meanwhile are
	// served.
	drainRound = time.Second
	// preface is what a client begins with (RFC 9113 section 3.4).
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// Conn is one client connection. Serve runs it; the other exported methods may
// be called from any goroutine at any time and do not wait.
type Conn struct {
	srv   *Server
	wire  wire
	info  *exchange.ConnInfo
	first []byte
	limits

	// Of the goroutine in Serve.
	step     func(fd uintptr) bool
	input    *[]byte // nil while idle; received bytes are (*input)[r:w]
	r, w     int
	tiny     [64]byte // what an idle connection reads into
	rerr     error    // why the raw read callback ended
	greeted  bool     // the preface came
	settled  bool     // the first SETTINGS came
	dec      *hpack.Decoder
	head     headReader
	block    headerBlock
	ready    []*stream // to be run when the bytes at hand are looked at
	partFrom uint32    // stream of the unfinished block when bytes came last

	cutoff atomic.Bool

	mu      sync.Mutex // guards everything below
	streams map[uint32]*stream
	closed  closedRing
	running int    // requests that were accepted and whose storage is not back yet
	heads   int    // bytes of their decoded heads
	lastID  uint32 // highest stream the client opened
	takenID uint32 // highest stream that was served
	served  int
	output  output
	budgets budgets
	took    int64  // bytes that the client has let the streams go on by
	tail    uptake // of what was written before the connection became idle

	sendWin    int64 // what we may send on the connection
	peerWindow int64 // what a new stream may send
	recvWin    int64 // what the client may send on the connection
	early      int64 // what a stream may send beyond its window, before our SETTINGS are known
	credit     int   // what was read of it and not given back yet
	tableSmall bool  // the next header block must say that we use no table

	started, draining, leaving bool // leaving: the last GOAWAY is out
	drainBy                    int64
	headBy                     int64 // a block, a frame or the preface must be whole
	ackBy                      int64 // our SETTINGS must be acknowledged
	idleSince                  int64 // 0 while requests run, and until all is written behind them
	resting                    bool  // the buffers were given back
	verdict                    error // the connection must end for this
	ended                      bool  // Serve is about to return
	dead                       bool  // the socket is of no use any more
	allDone                    chan struct{}
}

// limits are the sizes that the client was told.
type limits struct {
	maxStreams, streamWindow, connWindow, writeBuffer int
}

func newConn(s *Server, nc net.Conn, first []byte, info *exchange.ConnInfo) *Conn {
	cfg := s.cfg.Load()
	c := &Conn{srv: s, info: info, first: first, streams: make(map[uint32]*stream)}
	c.limits = limits{cfg.MaxStreams, cfg.StreamWindow, cfg.ConnWindow, cfg.WriteBuffer}
	c.wire.init(nc)
	c.step = c.readStep
	c.dec = hpack.NewDecoder(tableSize, c.head.field)
	c.head.c = c
	c.sendWin, c.peerWindow, c.recvWin = firstWindow, firstWindow, int64(c.connWindow)
	c.early = max(0, int64(firstWindow-c.streamWindow))
	c.idleSince = s.sweeper.Now()
	return c
}

// Serve serves the connection until it ends or has been drained, and closes it.
// Every handler has returned when it does.
func (c *Conn) Serve() {
	c.srv.add(c)
	defer c.srv.remove(c)
	c.hello()
	c.end(c.read())
}

// Idle reports whether no request is under way, nor anything of an answer: the
// client has taken all of it.
func (c *Conn) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiet() && sock.UnsentConn(c.wire.raw) == 0
}

// quiet reports whether no request runs and everything is written.
func (c *Conn) quiet() bool { return c.running == 0 && c.output.written() }

// hello sends our SETTINGS and opens the connection's window.
func (c *Conn) hello() {
	cfg := c.srv.cfg.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = true
	b := appendSettings(c.output.ctl,
		setting{settingMaxStreams, uint32(c.maxStreams)},
		setting{settingWindow, uint32(c.streamWindow)},
		setting{settingMaxHeaderList, uint32(cfg.Limits.MaxHeaderBytes)},
		setting{settingConnect, 1},
		setting{settingNoPriorities, 1})
	if more := c.connWindow - firstWindow; more > 0 {
		b = appendWindowUpdate(b, 0, more)
	}
	c.output.ctl = b
	c.headBy = c.srv.sweeper.After(cfg.HeaderTimeout)
	c.ackBy = c.headBy
	if c.draining {
		c.announceEnd()
	}
	c.flush()
}

// wake has the goroutine in Serve look what it is to do.
func (c *Conn) wake() { _ = c.wire.SetReadDeadline(sock.Past()) }

// condemn ends the connection for err, from any goroutine.
func (c *Conn) condemn(err error) {
	if c.verdict == nil {
		c.verdict = err
		c.wake()
	}
}

// idleFor returns for how long there has been nothing to do, 0 if there is.
func (c *Conn) idleFor(now int64) time.Duration {
	if c.idleSince == 0 || !c.quiet() {
		return 0
	}
	return time.Duration(now - c.idleSince)
}

// die gives the socket up: every stream is lost for the given reason.
func (c *Conn) die(cause error) {
	if c.dead {
		return
	}
	c.dead = true
	c.output.ctl, c.output.out = nil, nil
	for _, st := range c.streams {
		c.lose(st, cause)
	}
	c.settle()
	c.wake()
}
