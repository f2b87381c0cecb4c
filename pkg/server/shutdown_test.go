package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/listen"
	"github.com/fcgigw/fcgigw/pkg/server"
	"github.com/fcgigw/fcgigw/pkg/sock"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestShutdownClosesIdleConnectionsAndLetsBusyOnesEnd(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	r := start(t, config(), func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/slow" {
			close(entered)
			<-goOn
		}
		echo(x)
	})
	parked := r.dial(t)
	parked.send(get("/"))
	parked.want(200, "/")
	harness.Eventually(t, "it is parked", func() bool { return r.Parked() == 1 })
	idle, busy := r.dial(t), r.dial(t)
	idle.send(get("/"))
	idle.want(200, "/")
	busy.send(get("/slow"))
	<-entered
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(context.Background()) }() // ends when busy has ended
	parked.wantEnd()
	idle.wantEnd()
	if nc, err := net.Dial("tcp", r.addr); err == nil {
		nc.Close()
		t.Error("a connection is accepted while the server drains")
	}
	select {
	case err := <-done:
		t.Errorf("shutdown ended before the request: %v", err)
	default:
	}
	close(goOn)
	if a := busy.want(200, "/slow"); !a.Close {
		t.Error("the last response does not say close")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsWhatIsLeftWhenItsContextEnds(t *testing.T) {
	got := make(chan error, 1)
	entered := make(chan struct{})
	r := start(t, config(), func(x *exchange.Exchange) {
		close(entered)
		_, err := io.ReadAll(x.Request.Body) // the client never sends it
		got <- err
		x.Sink.Abort()
	})
	c := r.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
	<-entered
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-got; !errors.Is(err, exchange.ErrClientGone) {
		t.Errorf("the handler got %v", err)
	}
	c.wantEnd()
}

// lastMinute gives out a connection although it was closed, as an accept that
// was under way does.
type lastMinute struct {
	net.Listener
	closed chan struct{}
	nc     net.Conn
}

func (l *lastMinute) Accept() (net.Conn, error) {
	<-l.closed
	if nc := l.nc; nc != nil {
		l.nc = nil
		return nc, nil
	}
	return nil, net.ErrClosed
}

func (l *lastMinute) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func TestShutdownWaitsForAConnectionAcceptedAtTheLastMoment(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c := dial(t, "tcp", ln.Addr().String())
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	sweeper := sock.NewSweeper(tick)
	defer sweeper.Close()
	s, err := server.New(config(), exchange.HandlerFunc(echo), sweeper, server.Events{})
	if err != nil {
		t.Fatal(err)
	}
	late := &lastMinute{Listener: ln, closed: make(chan struct{}), nc: nc}
	entered := make(chan struct{})
	go func() { close(entered); _ = s.Serve(late, server.Listener{Name: "here"}) }() // ends with Shutdown
	<-entered
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	nc.Close()
	c.Close()
}

func TestServeBehindShutdownTakesNothing(t *testing.T) {
	r := start(t, config(), echo)
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Serve(ln, server.Listener{Name: "late"}); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the listener is open")
	}
}

func TestAFullServerClosesAnIdleConnectionForANewOne(t *testing.T) {
	cfg := config()
	cfg.MaxConnections = 2
	entered, goOn := make(chan struct{}), make(chan struct{})
	r := start(t, cfg, func(x *exchange.Exchange) {
		if string(x.Request.Path) == "/slow" {
			entered <- struct{}{}
			<-goOn
		}
		echo(x)
	})
	idle := r.dial(t)
	idle.send(get("/"))
	idle.want(200, "/")
	harness.Eventually(t, "it is parked", func() bool { return r.Parked() == 1 })
	var busy []*client
	for range 2 { // the second takes the place of the idle one
		c := r.dial(t)
		c.send(get("/slow"))
		<-entered
		busy = append(busy, c)
	}
	idle.wantEnd()
	turned := r.dial(t) // there is nothing to shed
	if _, err := turned.br.ReadByte(); err == nil {
		t.Error("a connection beyond the limit was served")
	}
	close(goOn)
	for _, c := range busy {
		c.want(200, "/slow")
	}
}

// tired fails a few accepts.
type tired struct {
	net.Listener
	errs int
}

func (l *tired) Accept() (net.Conn, error) {
	if l.errs > 0 {
		l.errs--
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestAFailedAcceptIsReportedAndTriedAgain(t *testing.T) {
	ln, err := listen.Open(t.Context(), "127.0.0.1:0", listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sweeper := sock.NewSweeper(tick)
	defer sweeper.Close()
	reports := make(chan string, 4)
	s, err := server.New(config(), exchange.HandlerFunc(echo), sweeper, server.Events{
		AcceptError: func(listen string, err error) { reports <- listen + ": " + err.Error() },
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(&tired{ln, 2}, server.Listener{Name: "here"}) // ends with Shutdown
	c := dial(t, "tcp", ln.Addr().String())
	c.send(get("/"))
	c.want(200, "/")
	for range 2 {
		if got := <-reports; got != "here: too many open files" {
			t.Error(got)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
