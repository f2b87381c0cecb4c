package http3

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// conn is one client connection.
type conn struct {
	srv  *Server
	qc   *quic.Conn
	out  *quic.SendStream // our control stream
	info exchange.ConnInfo

	cutoff atomic.Bool // the server's deadline passed: end now

	mu       sync.Mutex // guards what follows
	active   map[*stream]struct{}
	next     quic.StreamID // the first that was not accepted
	served   int           // requests
	resets   int           // of them, those whose client went away before the end
	draining bool
	ended    bool          // run waits for streams, of which no more begin
	last     bool          // no stream from next on is served
	rested   time.Time     // when the last active stream ended
	idle     *time.Timer   // runs while no stream is active
	empty    chan struct{} // closed when last is set and no stream is active
	streams  sync.WaitGroup
}

// newConn returns a connection whose control stream is open, or nil when the
// client does not allow that; the connection is closed then.
func newConn(s *Server, qc *quic.Conn, listen string) *conn {
	c := &conn{
		srv: s, qc: qc, active: make(map[*stream]struct{}), empty: make(chan struct{}),
		info: connInfo(qc, connIDs|s.nextID.Add(1), listen), rested: time.Now(),
	}
	if err := c.hello(); err != nil {
		c.fail(&connError{codeStreamCreationError, "client takes no control stream"})
		return nil
	}
	cfg := s.cfg.Load()
	c.idle = time.AfterFunc(max(cfg.KeepaliveTimeout, cfg.HeaderTimeout), c.leave)
	return c
}

// run serves the connection until it ends.
func (c *conn) run() {
	c.streams.Go(c.acceptUni) // ends with the connection
	for {
		qs, err := c.qc.AcceptStream(c.qc.Context())
		if err != nil {
			break
		}
		c.begin(qs)
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.streams.Wait()
	c.idle.Stop()
}

// hello opens our control stream.
func (c *conn) hello() (err error) {
	if c.out, err = c.qc.OpenUniStream(); err != nil {
		return err
	}
	return c.out.TryWriteAll(appendControl(nil, c.srv.cfg.Load()))
}

// begin starts the request of a stream.
func (c *conn) begin(qs *quic.Stream) {
	c.mu.Lock()
	if c.last {
		c.mu.Unlock()
		qs.CancelRead(codeRequestRejected)
		qs.CancelWrite(codeRequestRejected)
		qs.ReleaseStreamCredit()
		return
	}
	cfg := c.srv.cfg.Load()
	c.next = qs.StreamID() + 4
	c.served++
	full := cfg.KeepaliveRequests > 0 && c.served >= cfg.KeepaliveRequests
	st := c.srv.streams.Get().(*stream)
	st.attach(c, qs, cfg)
	c.active[st] = struct{}{}
	c.idle.Stop()
	c.mu.Unlock()
	if full {
		c.leave()
	}
	c.streams.Go(func() { // ends with the request
		defer qs.ReleaseStreamCredit()
		defer c.finish(st)
		defer st.recovered()
		st.serve()
	})
}

// finish takes a stream that was served out of the books.
func (c *conn) finish(st *stream) {
	c.mu.Lock()
	delete(c.active, st)
	if len(c.active) == 0 {
		c.rested = time.Now()
		c.rest()
	}
	c.mu.Unlock()
	st.detach() // nobody can cancel its exchange any more
	c.srv.streams.Put(st)
	c.srv.trim.rest()
}

// rest is called with mu held when no stream is active.
func (c *conn) rest() {
	if c.last {
		close(c.empty)
		return
	}
	c.idle.Reset(c.srv.cfg.Load().KeepaliveTimeout)
}

// resetsAllowed is how many requests a client may give up before their end
// without being held against the others.
const resetsAllowed = 100

// wasReset counts a request whose client did not wait for its end. Who does
// that with more than half of many is not there for the answers.
func (c *conn) wasReset() {
	c.mu.Lock()
	c.resets++
	flood := c.resets > resetsAllowed && 2*c.resets > c.served
	c.mu.Unlock()
	if flood {
		c.fail(&connError{codeExcessiveLoad, "too many requests given up"})
	}
}

// acceptUni takes the client's unidirectional streams.
func (c *conn) acceptUni() {
	var p peer
	for {
		rs, err := c.qc.AcceptUniStream(c.qc.Context())
		if err != nil {
			return
		}
		// Its first bytes say what it is. One stream at a time: who sends a stream
		// without them loses the connection.
		_ = rs.SetReadDeadline(time.Now().Add(typeTimeout))
		kind, err := quicvarint.Read(quicvarint.NewReader(rs))
		if isTimeout(err) {
			c.fail(&connError{codeStreamCreationError, "stream without a type"})
		}
		if err != nil {
			if fault, ok := errors.AsType[*connError](p.useless()); ok {
				c.fail(fault)
			}
			rs.CancelRead(codeStreamCreationError)
			rs.ReleaseStreamCredit()
			continue
		}
		c.openUni(&p, kind, rs)
	}
}

// typeTimeout bounds the wait for the first bytes of a unidirectional stream.
const typeTimeout = 10 * time.Second

func (c *conn) openUni(p *peer, kind uint64, rs *quic.ReceiveStream) {
	serve, err := p.open(kind)
	switch {
	case err != nil:
		if fault, ok := errors.AsType[*connError](err); ok {
			c.fail(fault)
		}
		rs.CancelRead(codeStreamCreationError)
		rs.ReleaseStreamCredit()
	case serve:
		_ = rs.SetReadDeadline(time.Time{})
		c.streams.Go(func() { // ends with the stream or the connection
			d := reader{src: rs, buf: make([]byte, controlBuffer)}
			if fault, ok := errors.AsType[*connError](control(&d)); ok {
				c.fail(fault)
			}
		})
	}
	// The QPACK streams stay unread: without a dynamic table they have nothing to
	// say, and flow control bounds it.
}

// fail ends the connection with an error.
func (c *conn) fail(why *connError) {
	_ = c.qc.CloseWithError(why.code, why.reason)
}

// leave lets the requests under way end, tells the client to begin no more and
// then closes the connection. It does not wait.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining && !c.ended {
		c.draining = true
		c.streams.Go(c.drain) // ends with the connection
	}
}

// drain is the shutdown of RFC 9114 section 5.2: requests that the client sends
// before it knows are still served.
func (c *conn) drain() {
	ctx := c.qc.Context()
	// A client that leaves no room for it is not told.
	_ = c.out.SetWriteDeadline(time.Now().Add(goAwayLimit))
	_, _ = c.out.Write(appendGoAway(nil, lastRequest))
	rtt := c.qc.ConnectionStats().SmoothedRTT
	pause(ctx, max(goAwayPause, 2*rtt))
	c.mu.Lock()
	c.last = true
	next := c.next
	if len(c.active) == 0 {
		close(c.empty)
	}
	c.mu.Unlock()
	_, _ = c.out.Write(appendGoAway(nil, next))
	select {
	case <-ctx.Done():
		return
	case <-c.empty:
	}
	c.mu.Lock()
	rested := c.rested
	c.mu.Unlock()
	// QUIC does not tell when the client has everything. A response that has just
	// ended gets time for two losses.
	pause(ctx, time.Until(rested.Add(lastPause+4*rtt)))
	_ = c.qc.CloseWithError(codeNoError, "")
}

const (
	// lastRequest is above every stream a client can open for a request.
	lastRequest = 1<<62 - 4
	// goAwayPause is the least time a client has to hear of a GOAWAY.
	goAwayPause = 50 * time.Millisecond
	// goAwayLimit bounds the wait for room in the client's flow control.
	goAwayLimit = 5 * time.Second
	// lastPause is the least time the end of the last response has to arrive.
	lastPause = time.Second
)

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// isIdle reports whether no request is under way.
func (c *conn) isIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.active) == 0
}

// cut ends the connection and every request on it.
func (c *conn) cut() {
	c.cutoff.Store(true)
	c.mu.Lock()
	for st := range c.active {
		st.x.Cancel(exchange.ErrCutOff)
	}
	c.mu.Unlock()
	_ = c.qc.CloseWithError(codeNoError, "")
}
