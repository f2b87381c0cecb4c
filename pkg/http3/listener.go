package http3

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	// verifyAbove is how many handshakes may be under way on a socket before
	// clients have to prove their address first, which costs them a round trip.
	verifyAbove = 64
	// aliveTimeout is how long a client may be silent; keepAlive asks it to say
	// something, so that a slow script is no reason to end a connection and a
	// client that vanished is noticed.
	aliveTimeout = 30 * time.Second
	keepAlive    = 15 * time.Second
	// uniStreams is how many unidirectional streams a client may have: it needs
	// three, and greases (RFC 9114 section 6.2).
	uniStreams = 8
	// Flow control: what a client may send that nobody has read. It begins with
	// the first values; who is read fast gets up to the second.
	streamWindow, maxStreamWindow = 256 << 10, 2 << 20
	connWindow, maxConnWindow     = 512 << 10, 4 << 20
	// A handshake may take as long as a request head, within these bounds.
	minHandshake, maxHandshake = 2 * time.Second, 10 * time.Second
)

// listener is one UDP socket.
type listener struct {
	srv  *Server
	name string
	pc   net.PacketConn
	tr   *quic.Transport
	ln   *quic.Listener

	handshakes atomic.Int64
	running    sync.WaitGroup // connections

	mu       sync.Mutex // guards what follows
	draining bool
	conns    map[*conn]struct{}
}

func newListener(s *Server, pc net.PacketConn, l Listener) (*listener, error) {
	ln := &listener{srv: s, name: l.Name, pc: pc, conns: make(map[*conn]struct{})}
	ln.tr = &quic.Transport{
		Conn:                pc,
		VerifySourceAddress: func(net.Addr) bool { return ln.handshakes.Load() > verifyAbove },
		ConnContext:         ln.connContext,
		StatelessResetKey:   &quic.StatelessResetKey{},
	}
	_, _ = rand.Read(ln.tr.StatelessResetKey[:]) // it does not fail
	base := quicConfig(s.cfg.Load())
	base.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) { return quicConfig(s.cfg.Load()), nil }
	var err error
	if ln.ln, err = ln.tr.Listen(tlsConfig(l.TLS), base); err != nil {
		ln.tr.Close()
		return nil, fmt.Errorf("http3: listen on %s: %w", l.Name, err)
	}
	return ln, nil
}

func quicConfig(cfg *Config) *quic.Config {
	handshake := maxHandshake
	if cfg.HeaderTimeout > 0 {
		handshake = max(minHandshake, min(maxHandshake, cfg.HeaderTimeout))
	}
	return &quic.Config{
		HandshakeIdleTimeout:           handshake / 2, // twice that for all of it
		MaxIdleTimeout:                 aliveTimeout,
		KeepAlivePeriod:                keepAlive,
		InitialStreamReceiveWindow:     streamWindow,
		MaxStreamReceiveWindow:         maxStreamWindow,
		InitialConnectionReceiveWindow: connWindow,
		MaxConnectionReceiveWindow:     maxConnWindow,
		MaxIncomingStreams:             int64(cfg.MaxStreams),
		MaxIncomingUniStreams:          uniStreams,
		RequireStreamCreditRelease:     true,
	}
}

// tlsConfig makes QUIC's of a listener's configuration.
func tlsConfig(t *tls.Config) *tls.Config {
	// Ticket keys are made on first use; made before the copy they are the same
	// in all copies (go.dev/issue/60506).
	_, _ = t.DecryptTicket(nil, tls.ConnectionState{})
	c := t.Clone()
	c.NextProtos = []string{"h3"}
	c.MinVersion = tls.VersionTLS13
	c.MaxVersion = 0
	if get := c.GetConfigForClient; get != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			t, err := get(hello)
			if t == nil || err != nil {
				return t, err
			}
			return tlsConfig(t), nil
		}
	}
	return c
}

// connContext counts a connection from its first packet to its end.
func (ln *listener) connContext(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	if err := ln.srv.admit(ln); err != nil {
		return nil, err
	}
	ln.handshakes.Add(1)
	done := sync.OnceFunc(func() { ln.handshakes.Add(-1) })
	context.AfterFunc(ctx, func() {
		done()
		ln.srv.open.Add(-1)
	})
	return context.WithValue(ctx, handshakeDone{}, done), nil
}

// handshakeDone is the key of the func that ends the count of a handshake.
type handshakeDone struct{}

// accept serves connections until the listener is closed, and then until the
// last of them has ended.
func (ln *listener) accept() error {
	var err error
	for {
		var qc *quic.Conn
		if qc, err = ln.ln.Accept(context.Background()); err != nil {
			break
		}
		if done, ok := qc.Context().Value(handshakeDone{}).(func()); ok {
			done()
		}
		ln.begin(qc)
	}
	ln.running.Wait()
	if errors.Is(err, quic.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("http3: accept on %s: %w", ln.name, err)
}

func (ln *listener) begin(qc *quic.Conn) {
	c := newConn(ln.srv, qc, ln.name)
	if c == nil {
		return
	}
	ln.mu.Lock()
	ln.conns[c] = struct{}{}
	draining := ln.draining
	ln.mu.Unlock()
	ln.running.Go(func() { // ends with the connection and its requests
		c.run()
		ln.mu.Lock()
		delete(ln.conns, c)
		ln.mu.Unlock()
	})
	if draining {
		c.leave()
	}
}

// each calls f for every connection.
func (ln *listener) each(f func(*conn)) {
	ln.mu.Lock()
	list := make([]*conn, 0, len(ln.conns))
	for c := range ln.conns {
		list = append(list, c)
	}
	ln.mu.Unlock()
	for _, c := range list {
		f(c)
	}
}

// drain stops accepting and tells every connection to go.
func (ln *listener) drain() {
	ln.mu.Lock()
	ln.draining = true
	ln.mu.Unlock()
	ln.ln.Close() // waits for handshakes, which it ends
	ln.each((*conn).leave)
}

func (ln *listener) cut() { ln.each((*conn).cut) }

// shedIdle makes an idle connection go, to make room for one that comes soon.
func (ln *listener) shedIdle() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for c := range ln.conns {
		if c.isIdle() {
			c.leave()
			return
		}
	}
}

// close gives the socket back.
func (ln *listener) close() {
	ln.tr.Close()
	ln.pc.Close()
}
