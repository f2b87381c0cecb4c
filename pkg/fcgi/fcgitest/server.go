package fcgitest

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// MaxBody is the most bytes of any one stream (PARAMS, STDIN, DATA) that a
// Server takes; it closes the connection of a longer one.
const MaxBody = 256 << 20

// Request is one request as it arrived, with all its streams complete.
type Request struct {
	ID       uint16
	Role     fcgi.Role
	KeepConn bool
	Params   map[string]string
	Names    []string // of the params in the order they came, repeats included
	Stdin    []byte
	Data     []byte
	Conn     int             // which connection it came on, from 1
	Aborted  <-chan struct{} // closed by ABORT_REQUEST or when the connection ends
}

// Handler answers one request on a goroutine of its own. When it returns
// without having called End, the server sends END_REQUEST with status 0.
type Handler func(w *Response, r *Request)

// Server is a FastCGI responder. Set its fields before Start or Serve.
type Server struct {
	// Handler answers the requests; required.
	Handler Handler
	// Mpxs: serve several requests of one connection at a time, and say so to
	// GET_VALUES. Otherwise a second request gets CANT_MPX_CONN.
	Mpxs bool
	// Values answers GET_VALUES; nil answers FCGI_MPXS_CONNS only.
	Values map[string]string
	// MaxRequests closes a connection behind that many replies, as php-fpm's
	// pm.max_requests does. 0: never.
	MaxRequests int

	// Forget: do not keep the requests for Requests, for long runs.
	Forget bool

	mu       sync.Mutex // guards what follows
	seen     []*Request
	aborts   int
	accepted int
	conns    map[net.Conn]struct{}
	l        net.Listener
	closed   bool
	wg       sync.WaitGroup
}

// Start listens on a unix socket in tb's temporary directory, serves until the
// test ends, and returns the socket's path.
func (s *Server) Start(tb testing.TB) string {
	tb.Helper()
	path := socketPath(tb)
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	s.serve(tb, l)
	return path
}

// maxPath is how long the path of a unix socket may be (sun_path) with a byte
// to spare.
const maxPath = 106

// socketPath returns a path in tb's temporary directory, or in one of its own
// where a long test name makes that path too long for a socket.
func socketPath(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if len(dir) > maxPath-len("/s.sock") {
		short, err := os.MkdirTemp("", "fcgitest")
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { os.RemoveAll(short) })
		dir = short
	}
	return filepath.Join(dir, "s.sock")
}

// StartTCP is Start on a loopback TCP port; it returns host:port.
func (s *Server) StartTCP(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.serve(tb, l)
	return l.Addr().String()
}

func (s *Server) serve(tb testing.TB, l net.Listener) {
	s.mu.Lock()
	s.l = l
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends when Close closes l
		defer close(done)
		_ = s.Serve(l)
	}()
	tb.Cleanup(func() {
		s.Close()
		<-done
	})
}

// Serve accepts connections from l until Close, and returns l's error.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.l = l
	s.mu.Unlock()
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		s.ServeConn(nc)
	}
}

// ServeConn serves one connection in the background; Close waits for it.
func (s *Server) ServeConn(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return
	}
	if s.conns == nil {
		s.conns = make(map[net.Conn]struct{})
	}
	s.conns[nc] = struct{}{}
	s.accepted++
	c := &conn{s: s, nc: nc, number: s.accepted, reqs: make(map[uint16]*pending)}
	s.wg.Add(1)
	go func() { // ends with the connection
		defer s.wg.Done()
		c.serve()
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
	}()
}

// CloseConns closes the connections that are open now, as a backend that
// restarts does, and keeps listening.
func (s *Server) CloseConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.conns {
		nc.Close()
	}
}

// Close stops listening, closes every connection and waits for the handlers:
// those that wait should do so on Request.Aborted.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	if s.l != nil {
		s.l.Close()
	}
	for nc := range s.conns {
		nc.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Requests returns the requests seen so far, in the order they became complete.
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Request(nil), s.seen...)
}

// Aborts returns how many ABORT_REQUEST records came.
func (s *Server) Aborts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.aborts
}

// Accepted returns how many connections were accepted so far.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open returns how many connections are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) saw(r *Request) {
	if s.Forget {
		return
	}
	s.mu.Lock()
	s.seen = append(s.seen, r)
	s.mu.Unlock()
}

func (s *Server) sawAbort() {
	s.mu.Lock()
	s.aborts++
	s.mu.Unlock()
}
