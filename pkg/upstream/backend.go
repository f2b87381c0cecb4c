// Package upstream sends one request to one backend: it picks a server, waits
// for one of its workers, speaks the server's protocol and decides whether a
// failed attempt may be repeated.
package upstream

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/httpc"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// Mode is a choice that may be left to the gateway.
type Mode uint8

// The modes of KeepConn and Multiplex.
const (
	Auto Mode = iota
	On
	Off
)

// Address is where a server listens: network "tcp" or "unix".
type Address struct {
	Network, Addr string
}

// String returns the address as the configuration writes it.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Addr
	}
	return a.Addr
}

// Config describes a backend. It is comparable in all but Servers, so that a
// reload can tell whether it changed.
type Config struct {
	Name     string
	Servers  []Address
	Protocol Protocol

	MaxConns  int  // workers behind each server; 0: unknown
	KeepConn  Mode // Auto: keep connections when MaxConns is known
	Multiplex Mode // Auto: ask each server
	Streams   int  // requests at once on a multiplexed connection
	Recycles  bool // workers are known to end after a number of requests

	MaxConnsFrom Source // where MaxConns comes from, for snapshots
	// MinIdle is how many connections IdleTimeout leaves open. Where each
	// occupies a worker one fewer than MaxConns at most, and none while workers
	// seem to be short.
	MinIdle int
	WarmUp  int // connections that Warm opens to each server, where any are kept

	Queue          int           // requests waiting for a worker
	QueueTimeout   time.Duration // longest wait for a worker
	ConnectTimeout time.Duration
	SendTimeout    time.Duration // between two writes
	ReadTimeout    time.Duration // between two reads
	RequestTimeout time.Duration // whole exchange; 0: none
	IdleTimeout    time.Duration // kept connection unused
	MaxRequests    int           // per connection, which draws its own between 90 and 100 percent; 0: no limit
	MaxLifetime    time.Duration // of a connection, the same; 0: no limit

	MaxResponseHeader int           // bytes of a reply's head
	Retry             Retry         // failures after which a request is sent again
	Tries             int           // attempts for one request, the first included
	RetryTimeout      time.Duration // no attempt begins so long after the first failed; 0: no dial is waited for

	// Tunnels are connections that switched protocols (HTTP's Upgrade).
	MaxTunnels    int           // at once, to all servers together; 0: none
	TunnelTimeout time.Duration // without a byte in either direction; 0: none
}

// Events report what concerns no single request. Every func is optional and
// must not block.
type Events struct {
	// ServerDown: dials to the server began to fail.
	ServerDown func(backend, server string, err error)
	// ServerUp: a dial succeeded after ServerDown.
	ServerUp func(backend, server string)
	// Multiplex: the server said whether it carries several requests on one
	// connection.
	Multiplex func(backend, server string, on bool)
	// Unshared: the server was thought to carry several requests on one
	// connection, by its own word or the configuration's, and does not. From now
	// on it gets one request at a time on each.
	Unshared func(backend, server string, err error)
	// Learned: the server said how many connections or requests it takes, so
	// that at most so many connections are opened.
	Learned func(backend, server string, conns int)
}

// Input is a request ready to be sent, as often as it takes.
type Input struct {
	// Params is the request's head in the backend's protocol: CGI variables as
	// FastCGI name-value pairs, or what httpc.AppendHead makes.
	Params []byte
	// Encode returns Params if they are not there yet. It is called when the
	// request has a worker: one that is turned away needs none.
	Encode func() []byte
	Body   []byte // the body, if it is in memory
	// OpenBody returns a reader at the body's start when it is not; BodyLen is
	// its exact length.
	OpenBody func() (io.Reader, error)
	BodyLen  int64
	// IgnoreAbort: the request runs to its end, within its timeouts, even if the
	// client leaves; what is left of the reply is then thrown away.
	IgnoreAbort bool
	// Role is what the application is asked to be; zero is a responder. An
	// authorizer gets no body.
	Role Role
	// Data is the file of a filter, DataLen its announced length; every attempt
	// reads it from its start.
	Data    io.ReaderAt
	DataLen int64
	// At is when the request was complete, read from the clock by then.
	At time.Time
}

// Reply takes what comes back. Its methods are called on the goroutine of
// Backend.Do, except Tick. An error from one of them ends the attempt and is
// returned by Do. None may wait for the client: a worker is held meanwhile.
type Reply interface {
	// Interim gets a 1xx response that precedes the final one.
	Interim(status int, h *exchange.Header) error
	// Head gets the head of the final response, in x.Response.
	Head() error
	// Body gets a piece of the body, valid during the call.
	Body(p []byte) error
	// Stderr gets a piece of the application's error output.
	Stderr(p []byte)
	// Pause: nothing more has arrived; what was given should go on its way.
	Pause() error
	// Tick is called now and then from another goroutine while the request
	// waits; an error ends it. It must not block.
	Tick() error
	// Done is called once, last, when the worker has been released; err is nil
	// if the reply is complete. The response's head stays valid until it
	// returns, and it may wait for the client. Do returns its result.
	Done(err error) error
}

// Backend is a group of servers that run the same application. Do may be
// called from any goroutine.
type Backend struct {
	cfg     Config
	events  Events
	sweeper *sock.Sweeper
	servers []*server
	next    atomic.Uint32 // where the search for the least busy server starts
	buffers fcgi.Buffers
	pages   httpc.Buffers // the same for HTTP
	tunnels atomic.Int64
	waiting waitlist

	mu     sync.Mutex // guards closed, and Add of tasks against it
	closed bool
	tasks  sync.WaitGroup  // Multiplex probes and warm-ups under way
	ctx    context.Context // of warm-ups; ends with Close
	stop   context.CancelFunc
}

// New returns a backend. No connection is opened before the first request, or
// Warm. sweeper must outlive it.
func New(cfg Config, sweeper *sock.Sweeper, ev Events) (*Backend, error) {
	if len(cfg.Servers) == 0 {
		return nil, errors.New("upstream: backend " + cfg.Name + " has no servers")
	}
	if cfg.Protocol != FastCGI {
		cfg.Multiplex = Off
	}
	b := &Backend{cfg: cfg, events: ev, sweeper: sweeper}
	b.ctx, b.stop = context.WithCancel(context.Background())
	for _, addr := range cfg.Servers {
		s, err := newServer(b, addr)
		if err != nil {
			return nil, err
		}
		b.servers = append(b.servers, s)
	}
	sweeper.Add(b)
	return b, nil
}

// Look reports servers that cannot be reached as far as that can be seen
// without connecting to them.
func (b *Backend) Look() {
	for _, s := range b.servers {
		s.look()
	}
}

// Warm opens Config.WarmUp connections to each server and returns at once.
// Servers that refuse are reported by Events.ServerDown and left alone.
func (b *Backend) Warm() {
	for _, s := range b.servers {
		s.startWarm()
	}
}

// Sweep implements sock.Swept: idle connections are closed in passing.
func (b *Backend) Sweep(now int64) {
	b.waiting.sweep(now)
	for _, s := range b.servers {
		s.sweep(now)
	}
}

// Close closes the connections: idle ones now, busy ones when their request
// ends. It returns when all are closed.
func (b *Backend) Close() {
	b.sweeper.Remove(b)
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.tasks.Wait() // a probe may still exchange the slots
	for _, s := range b.servers {
		s.close()
	}
}

// beginTask counts a goroutine that Close waits for, unless the backend is
// closed.
func (b *Backend) beginTask() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.tasks.Add(1)
	}
	return !b.closed
}

// pick returns the server with the fewest requests in flight that is not known
// to be down; when all are, the one that has been down longest. Now and then a
// request that has attempts left goes to one that is down.
func (b *Backend) pick(tried *server) *server {
	if len(b.servers) == 1 {
		return b.servers[0]
	}
	start := int(b.next.Add(1))
	var best *server
	for i := range b.servers {
		s := b.servers[(start+i)%len(b.servers)]
		if tried == nil && b.cfg.Tries > 1 && s.due(b.sweeper.Now()) {
			return s
		}
		if best == nil || s.better(best, tried) {
			best = s
		}
	}
	return best
}
