package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

// goAway reads the server's control stream up to its n-th GOAWAY and returns
// what that says.
func (c *raw) goAway(n int) quic.StreamID {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	s, err := c.qc.AcceptUniStream(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = s.SetReadDeadline(time.Now().Add(limit))
	d := reader{}
	d.reset(s)
	if kind, err := d.varint(); err != nil || kind != streamControl {
		c.t.Fatalf("stream of type %d, %v", kind, err)
	}
	for {
		kind, length, err := d.frame()
		if err != nil {
			c.t.Fatal(err)
		}
		b, err := d.take(int(length))
		if err != nil {
			c.t.Fatal(err)
		}
		if kind != frameGoAway {
			continue
		}
		if n--; n == 0 {
			id, _, _ := quicvarint.Parse(b)
			return quic.StreamID(id)
		}
	}
}

func TestADrainLetsRequestsEndAndRejectsLaterOnes(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		begun <- true
		<-end
		text(x, 200, "done")
	})
	c := r.dial()
	s := c.send(get("/"))
	<-begun
	drained := make(chan error, 1)
	go func() { drained <- r.srv.Shutdown(context.Background()) }() // ends with the request
	if id := c.goAway(2); id != s.StreamID()+4 {
		t.Errorf("GOAWAY says %d", id)
	}
	late := c.send(get("/late"))
	err := read(late).err
	if e, ok := errors.AsType[*quic.StreamError](err); !ok || e.ErrorCode != codeRequestRejected {
		t.Errorf("a request behind the GOAWAY: %v", err)
	}
	end <- true
	if got := read(s); got.body != "done" || got.err != nil {
		t.Errorf("%+v", got)
	}
	if code := c.closed(); code != codeNoError {
		t.Errorf("closed with %#x", code)
	}
	if err := <-drained; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestADrainUnderLoadLosesNothing(t *testing.T) {
	var handled, done, rejected atomic.Int64
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		handled.Add(1)
		echo(x)
	})
	var clients sync.WaitGroup
	warm := make(chan bool, 4)
	for range 4 {
		c := r.client()
		clients.Go(func() { // ends when the server has gone
			for i := 0; ; i++ {
				if i == 5 {
					warm <- true
				}
				res, err := c.Do(request(t, "GET", "https://a.test/", nil))
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
					if err != nil || res.StatusCode != 200 {
						t.Errorf("a request that was begun: %v", err)
					}
					done.Add(1)
					continue
				}
				rejected.Add(1)
				return
			}
		})
	}
	for range 4 {
		<-warm
	}
	if err := r.srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	clients.Wait()
	if done.Load() < 20 || done.Load() != handled.Load() || rejected.Load() != 4 {
		t.Errorf("%d handled, %d answered, %d clients ended", handled.Load(), done.Load(), rejected.Load())
	}
}

func TestADrainThatTakesTooLongIsCut(t *testing.T) {
	begun, cause := make(chan bool), make(chan error, 1)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		begun <- true
		<-x.Context().Done()
		if !x.Sink.ClientGone() {
			t.Error("the client is still there")
		}
		cause <- x.Cause()
	})
	s := r.dial().send(get("/"))
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-cause; !errors.Is(err, exchange.ErrCutOff) {
		t.Errorf("%v", err)
	}
	if got := read(s); got.err == nil {
		t.Errorf("%+v", got)
	}
}

func TestABodyThatIsCutOffSaysSo(t *testing.T) {
	begun, got := make(chan bool), make(chan error, 1)
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		begun <- true
		_, err := io.ReadAll(x.Request.Body)
		got <- err
	})
	r.dial().open(post("/", "content-length: 5"))
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = r.srv.Shutdown(ctx)
	if err := <-got; !errors.Is(err, exchange.ErrCutOff) {
		t.Errorf("%v", err)
	}
}

func TestIdleConnectionsAreToldToGo(t *testing.T) {
	cfg := testConfig()
	cfg.KeepaliveTimeout, cfg.HeaderTimeout = time.Millisecond, 50*time.Millisecond
	if got := start(t, cfg, Events{}, echo).dial().closed(); got != codeNoError {
		t.Errorf("one without a request: %#x", got)
	}
	cfg.HeaderTimeout = limit
	c := start(t, cfg, Events{}, echo).dial()
	if got := read(c.send(get("/"))); got.status != "200" {
		t.Errorf("%+v", got)
	}
	if got := c.closed(); got != codeNoError {
		t.Errorf("one with a request: %#x", got)
	}
}

func TestRequestsOfAConnectionAreCounted(t *testing.T) {
	cfg := testConfig()
	cfg.KeepaliveRequests = 2
	r := start(t, cfg, Events{}, echo)
	c := r.dial()
	for range 2 {
		if got := read(c.send(get("/"))); got.status != "200" {
			t.Errorf("%+v", got)
		}
	}
	if got := c.closed(); got != codeNoError {
		t.Errorf("%#x", got)
	}
}

func TestConnectionsBeyondTheLimitAreTurnedAway(t *testing.T) {
	cfg := testConfig()
	cfg.MaxConnections = 2
	full := make(chan int, 9)
	hold, begun := make(chan bool), make(chan bool, 9)
	ev := Events{Full: func(_ string, n int) { full <- n }}
	r := start(t, cfg, ev, func(x *exchange.Exchange) {
		begun <- true
		<-hold
		text(x, 200, "")
	})
	a, b := r.dial(), r.dial()
	sa, sb := a.send(get("/")), b.send(get("/"))
	<-begun
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tc := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}}
	_, err := quic.DialAddr(ctx, r.host(), tc, nil)
	if e, ok := errors.AsType[*quic.TransportError](err); !ok || e.ErrorCode != quic.ConnectionRefused {
		t.Errorf("a third connection: %v", err)
	}
	if n := <-full; n != 1 {
		t.Errorf("%d turned away", n)
	}
	close(hold)
	if x, y := read(sa), read(sb); x.status != "200" || y.status != "200" {
		t.Errorf("%+v %+v", x, y)
	}
	// Both are idle now: who comes makes one go.
	_, _ = quic.DialAddr(ctx, r.host(), tc, nil)
	select {
	case <-a.qc.Context().Done():
	case <-b.qc.Context().Done():
	case <-time.After(limit):
		t.Error("no idle connection made room")
	}
}

func TestStreamsThatAreResetCountUntilTheirHandlerEnds(t *testing.T) {
	cfg := testConfig()
	cfg.MaxStreams = 3
	var running, most atomic.Int64
	begun, end := make(chan bool, 100), make(chan bool)
	r := start(t, cfg, Events{}, func(*exchange.Exchange) {
		most.Store(max(most.Load(), running.Add(1)))
		begun <- true
		<-end
		running.Add(-1)
	})
	c := r.dial()
	for range 3 {
		s := c.send(get("/"))
		<-begun
		s.CancelRead(codeNoError)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.qc.OpenStreamSync(ctx); err == nil {
		t.Error("a fourth request could be begun")
	}
	end <- true
	end <- true
	end <- true
	c.send(get("/"))
	<-begun
	end <- true
	if n := most.Load(); n != 3 {
		t.Errorf("%d at once", n)
	}
}

func TestAFloodOfResetsEndsTheConnection(t *testing.T) {
	r := start(t, testConfig(), Events{}, func(x *exchange.Exchange) {
		for end := time.Now().Add(limit); !x.Sink.ClientGone() && time.Now().Before(end); {
			<-time.After(time.Millisecond)
		}
	})
	c := r.dial()
	for range 2*resetsAllowed + 10 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		s, err := c.qc.OpenStreamSync(ctx)
		cancel()
		if err != nil {
			break
		}
		_, _ = s.Write(get("/"))
		s.Close()
		s.CancelRead(codeNoError)
	}
	if got := c.closed(); got != codeExcessiveLoad {
		t.Errorf("closed with %#x", got)
	}
}

func TestAClosedListenerGivesItsSocketBack(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	c := r.client()
	if a := do(t, c, request(t, "POST", "https://a.test/", http.NoBody)); a.StatusCode != 200 {
		t.Errorf("%d", a.StatusCode)
	}
	r.srv.CloseListener(r.pc)
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	r.done <- nil
	pc, err := net.ListenPacket("udp", r.host())
	if err != nil {
		t.Fatal(err)
	}
	pc.Close()
}

func TestAServerThatHasEndedTakesNoSocket(t *testing.T) {
	s := New(testConfig(), exchange.HandlerFunc(echo), Events{})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(pc, Listener{Name: ":443", TLS: &tls.Config{}}); err != nil {
		t.Error(err)
	}
	if _, err := pc.WriteTo([]byte("x"), pc.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket is still open: %v", err)
	}
}

func TestASocketThatCannotServeIsAnError(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc.Close()
	s := New(testConfig(), exchange.HandlerFunc(echo), Events{})
	if err := s.Serve(pc, Listener{Name: ":443", TLS: &tls.Config{}}); err == nil {
		t.Error("no error")
	}
}

func TestTLSIsOfTheSiteThatSNINames(t *testing.T) {
	a, b := certstest.ForServer(t, "a.test"), certstest.ForServer(t, "b.test")
	made := 0
	base := &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		made++
		if h.ServerName == "b.test" {
			return &tls.Config{Certificates: []tls.Certificate{b}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}, nil
		}
		return &tls.Config{Certificates: []tls.Certificate{a}}, nil
	}}
	harness.NoLeaks(t)
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(testConfig(), exchange.HandlerFunc(echo), Events{})
	done := make(chan error)
	go func() { done <- s.Serve(pc, Listener{Name: ":443", TLS: base}) }() // ends with Shutdown
	for _, name := range []string{"a.test", "b.test"} {
		qc, err := quic.DialAddr(t.Context(), pc.LocalAddr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}, ServerName: name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := qc.ConnectionState().TLS.PeerCertificates[0].DNSNames[0]; got != name {
			t.Errorf("%s got the certificate of %s", name, got)
		}
		qc.CloseWithError(codeNoError, "")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil || made != 2 || base.NextProtos != nil {
		t.Errorf("%v, asked %d times, %v", err, made, base.NextProtos)
	}
}

func TestClientsProveTheirAddressUnderLoad(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	ln := func() *listener {
		r.srv.mu.Lock()
		defer r.srv.mu.Unlock()
		return r.srv.listeners[r.pc]
	}
	if a := do(t, r.client(), request(t, "GET", "https://a.test/", nil)); a.StatusCode != 200 {
		t.Errorf("%d", a.StatusCode)
	}
	if n := ln().handshakes.Load(); n != 0 {
		t.Errorf("%d handshakes under way", n)
	}
	ln().handshakes.Add(verifyAbove + 1)
	if !ln().tr.VerifySourceAddress(nil) {
		t.Error("addresses are believed")
	}
	if a := do(t, r.client(), request(t, "GET", "https://a.test/", nil)); a.StatusCode != 200 {
		t.Errorf("with a retry: %d", a.StatusCode)
	}
	ln().handshakes.Add(-verifyAbove - 1)
}

// A client that leaves no room on our control stream must not keep us from
// ending its connection.
func TestADrainDoesNotWaitForRoomOnTheControlStream(t *testing.T) {
	r := start(t, testConfig(), Events{}, echo)
	first := appendControl(nil, r.srv.cfg.Load())
	qc, err := quic.DialAddr(t.Context(), r.host(), &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"h3"},
	}, &quic.Config{InitialStreamReceiveWindow: uint64(len(first)), MaxStreamReceiveWindow: uint64(len(first))})
	if err != nil {
		t.Fatal(err)
	}
	c := &raw{t, qc}
	c.uni(streamControl, frameSettings, 0)
	if got := read(c.send(get("/"))); got.status != "200" { // the server has seen us
		t.Errorf("%+v", got)
	}
	if err := r.srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if code := c.closed(); code != codeNoError {
		t.Errorf("%#x", code)
	}
}
