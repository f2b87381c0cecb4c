package upstream

import (
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
)

// unknownConns bounds the connections to a server whose number of workers is
// not known; each then carries one request and is not kept, because a kept
// connection would occupy a worker that others wait for.
const unknownConns = 128

// unknownHTTP is the same for a server that speaks HTTP, which accepts more
// connections than it has workers and loses nothing by an idle one: enough for
// many long replies at once.
const unknownHTTP = 1024

// mostSlots bounds what is believed of a server that says how many connections
// it takes.
const mostSlots = 4096

// trustIdle is how long a connection is taken for alive after its last use.
const trustIdle = 100 * time.Millisecond

// turn is how long a connection that occupies a worker of somebody else's server
// serves request after request. It costs a few dials a second, and bounds what
// another gateway waits for a worker while this one is busy without a pause.
const turn = 250 * time.Millisecond

// newPool sizes the pool: as many slots as the server has workers, times the
// streams where connections are shared. said is what a server that shares them
// told of itself.
func (s *server) newPool(mux bool, said fcgi.Values) (*pool.Pool[*link], error) {
	c := &s.b.cfg
	conns, streams := s.limits(mux, said)
	cfg := pool.Config[*link]{
		MaxConns: conns, Streams: streams,
		Keep:        s.keeps(),
		Queue:       c.Queue, // its deadline is kept by call, which is swept anyway while it waits
		IdleTimeout: c.IdleTimeout, MaxRequests: c.MaxRequests, MaxLifetime: c.MaxLifetime,
		MinIdle: min(c.MinIdle, conns-1), // the last worker is for whoever else asks for one
		Dial:    s.dialer(), Now: s.b.sweeper.Now, At: s.b.sweeper.At,
	}
	if c.MaxConnsFrom != Supervised && !s.b.foreign() { // nobody else has our own workers
		cfg.Turn = turn
	}
	if c.Tries > 1 { // a second attempt makes up for a connection that was closed meanwhile
		cfg.Trust = trustIdle
	}
	if mux {
		cfg.Keep = c.KeepConn != Off
		cfg.MinIdle = c.MinIdle // a shared connection occupies nobody
		cfg.Dial = s.openMux
	}
	return pool.New(cfg)
}

// limits returns how many connections there may be, and how many requests at
// once on each, and notes where that comes from. FCGI_MAX_CONNS and
// FCGI_MAX_REQS are believed of servers that multiplex only: others, those
// that libfcgi made, speak of one process and not of all that listen.
func (s *server) limits(mux bool, said fcgi.Values) (conns, streams int) {
	c := &s.b.cfg
	if c.MaxConns > 0 {
		s.from.Store(int32(max(c.MaxConnsFrom, Configured)))
		if mux {
			return c.MaxConns, max(c.Streams, 1)
		}
		return c.MaxConns, 1
	}
	s.from.Store(int32(Assumed))
	if s.b.foreign() {
		return unknownHTTP, 1
	}
	if !mux {
		return unknownConns, 1
	}
	streams = max(c.Streams, 1)
	conns = (unknownConns + streams - 1) / streams
	if said.MaxConns > 0 {
		s.from.Store(int32(Answered))
		conns = min(said.MaxConns, max(mostSlots/streams, 1))
	}
	if said.MaxReqs > 0 {
		s.from.Store(int32(Answered))
		streams = min(streams, said.MaxReqs)
		conns = min(conns, said.MaxReqs/streams)
	}
	return conns, streams
}

// keeps reports whether requests should ask the server to keep the connection.
func (s *server) keeps() bool {
	c := &s.b.cfg
	return c.KeepConn == On || c.KeepConn == Auto && (c.MaxConns > 0 || s.b.foreign())
}
