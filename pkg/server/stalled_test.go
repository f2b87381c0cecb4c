package server_test

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/server"
)

// short is a listener that accepts nothing while descriptors are short.
type short struct {
	net.Listener
	conns chan net.Conn
	short atomic.Bool
}

func newShort(ln net.Listener) *short {
	l := &short{Listener: ln, conns: make(chan net.Conn)}
	go func() { // ends with the listener
		defer close(l.conns)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			l.conns <- nc
		}
	}()
	return l
}

func (l *short) Accept() (net.Conn, error) {
	if l.short.Load() {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	nc, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return nc, nil
}

// shortOfFiles is a server with a session each of so many stalled requests.
func shortOfFiles(t *testing.T, ev server.Events, stalled ...int64) (*short, []*lines) {
	t.Helper()
	cfg := config()
	cfg.HTTP2 = true
	ln := newShort(loopback(t))
	r := startListener(t, cfg, echo, ln, server.Listener{Name: "here"}, ev)
	made := make(chan *lines, len(stalled))
	r.SetSessions(func(nc net.Conn, first []byte, info *exchange.ConnInfo) server.Session {
		l := newLines(nc, first, info)
		made <- l
		return l
	})
	var list []*lines
	for _, n := range stalled {
		c := r.dial(t)
		c.send(preface)
		l := <-made
		c.line("hello")
		l.stalled.Store(n)
		list = append(list, l)
	}
	ln.short.Store(true)
	r.dial(t) // the accept that is under way gets it, the next one fails
	return ln, list
}

func TestWithoutDescriptorsTheSessionWithMostStalledRequestsIsCut(t *testing.T) {
	told := make(chan string, 8)
	var ln *short
	ready := make(chan struct{})
	ev := server.Events{Stalled: func(info *exchange.ConnInfo, requests int) {
		<-ready
		ln.short.Store(false)
		told <- fmt.Sprintf("%s %d", info.PeerAddr, requests)
	}}
	ln, list := shortOfFiles(t, ev, 1, 40, 7)
	close(ready)
	if got := <-told; got != "127.0.0.1 40" {
		t.Errorf("told %q", got)
	}
	if list[0].cut.Load() || !list[1].cut.Load() || list[2].cut.Load() {
		t.Error("another one was cut")
	}
}

func TestWithoutDescriptorsAWorseConnectionElsewhereIsCutFirst(t *testing.T) {
	asked := make(chan int, 1)
	ev := server.Events{
		Stalled: func(*exchange.ConnInfo, int) { t.Error("a session was cut") },
		CutElsewhere: func(atLeast int) bool {
			select {
			case asked <- atLeast:
			default: // the test has what it wants
			}
			return true
		},
	}
	ln, list := shortOfFiles(t, ev, 3)
	if n := <-asked; n != 3 {
		t.Errorf("asked for more than %d", n)
	}
	ln.short.Store(false)
	if list[0].cut.Load() {
		t.Error("a session was cut")
	}
}

func TestWithoutDescriptorsSessionsThatDoNotStallStay(t *testing.T) {
	failed := make(chan error, 16)
	ev := server.Events{
		AcceptError: func(_ string, err error) {
			select {
			case failed <- err:
			default: // enough are known
			}
		},
		Stalled: func(*exchange.ConnInfo, int) { t.Error("a session was cut") },
	}
	ln, list := shortOfFiles(t, ev, 0)
	for range 3 {
		<-failed
	}
	ln.short.Store(false)
	if list[0].cut.Load() {
		t.Error("a session was cut")
	}
}
