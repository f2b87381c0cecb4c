package upstream

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
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

	slots atomic.Pointer[pool.Pool[*link]] // replaced when multiplexing turns out possible, or impossible
	from  atomic.Int32                     // Source of the number of connections
	busy  atomic.Int64                     // requests in flight or waiting
	down  atomic.Int64                     // time of the last failed dial, 0 when up
	since atomic.Int64                     // time of the first failed dial in a row
	// closesKept says that the server has closed a kept connection by itself,
	// as php-fpm does at pm.max_requests.
	closesKept atomic.Bool
	shakenAt   atomic.Int64 // sweeper time of the last sign that the server is ending; 0: none
	answers    atomic.Bool  // it answers FCGI_GET_VALUES

	probe  atomic.Int32 // probeOpen, probing, probedSingle or probedShared
	turn   sync.Mutex   // held while slots and probe are changed together
	absent atomic.Bool  // nobody was there at the last dial

	askAt  atomic.Int64 // sweeper time before which the probe is not repeated
	silent int          // probes in a row without answer; owned by whoever may change probe

	sweepAt atomic.Int64 // when idle connections are looked at next
	reaping atomic.Bool  // a look is under way
	dials   dialWatch    // owned by sweep
}

func newServer(b *Backend, addr Address) (*server, error) {
	s := &server{b: b, addr: addr, name: addr.String()}
	s.dial.Timeout = b.cfg.ConnectTimeout
	s.dial.KeepAlive = -1 // four system calls, and requests have deadlines anyway
	s.closesKept.Store(b.cfg.Recycles && !s.oneByOne())
	s.answers.Store(s.phpFPM())
	switch b.cfg.Multiplex {
	case On:
		s.probe.Store(probedShared)
	case Off:
		s.probe.Store(probedSingle)
	}
	p, err := s.newPool(b.cfg.Multiplex == On, fcgi.Values{})
	if err != nil {
		return nil, err
	}
	s.slots.Store(p)
	return s, nil
}

// link is one connection, of any kind.
type link struct {
	s   *server
	one *fcgi.Conn
	mux *fcgi.Mux
	// other is set for other protocols than FastCGI, instead of the two.
	other wire
}

// Alive implements pool.Conn.
func (l *link) Alive() bool {
	switch {
	case l.mux != nil:
		return l.mux.Reusable()
	case l.other != nil && l.other.Alive(), l.one != nil && l.one.Alive():
		return true
	}
	l.s.endsKept()
	return false
}

// Close implements pool.Conn.
func (l *link) Close() {
	switch {
	case l.mux != nil:
		l.mux.Close()
	case l.other != nil:
		l.other.Close()
	default:
		l.one.Close()
	}
}

// do runs the request that c has prepared.
func (l *link) do(c *call) (fcgi.End, error) {
	switch {
	case l.one != nil:
		return l.one.Do(&c.req, c)
	case l.mux != nil:
		return l.doShared(&c.req, c)
	}
	return fcgi.End{}, l.other.run(c)
}

func (s *server) connect(ctx context.Context) (net.Conn, error) {
	nc, err := s.dial.DialContext(ctx, s.addr.Network, s.addr.Addr)
	if err == nil {
		s.markUp()
		if s.absent.Load() && s.absent.Swap(false) {
			s.isBack()
		}
		return nc, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.markDown(err)
	if wentAway(err) {
		s.absent.Store(true)
	}
	if errors.Is(err, unix.EAGAIN) { // its queue of connections is full, so its workers are taken
		s.contended()
	}
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
	l := &link{s: s, one: fcgi.NewConn(nc, fcgi.Config{
		Sweeper: s.b.sweeper, Buffers: &s.b.buffers,
		ReadTimeout: s.b.cfg.ReadTimeout, SendTimeout: s.b.cfg.SendTimeout,
	})}
	if err := s.greet(ctx, l); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (s *server) openMux(ctx context.Context) (*link, error) {
	nc, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.confirm(ctx, nc); err != nil {
		nc.Close()
		return nil, err
	}
	return &link{s: s, mux: fcgi.NewMux(nc, fcgi.MuxConfig{
		Sweeper: s.b.sweeper, Buffers: &s.b.buffers,
		ReadTimeout: s.b.cfg.ReadTimeout, SendTimeout: s.b.cfg.SendTimeout,
		Streams: s.b.cfg.Streams,
	})}, nil
}

func (s *server) markDown(err error) {
	now := s.b.sweeper.At(time.Now())
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
	return time.Duration(s.b.sweeper.At(time.Now()) - s.since.Load())
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

// sweep watches the dials, and closes idle connections about ten times per idle
// timeout, not on the sweeper's goroutine because closing takes locks and system
// calls.
func (s *server) sweep(now int64) {
	if s.dials.stuck(now, s.slots.Load()) {
		s.contended()
	}
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

// startWarm opens the first connections, if any are wanted, and returns at once.
func (s *server) startWarm() {
	if s.b.cfg.WarmUp > 0 && s.b.beginTask() {
		go func() { // ends with the last dial, the first that fails, or Backend.Close, which waits for it
			defer s.b.tasks.Done()
			_ = s.slots.Load().Warm(s.b.ctx, s.b.cfg.WarmUp) // connect reports a dial that fails
		}()
	}
}

func (s *server) close() { s.slots.Load().Close() }
