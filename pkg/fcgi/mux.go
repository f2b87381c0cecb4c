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

// maxIDs is how many request ids there are (section 3.3); 0 is not one.
const maxIDs = 65535

// spareIDs is how many requests may be abandoned before a connection should be
// replaced.
const spareIDs = 256

// MuxConfig is what a Mux may be told. The zero value works, without timeouts.
type MuxConfig struct {
	// Sweeper, ReadTimeout, SendTimeout and Buffers are as in Config, except
	// that a SendTimeout ends the connection with all its requests.
	Sweeper     *sock.Sweeper
	ReadTimeout time.Duration
	SendTimeout time.Duration
	Buffers     *Buffers
	// Streams is how many requests it carries at a time, at most 65535. Those
	// that were abandoned do not count, although the backend may still be busy
	// with them.
	Streams int
	// StreamBuffer is how many bytes of one reply may wait for its caller, at
	// least 64 KiB.
	StreamBuffer int
	// WriteBuffer is how many bytes of requests may wait to be written, at
	// least 64 KiB; callers wait when it is full. Two of these are held.
	WriteBuffer int
	// Stall is how long the replies of all requests wait for one caller whose
	// StreamBuffer is full. It is for callers that are held up by disk or CPU;
	// no Handler should ever wait for a peer.
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
	c.Streams = min(c.Streams, maxIDs)
	c.StreamBuffer = max(c.StreamBuffer, bufferLen)
	c.WriteBuffer = max(c.WriteBuffer, bufferLen)
}

// errBurned ends a connection all of whose ids belonged to abandoned requests.
var errBurned = errors.New("fcgi: every request id was abandoned")

// errPanicked ends the request of a Handler that panicked. Nobody gets to see it.
var errPanicked = errors.New("fcgi: handler panicked")

// Mux is a client connection that carries many requests at a time, for
// backends that answer FCGI_MPXS_CONNS=1 to Probe. All methods may be called
// by any goroutine.
//
// FastCGI has no flow control: a reply that is not taken stands in the way of
// all others behind it. A Mux therefore reads ahead into a buffer per request,
// and a Handler used with it must not block on anything but disk and CPU; one
// that does loses its request (ErrOverrun), not its neighbours'. What a slow
// client has not taken belongs into a store of the Handler's own, and when
// that is full the Handler returns an error.
//
// Request ids are the smallest that are free (section 3.3). Only an id whose
// request was sent whole and ended by END_REQUEST is used again. An abandoned
// request (an error of its handler, a timeout) is told to the backend by
// ABORT_REQUEST, as is one that was answered before its body was sent; such an
// id is never used again, and what still comes for it is dropped: Go's
// net/http/fcgi answers an ABORT_REQUEST with END_REQUEST, and again when the
// handler returns, which would hit the next request of that id. There are more
// ids than streams to make up for it; see Reusable.
//
// A backend that answers twice of its own accord is noticed, and its
// connection closed, if the second answer is read together with the first or
// while the id is free; callers are woken behind a whole read for that reason.
// Keeping every id unused for a while would notice more of it, though never
// all, and give up the small ids that the specification asks for; so it is not
// done.
type Mux struct {
	nc  net.Conn
	rc  syscall.RawConn // nil: ordinary path
	cfg MuxConfig

	streams []atomic.Pointer[stream] // by id-1; made on first use, with mu held

	// Lock order: mu, then a stream's mu or the writer's mu.
	mu      sync.Mutex // guards what follows; never held across I/O
	free    idSet
	active  int    // requests in Do
	zombies int    // abandoned requests that the backend has not ended
	spent   int    // ids that are not used again
	doubt   uint64 // the count of reads, plus 1, when a request was given up because nothing came to anybody
	err     error  // why the connection is over

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
	ids := min(2*cfg.Streams+spareIDs, maxIDs)
	m.streams = make([]atomic.Pointer[stream], ids)
	m.free = newIDSet(ids)
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
// streams are in use, and ErrClosed when the connection is over or can no longer
// be written to. A *ProtocolError of the connection is returned to the requests
// that had received something; to the others it is ErrStale with the
// *ProtocolError beneath.
func (m *Mux) Do(req *Request, h Handler) (end End, err error) {
	req.Progress = Progress{}
	s, err := m.acquire(h)
	if err != nil {
		return End{}, err
	}
	err = errPanicked // unless h lets us come to the end of this
	defer func() { end, err = m.release(s, req, err) }()
	s.src.reset(req, s.id, true)
	s.src.cut = true // what multiplexes reads PARAMS as a stream; pieces are smaller than some pairs
	if err = s.send(); err == nil {
		err = s.serve(h)
	}
	return End{}, err
}

// Free returns how many more requests may be begun now.
func (m *Mux) Free() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return 0
	}
	return min(m.cfg.Streams-m.active, len(m.streams)-m.spent-m.active)
}

// InUse returns how many requests the backend has not ended, as far as is
// known: those in Do, and abandoned ones.
func (m *Mux) InUse() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.active + m.zombies
}

// Reusable says whether the connection should get more requests. It is false
// when the connection is over or can no longer be written to; when many ids
// were abandoned; and when a request ended by ErrReadTimeout while nobody else
// got anything either, until somebody does. In the last two cases Do works all
// the same: a pool that asks behind every request loses none.
func (m *Mux) Reusable() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch left := len(m.streams) - m.spent; {
	case m.err != nil, m.w.dead.Load():
		return false
	case left < min(2*m.cfg.Streams, len(m.streams)):
		return false
	}
	return m.doubt == 0 || m.doubt != m.look.reads.Load()+1
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

// fail ends the connection: every running request gets an error, and the read
// loop, which closes the socket, is woken. Only the first call counts.
func (m *Mux) fail(cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return
	}
	m.err = cause
	m.w.shut(cause) // first: whoever is woken below asks how far writing got
	for i := range m.streams {
		if s := m.streams[i].Load(); s != nil {
			s.lost(cause)
		}
	}
	_ = m.nc.SetDeadline(sock.Past()) // fails on a closed connection only
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
	reads  atomic.Uint64 // counted by the read loop
	last   uint64        // reads at the Sweep before; sweeper's goroutine only
	nudged atomic.Bool   // the read deadline was set to make the read loop look
}
