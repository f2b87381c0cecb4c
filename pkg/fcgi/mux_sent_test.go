package fcgi_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/test/harness"
)

// TestMuxRequestThatTheKernelRefusedWasNotSent writes to a backend that takes
// no more, which the write notices before the read does.
func TestMuxRequestThatTheKernelRefusedWasNotSent(t *testing.T) {
	harness.NoLeaks(t)
	l := must[net.Listener](t)(net.Listen("unix", filepath.Join(t.TempDir(), "s.sock")))
	defer l.Close()
	m := newMux(t, dial(t, l.Addr().String()), fcgi.MuxConfig{})
	peer := must[net.Conn](t)(l.Accept())
	if err := peer.(*net.UnixConn).CloseRead(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	req := post(nil)
	go func() { // ends when the backend closes
		_, err := m.Do(req, new(collect))
		done <- err
	}()
	waitFor(t, func() bool { return !m.Reusable() })
	if _, err := m.Do(post(nil), new(collect)); err != fcgi.ErrClosed {
		t.Error(err)
	}
	peer.Close()
	if err := <-done; !errors.Is(err, fcgi.ErrStale) || req.Progress != (fcgi.Progress{}) {
		t.Errorf("%v, %+v", err, req.Progress)
	}
}

// stuffed returns a Mux on a connection whose backend reads nothing and whose
// socket is full. One request is being written already; it ends with done.
func stuffed(t *testing.T, end <-chan struct{}) (m *fcgi.Mux, done <-chan error) {
	t.Helper()
	nc := dial(t, fcgitest.StartScripts(t, fcgitest.Script{fcgitest.Wait(end)}))
	for full := false; !full; {
		_ = nc.SetWriteDeadline(time.Now().Add(short))
		_, err := nc.Write(make([]byte, 64<<10))
		full = errors.Is(err, os.ErrDeadlineExceeded)
	}
	_ = nc.SetWriteDeadline(time.Time{})
	m = newMux(t, nc, fcgi.MuxConfig{Sweeper: sweeper(t, time.Millisecond)})
	ended := make(chan error, 1)
	go func() { // ends when the backend closes
		_, err := m.Do(post(nil), new(collect))
		ended <- err
	}()
	waitFor(t, func() bool { return m.Claimed() > 0 })
	return m, ended
}

// five starts five requests that remain in the buffer.
func five(t *testing.T, m *fcgi.Mux, h func() *collect) (reqs [5]*fcgi.Request, ended <-chan error) {
	t.Helper()
	done := make(chan error, len(reqs))
	for i := range reqs {
		reqs[i] = post(pattern(1000))
		go func() { // ends when the backend closes, or as h says
			_, err := m.Do(reqs[i], h())
			done <- err
		}()
	}
	waitFor(t, func() bool { return m.Buffered() > 1000*len(reqs) })
	return reqs, done
}

func TestMuxRequestsThatNeverLeftTheBufferWereNotSent(t *testing.T) {
	harness.NoLeaks(t)
	end := make(chan struct{})
	m, first := stuffed(t, end)
	reqs, done := five(t, m, func() *collect { return new(collect) })
	close(end)
	if err := <-first; !errors.Is(err, fcgi.ErrStale) {
		t.Error(err)
	}
	for range reqs {
		if err := <-done; !errors.Is(err, fcgi.ErrStale) {
			t.Error(err)
		}
	}
	for i, req := range reqs {
		if req.Progress != (fcgi.Progress{}) {
			t.Errorf("request %d: %+v", i, req.Progress)
		}
	}
}

func TestMuxRequestsThatMayStillLeaveTheBufferCountAsSent(t *testing.T) {
	harness.NoLeaks(t)
	m, _ := stuffed(t, nil)
	stop := make(chan struct{})
	reqs, done := five(t, m, func() *collect { return giveUpWhen(stop) })
	close(stop)
	for range reqs {
		if err := <-done; err != errGone {
			t.Error(err)
		}
	}
	for i, req := range reqs {
		if req.Progress != (fcgi.Progress{Sent: true}) {
			t.Errorf("request %d: %+v", i, req.Progress)
		}
	}
}
