package upstream

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// A connection that switched protocols is a tunnel: bytes in both directions,
// for as long as both sides like. It has left the pool, so that no request waits
// for a slot that a tunnel holds, and is counted on its own.

// ErrTunnels: as many tunnels are open as Config.MaxTunnels allows.
var ErrTunnels = errors.New("upstream: as many tunnels are open as max_tunnels allows")

// Switcher is a Reply that can turn its request into a stream of bytes.
type Switcher interface {
	// Switch sends the head of the switching response, in x.Response, and returns
	// the client's side. Done is called when the stream has ended.
	Switch() (exchange.Stream, error)
}

// Tunnels returns how many tunnels are open or asked for.
func (b *Backend) Tunnels() int { return int(b.tunnels.Load()) }

// doSwitching is Do for a request that asks for another protocol. It has a slot
// while it is a request, and none while it is a tunnel.
func (b *Backend) doSwitching(x *exchange.Exchange, in *Input, out Reply, c *Call) error {
	if n := b.tunnels.Add(1); n > int64(b.cfg.MaxTunnels) {
		b.tunnels.Add(-1)
		return out.Done(ErrTunnels)
	}
	defer b.tunnels.Add(-1)
	c.begin(b, x, in, out)
	defer c.overHTTP().drop() // when something panics
	err := c.run()
	if err == nil && c.http.client != nil {
		err = c.tunnel()
	}
	err = out.Done(err)
	c.end()
	return err
}

// tunnel has the client switch too, and copies until both sides have ended.
func (c *call) tunnel() error {
	s, ok := c.out.(Switcher)
	if !ok {
		return &ReplyError{What: "101, and the client's protocol cannot be switched"}
	}
	c.passed = true
	client, err := s.Switch()
	if err != nil {
		return err
	}
	t := &tunnel{
		client: client, server: c.http.client, x: c.x, clock: c.b.sweeper.Now,
		idle: int64(c.b.cfg.TunnelTimeout), send: int64(c.b.cfg.SendTimeout),
	}
	t.touch()
	c.b.sweeper.Add(t)
	t.run(c.http.rest)
	c.b.sweeper.Remove(t)
	t.cuts.Wait()
	c.x.Trace.BodyIn += t.up
	c.x.Trace.Upstream = time.Since(c.sent)
	return nil
}

// tunnelBuffer is what a tunnel holds of each direction at once.
const tunnelBuffer = 16 << 10

// halfOpen is how long a tunnel stays of which one side has ended and nothing
// comes from the other: a server that closed its connection altogether looks
// like one that still reads.
const halfOpen = 30 * time.Second

// tunnel copies between a client and a server.
type tunnel struct {
	client exchange.Stream
	server net.Conn
	x      *exchange.Exchange
	clock  func() int64
	idle   int64 // nanoseconds without a byte in either direction; 0: for ever
	send   int64 // nanoseconds in which the server takes a piece; 0: for ever

	up      int64        // bytes from the client; valid when run has returned
	last    atomic.Int64 // clock of the last byte
	writing atomic.Int64 // clock when a write to the server began; 0: none is under way
	half    atomic.Bool  // one side has ended

	cutting atomic.Bool
	cuts    sync.WaitGroup // of Sweep
}

// run copies until both sides have ended. rest came from the server already.
func (t *tunnel) run(rest []byte) {
	done := make(chan struct{})
	go func() { // ends with the client's side, or when cut closes it; awaited below
		defer close(done)
		t.upload()
	}()
	t.download(rest)
	<-done
}

// upload copies from the client to the server.
func (t *tunnel) upload() {
	buf := make([]byte, tunnelBuffer)
	for {
		n, err := t.client.Read(buf)
		if n > 0 {
			t.up += int64(n)
			if t.toServer(buf[:n]) != nil {
				break
			}
		}
		if err == io.EOF && t.endServer() == nil {
			return
		}
		if err != nil {
			break
		}
	}
	t.cut()
}

func (t *tunnel) toServer(p []byte) error {
	t.touch()
	t.writing.Store(t.clock())
	_, err := t.server.Write(p)
	t.writing.Store(0)
	t.touch()
	return err
}

// endServer tells the server that nothing more follows.
func (t *tunnel) endServer() error {
	t.ended()
	half, ok := t.server.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// download copies from the server to the client.
func (t *tunnel) download(rest []byte) {
	buf := make([]byte, tunnelBuffer)
	n, err := 0, error(nil)
	for p := rest; ; p = buf[:n] {
		if len(p) > 0 {
			t.touch()
			if _, werr := t.client.Write(p); werr != nil {
				break
			}
			t.touch()
		}
		if err == io.EOF {
			t.ended()
			if t.client.CloseWrite() == nil {
				return
			}
		}
		if err != nil {
			break
		}
		n, err = t.server.Read(buf)
	}
	t.cut()
}

func (t *tunnel) touch() { t.last.Store(t.clock()) }

func (t *tunnel) ended() {
	t.half.Store(true)
	t.touch()
}

// cut ends both sides at once. It may be called from any goroutine.
func (t *tunnel) cut() {
	t.server.Close()
	t.client.Close()
}

// Sweep implements sock.Swept.
func (t *tunnel) Sweep(now int64) {
	if t.over(now) && t.cutting.CompareAndSwap(false, true) {
		t.cuts.Go(t.cut) // ends at once; it may take a lock of the client's connection
	}
}

// over reports whether the tunnel is to be cut.
func (t *tunnel) over(now int64) bool {
	quiet := now - t.last.Load()
	writing := t.writing.Load()
	switch {
	case t.x.Cause() != nil:
		return true
	case writing != 0 && t.send > 0 && now-writing > t.send:
		return true
	case t.half.Load() && quiet > int64(halfOpen):
		return true
	}
	return t.idle > 0 && quiet > t.idle
}
