package fcgi

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

// What a zero MuxConfig stands for.
const (
	DefaultStreams      = 64
	DefaultStreamBuffer = 1 << 20
	DefaultWriteBuffer  = 256 << 10
	DefaultStall        = time.Second
)

// MuxConfig is what a Mux may be told. The zero value works, without timeouts.
type MuxConfig struct {
	// Sweeper, ReadTimeout, SendTimeout and Buffers are as in Config, except
	// that a SendTimeout ends the connection with all its requests.
	Sweeper     *sock.Sweeper
	ReadTimeout time.Duration
	SendTimeout time.Duration
	Buffers     *Buffers
	// Streams is how many requests it carries at a time, at most 65535.
	Streams int
	// StreamBuffer is how many bytes of one reply may wait for its caller, at
	// least 64 KiB.
	StreamBuffer int
	// WriteBuffer is how many bytes of requests may wait to be written, at
	// least 64 KiB; callers wait when it is full. Two of these are held.
	WriteBuffer int
	// Stall is how long the replies of all requests wait for one caller whose
	// StreamBuffer is full.
	Stall time.Duration
}

func (c *MuxConfig) fillIn() {
	if c.Buffers == nil {
		c.Buffers = new(Buffers)
	}
	if c.Streams <= 0 {
		c.Streams = DefaultStreams
	}
	if c.StreamBuffer <= 0 {
		c.StreamBuffer = DefaultStreamBuffer
	}
	if c.WriteBuffer <= 0 {
		c.WriteBuffer = DefaultWriteBuffer
	}
	if c.Stall <= 0 {
		c.Stall = DefaultStall
	}
	c.Streams = min(c.Streams, 65535)
	c.StreamBuffer = max(c.StreamBuffer, bufferLen)
	c.WriteBuffer = max(c.WriteBuffer, bufferLen)
}

// errBurned ends a connection all of whose ids belong to abandoned requests.
var errBurned = errors.New("fcgi: every stream was abandoned")

// Mux is a client connection that carries many requests at a time, for
// backends that answer FCGI_MPXS_CONNS=1 to Probe. All methods may be called
// by any goroutine.
//
// FastCGI has no flow control: a reply that is not taken stands in the way of
// all others behind it. A Mux therefore reads ahead into a buffer per request,
// and a Handler used with it must not block on anything but disk and CPU; one
// that does loses its request (ErrOverrun), not its neighbours'.
//
// An abandoned request (an error of its handler, a timeout) is told to the
// backend by ABORT_REQUEST, and its id is not used again before the backend
// has ended it. When all ids are gone that way the connection is closed.
type Mux struct {
	nc  net.Conn
	rc  syscall.RawConn // nil: ordinary path
	cfg MuxConfig

	streams []atomic.Pointer[stream] // by id-1; made on first use, with mu held

	// Lock order: mu, then a stream's mu or the writer's mu.
	mu      sync.Mutex // guards what follows; never held across I/O
	free    idSet
	inUse   int
	zombies int
	err     error // why the connection is over

	w    muxWriter
	rd   muxReader
	look look
	done chan struct{} // closed when the read loop has ended
}

// NewMux takes over nc and starts its read loop, which ends with the
// connection. Close must be called.
func NewMux(nc net.Conn, cfg MuxConfig) *Mux {
	cfg.fillIn()
	m := &Mux{nc: nc, rc: sock.Raw(nc), cfg: cfg, done: make(chan struct{})}
	m.streams = make([]atomic.Pointer[stream], cfg.Streams)
	m.free = newIDSet(cfg.Streams)
	m.rd.in.pool = cfg.Buffers
	m.w.init(m)
	if cfg.Sweeper != nil {
		cfg.Sweeper.Add((*muxWatch)(m))
	}
	go m.readLoop() // ends when the connection does
	return m
}

// Do sends req beside others and hands its reply to h, under the contract of
// Conn.Do; h must not block on a peer. It returns ErrNoStream at once when all
// streams are in use, and ErrClosed when the connection is over. A *ProtocolError
// of the connection is returned to the requests that had received something;
// to the others it is ErrStale with the *ProtocolError beneath.
func (m *Mux) Do(req *Request, h Handler) (End, error) {
	req.Progress = Progress{}
	s, err := m.acquire(h)
	if err != nil {
		return End{}, err
	}
	s.src.reset(req, s.id, true)
	s.src.cut = true // what multiplexes reads PARAMS as a stream; pieces are smaller than some pairs
	if err = s.send(); err == nil {
		err = s.serve(h)
	}
	s.endBody(req)
	return m.release(s, req, err)
}

// Free returns how many more requests may be begun now.
func (m *Mux) Free() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return 0
	}
	return m.cfg.Streams - m.inUse
}

// InUse returns how many streams are taken, by requests and by abandoned ones
// that the backend has not ended.
func (m *Mux) InUse() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inUse
}

// Err returns why the connection is over, nil while it is not.
func (m *Mux) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Close closes the connection and waits for its goroutines; running requests
// end with ErrClosed. It must not be called from a Handler. It returns nil and
// may be called again.
func (m *Mux) Close() error {
	m.fail(ErrClosed)
	<-m.done
	m.w.wg.Wait()
	return nil
}

// acquire takes the smallest free id.
func (m *Mux) acquire(h Handler) (*stream, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, ErrClosed
	}
	i := m.free.take()
	if i < 0 {
		return nil, ErrNoStream
	}
	s := m.streams[i].Load()
	if s == nil {
		s = newStream(m, uint16(i+1))
		m.streams[i].Store(s)
	}
	m.inUse++
	s.begin(h, m.now())
	return s, nil
}

// release ends s's request on our side and works out its result.
func (m *Mux) release(s *stream, req *Request, err error) (End, error) {
	begun := s.src.stage != stageBegin
	s.src = source{}
	end, done, received := s.retire(begun)
	if begun && !done {
		// Before the id can be given back: if its END_REQUEST comes now, this
		// is still ahead of the BEGIN_REQUEST of whoever gets the id next.
		m.w.abort(s.id)
		end, done = s.abandon()
	}
	req.Progress = Progress{Sent: begun, Received: received}
	switch {
	case done || !begun:
		m.freeID(s, false)
	case !m.abandon():
		m.fail(errBurned)
	}
	if err != nil || !done {
		return End{}, err
	}
	return end, end.err(s.id)
}

// abandon counts an id that waits for the backend's END_REQUEST; false when
// none is left.
func (m *Mux) abandon() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.zombies++
	return m.zombies < m.cfg.Streams
}

// freeID makes s's id available again.
func (m *Mux) freeID(s *stream, zombie bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if zombie {
		m.zombies--
	}
	m.inUse--
	m.free.give(int(s.id) - 1)
}

// lookup returns the stream of an id that has been used, or nil.
func (m *Mux) lookup(id uint16) *stream {
	if id == 0 || int(id) > len(m.streams) {
		return nil
	}
	return m.streams[id-1].Load()
}

// fail ends the connection: every running request gets an error, and the read
// loop, which closes the socket, is woken. Only the first call counts.
func (m *Mux) fail(cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return
	}
	m.err = cause
	for i := range m.streams {
		if s := m.streams[i].Load(); s != nil {
			s.lost(cause)
		}
	}
	m.w.shut(cause)
	_ = m.nc.SetDeadline(past) // fails on a closed connection only
}

func (m *Mux) now() int64 {
	if m.cfg.Sweeper == nil {
		return 0
	}
	return m.cfg.Sweeper.Now()
}

// lostError is what the end of the connection means for one request.
func lostError(cause error, received bool) error {
	var pe *ProtocolError
	switch {
	case cause == ErrClosed || cause == ErrSendTimeout:
		return cause
	case !errors.As(cause, &pe):
		return broken(received, cause)
	case received:
		return cause
	}
	return fmt.Errorf("%w: %w", ErrStale, cause)
}

// look remembers what Sweep needs between two calls.
type look struct {
	reads  atomic.Uint32 // counted by the read loop
	last   uint32        // reads at the Sweep before; sweeper's goroutine only
	nudged atomic.Bool   // the read deadline was set to make the read loop look
}
