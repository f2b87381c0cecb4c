package upstream

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
)

// server is one address of a backend and the slots of its workers.
type server struct {
	b    *Backend
	addr Address
	name string
	dial net.Dialer

	slots atomic.Pointer[pool.Pool[*link]] // replaced once if multiplexing turns out possible
	busy  atomic.Int64                     // requests in flight or waiting
	down  atomic.Int64                     // time of the last failed dial, 0 when up
	since atomic.Int64                     // time of the first failed dial in a row
	tight atomic.Int64                     // sweeper time when a new connection was last left unheard
	// closesKept says that the server has closed a kept connection by itself,
	// as php-fpm does at pm.max_requests.
	closesKept atomic.Bool

	probe atomic.Int32 // probeOpen, probing or probed

	askAt  atomic.Int64 // sweeper time before which the probe is not repeated
	silent int          // probes in a row without answer; owned by the probe

	sweepAt atomic.Int64 // when idle connections are looked at next
	reaping atomic.Bool  // a look is under way
}

// The states of the question whether a server multiplexes.
const (
	probeOpen int32 = iota // not asked
	probing
	probed
)

// probeTimeout bounds the wait for an answer: a busy php-fpm gives none, and
// libfcgi's programs never do.
const probeTimeout = time.Second

// The pause between two probes without answer doubles from the first to the
// last.
const (
	firstProbePause = 2 * time.Second
	lastProbePause  = 10 * time.Minute
)

func newServer(b *Backend, addr Address) (*server, error) {
	s := &server{b: b, addr: addr, name: addr.String()}
	s.dial.Timeout = b.cfg.ConnectTimeout
	s.dial.KeepAlive = -1 // four system calls, and requests have deadlines anyway
	s.closesKept.Store(b.cfg.Recycles)
	if b.cfg.Multiplex != Auto {
		s.probe.Store(probed)
	}
	p, err := s.newPool(b.cfg.Multiplex == On)
	if err != nil {
		return nil, err
	}
	s.slots.Store(p)
	return s, nil
}

// trustIdle is how long a connection is taken for alive after its last use.
const trustIdle = 100 * time.Millisecond

// newPool sizes the pool: as many slots as the server has workers, times the
// streams where connections are shared.
func (s *server) newPool(mux bool) (*pool.Pool[*link], error) {
	c := &s.b.cfg
	cfg := pool.Config[*link]{
		MaxConns: c.MaxConns, Streams: 1,
		Keep:        s.keeps(),
		Queue:       c.Queue, // its deadline is kept by call, which is swept anyway while it waits
		IdleTimeout: c.IdleTimeout, MaxRequests: c.MaxRequests, MaxLifetime: c.MaxLifetime,
		Dial: s.open, Now: s.b.sweeper.Now,
	}
	if c.Tries > 1 { // a second attempt makes up for a connection that was closed meanwhile
		cfg.Trust = trustIdle
	}
	if mux {
		cfg.Streams = max(c.Streams, 1)
		cfg.Keep = c.KeepConn != Off
		cfg.Dial = s.openMux
		if cfg.MaxConns == 0 {
			cfg.MaxConns = (unknownConns + cfg.Streams - 1) / cfg.Streams
		}
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = unknownConns
	}
	return pool.New(cfg)
}

// keeps reports whether requests should ask the server to keep the connection.
func (s *server) keeps() bool {
	c := &s.b.cfg
	return c.KeepConn == On || c.KeepConn == Auto && c.MaxConns > 0
}

// link is one connection, of either kind.
type link struct {
	s   *server
	one *fcgi.Conn
	mux *fcgi.Mux
}

// Alive implements pool.Conn.
func (l *link) Alive() bool {
	if l.mux != nil {
		return l.mux.Err() == nil
	}
	if l.one.Alive() {
		return true
	}
	l.s.closesKept.Store(true)
	return false
}

// Close implements pool.Conn.
func (l *link) Close() {
	if l.mux != nil {
		l.mux.Close()
		return
	}
	l.one.Close()
}

func (l *link) do(req *fcgi.Request, h fcgi.Handler) (fcgi.End, error) {
	if l.mux != nil {
		return l.mux.Do(req, h)
	}
	return l.one.Do(req, h)
}

// reusable reports whether the link can carry another request.
func (l *link) reusable() bool {
	if l.mux != nil {
		return l.mux.Err() == nil
	}
	return l.one.Reusable()
}

func (s *server) connect(ctx context.Context) (net.Conn, error) {
	nc, err := s.dial.DialContext(ctx, s.addr.Network, s.addr.Addr)
	if err == nil {
		s.markUp()
		return nc, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.markDown(err)
	// Two clocks end a dial, the socket's and its context's; each has its error.
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(ErrConnectTimeout, err)
	}
	return nil, &DialError{Server: s.name, Err: err}
}

func (s *server) open(ctx context.Context) (*link, error) {
	nc, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	s.askOnce()
	return &link{s: s, one: fcgi.NewConn(nc, fcgi.Config{
		Sweeper: s.b.sweeper, Buffers: &s.b.buffers,
		ReadTimeout: s.b.cfg.ReadTimeout, SendTimeout: s.b.cfg.SendTimeout,
	})}, nil
}

func (s *server) openMux(ctx context.Context) (*link, error) {
	nc, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &link{s: s, mux: fcgi.NewMux(nc, fcgi.MuxConfig{
		Sweeper: s.b.sweeper, Buffers: &s.b.buffers,
		ReadTimeout: s.b.cfg.ReadTimeout, SendTimeout: s.b.cfg.SendTimeout,
		Streams: s.b.cfg.Streams,
	})}, nil
}

// askOnce starts the question whether the server multiplexes, on a connection
// of its own so that no request waits for the answer. It is asked again after a
// time without answer.
func (s *server) askOnce() {
	if s.b.sweeper.Now() < s.askAt.Load() || !s.probe.CompareAndSwap(probeOpen, probing) {
		return
	}
	if !s.b.beginProbe() {
		return
	}
	go s.ask() // ends within connect and probe timeouts; Backend.Close waits for it
}

func (s *server) ask() {
	defer s.b.probes.Done()
	ctx, stop := context.WithTimeout(context.Background(), probeTimeout)
	defer stop()
	nc, err := s.dial.DialContext(ctx, s.addr.Network, s.addr.Addr)
	if err != nil {
		s.askLater()
		return
	}
	defer nc.Close()
	v, err := fcgi.Probe(nc, probeTimeout)
	if errors.Is(err, fcgi.ErrReadTimeout) {
		s.askLater()
		return
	}
	s.probe.Store(probed)
	if f := s.b.events.Multiplex; f != nil {
		f(s.b.cfg.Name, s.name, v.Mpxs)
	}
	if v.Mpxs {
		s.goMux()
	}
}

// askLater lets a later dial ask again.
func (s *server) askLater() {
	pause := min(firstProbePause<<min(s.silent, 10), lastProbePause)
	s.silent++
	s.askAt.Store(s.b.sweeper.After(pause))
	s.probe.Store(probeOpen)
}

// goMux replaces the slots by those of shared connections. Requests in the old
// pool end there; those who wait for it come over.
func (s *server) goMux() {
	p, err := s.newPool(true)
	if err != nil {
		return
	}
	s.slots.Swap(p).Close()
}

func (s *server) markDown(err error) {
	now := time.Now().UnixNano()
	if s.down.Swap(now) != 0 {
		return
	}
	s.since.Store(now)
	if f := s.b.events.ServerDown; f != nil {
		f(s.b.cfg.Name, s.name, err)
	}
}

// away returns for how long the server has refused connections.
func (s *server) away() time.Duration {
	if s.down.Load() == 0 {
		return 0
	}
	return time.Duration(time.Now().UnixNano() - s.since.Load())
}

// look reports a unix socket that is not there, or that we may not connect to,
// before the first request comes. It does not connect: that would cost a worker
// for a moment, and start one where they are started on demand.
func (s *server) look() {
	if s.addr.Network != "unix" {
		return
	}
	if err := unix.Access(s.addr.Addr, unix.W_OK); err != nil {
		s.markDown(&fs.PathError{Op: "access", Path: s.addr.Addr, Err: err})
	}
}

func (s *server) markUp() {
	if s.down.Load() != 0 && s.down.Swap(0) != 0 && s.b.events.ServerUp != nil {
		s.b.events.ServerUp(s.b.cfg.Name, s.name)
	}
}

// downRest is how long a server that is down gets no request while another is
// up. Then one is sent there to see whether it is back.
const downRest = time.Second

// due claims, for one caller at a time, the look at a server that is down.
func (s *server) due(now int64) bool {
	d := s.down.Load()
	return d != 0 && now-d > int64(downRest) && s.down.CompareAndSwap(d, now)
}

// better reports whether s should be taken rather than o: one that was not
// just tried, one that is up, one that has less to do.
func (s *server) better(o, tried *server) bool {
	if (s == tried) != (o == tried) {
		return o == tried
	}
	ds, do := s.down.Load(), o.down.Load()
	if (ds == 0) != (do == 0) {
		return ds == 0
	}
	if ds != 0 {
		return ds < do
	}
	return s.busy.Load() < o.busy.Load()
}

// sweep closes idle connections about ten times per idle timeout, not on the
// sweeper's goroutine because closing takes locks and system calls.
func (s *server) sweep(now int64) {
	every := int64(s.b.cfg.IdleTimeout / 10)
	if every == 0 || now < s.sweepAt.Load() {
		return
	}
	if s.reap((*pool.Pool[*link]).CloseIdle) {
		s.sweepAt.Store(now + every)
	}
}

// reap makes one pass over the idle connections on a goroutine of its own,
// unless one is under way.
func (s *server) reap(pass func(*pool.Pool[*link])) bool {
	if !s.reaping.CompareAndSwap(false, true) {
		return false
	}
	go func() { // ends after the pass
		defer s.reaping.Store(false)
		pass(s.slots.Load())
	}()
	return true
}

func (s *server) close() { s.slots.Load().Close() }
