package http2

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// Config holds the limits of connections and of their requests. Zeros of the
// sizes mean their defaults; a timeout of zero means none.
type Config struct {
	Limits            http1.Limits  // of request heads, as on HTTP/1.1
	HeaderTimeout     time.Duration // for the preface, a whole header block, an answer to our SETTINGS
	KeepaliveTimeout  time.Duration // without a request
	BodyTimeout       time.Duration // between two DATA frames of a body that is waited for
	SendTimeout       time.Duration // without the client taking anything of a response
	MinBodyRate       int64         // bytes per second of a body that is waited for, averaged; 0: no limit
	MinSendRate       int64         // likewise of a response that waits for its client
	KeepaliveRequests int           // requests per connection; 0: no limit
	ServerHeader      string        // value of the Server field; empty: none

	MaxStreams   int // requests at once on a connection; 128
	StreamWindow int // bytes of one body that we hold unread; 256 KiB
	ConnWindow   int // bytes of all bodies of a connection that we hold unread; 1 MiB, 64 KiB at least
	WriteBuffer  int // bytes of responses that wait for the socket; 64 KiB, 32 KiB at least
}

// DefaultMaxStreams and the others are what zeros in Config mean.
const (
	DefaultMaxStreams   = 128
	DefaultStreamWindow = 256 << 10
	DefaultConnWindow   = 1 << 20
	DefaultWriteBuffer  = 64 << 10
)

func (c Config) withDefaults() Config {
	c.Limits = c.Limits.WithDefaults()
	c.MaxStreams = or(c.MaxStreams, DefaultMaxStreams)
	c.StreamWindow = min(or(c.StreamWindow, DefaultStreamWindow), maxWindow)
	c.ConnWindow = min(max(or(c.ConnWindow, DefaultConnWindow), firstWindow), maxWindow)
	c.WriteBuffer = max(or(c.WriteBuffer, DefaultWriteBuffer), 2*maxFrame)
	return c
}

func or(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// Events report what no handler sees. Every func is optional and must not block.
type Events struct {
	// Refused tells of a request that was answered without a handler, because
	// it was malformed; x holds what was understood of it.
	Refused func(x *exchange.Exchange, status int, reason string)
	// Panic tells of a handler that panicked; the client got a 500 or a reset.
	Panic func(x *exchange.Exchange, value any, stack []byte)
	// Ended tells of connections closed for what their clients did since the last
	// call, at most once a second: how many, and of the last one the code it was
	// told and a constant text.
	Ended func(info *exchange.ConnInfo, code ErrCode, reason string, closed int)
}

// Server makes sessions of connections and runs their requests.
type Server struct {
	handler exchange.Handler
	events  Events
	sweeper *sock.Sweeper
	cfg     atomic.Pointer[Config]
	stamp   atomic.Pointer[stamp]
	crew    crew
	trim    sock.Trimmer
	streams sync.Pool // *stream
	inputs  sync.Pool // *[]byte of inputSize

	ended    atomic.Int64 // connections not yet told of in Events.Ended
	endedLog atomic.Int64 // sweeper time of its last call

	mu    sync.Mutex // guards conns
	conns map[*Conn]struct{}
}

// stamp is the Date field of one second, encoded, and the Server field.
type stamp struct {
	second int64
	server string
	fields []byte // both
	date   []byte // a part of fields
	name   []byte // likewise
}

// New returns a server for h. The sweeper stays the caller's and must outlive
// the server. Close ends it.
func New(cfg Config, h exchange.Handler, sweeper *sock.Sweeper, ev Events) *Server {
	s := &Server{handler: h, events: ev, sweeper: sweeper, conns: make(map[*Conn]struct{})}
	s.streams.New = func() any { return newStream() }
	s.inputs.New = func() any { b := make([]byte, inputSize); return &b }
	s.Configure(cfg)
	sweeper.Add(s)
	return s
}

// Configure changes the limits. Requests that begin from now on get them; sizes
// count for new connections, which were told of them.
func (s *Server) Configure(cfg Config) {
	cfg = cfg.withDefaults()
	s.cfg.Store(&cfg)
	s.setStamp(time.Now())
}

// Close ends the goroutines that wait for work, once those of sessions that
// still run have none. No session may begin after it; more calls do nothing.
func (s *Server) Close() {
	s.sweeper.Remove(s)
	s.crew.close()
}

// Session makes a session of nc, which has just been accepted or agreed on "h2".
// first are the bytes that were read from it already; they and info stay the
// session's. Nothing happens before Serve.
func (s *Server) Session(nc net.Conn, first []byte, info *exchange.ConnInfo) *Conn {
	return newConn(s, nc, first, info)
}

// Sweep implements sock.Swept.
func (s *Server) Sweep(now int64) {
	if day := time.Now(); s.stamp.Load().second != day.Unix() { // now is not the time of day
		s.setStamp(day)
		s.crew.trim()
	}
	s.trim.Sweep(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.sweep(now)
	}
}

// timeFormat is IMF-fixdate (RFC 9110 section 5.6.7).
const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

func (s *Server) setStamp(now time.Time) {
	server := s.cfg.Load().ServerHeader
	st := &stamp{second: now.Unix(), server: server}
	date := shared(indexDate, now.UTC().Format(timeFormat))
	st.fields = append(date, shared(indexServer, server)...)
	st.date, st.name = st.fields[:len(date)], st.fields[len(date):]
	s.stamp.Store(st)
}

// report tells of a connection that ends for err.
func (s *Server) report(info *exchange.ConnInfo, err *connError) {
	n := s.ended.Add(1)
	now, last := s.sweeper.Now(), s.endedLog.Load()
	if s.events.Ended == nil || now-last < int64(time.Second) || !s.endedLog.CompareAndSwap(last, now) {
		return
	}
	s.ended.Add(-n)
	s.events.Ended(info, err.code, err.reason, int(n))
}

func (s *Server) add(c *Conn) {
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}
