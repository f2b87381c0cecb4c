package fcgitest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// Script is what a backend does on one connection, step by step. The
// connection is closed behind the last step. A step that fails because the
// client went away ends the script.
type Script []Step

// Step is one thing to do.
type Step func(p *Play) error

// Play is a script being played.
type Play struct {
	nc   net.Conn
	in   []byte // read and not yet used
	id   uint16 // of the request last seen by ExpectRequest or Expect
	stop <-chan struct{}
}

// StartScripts listens on a unix socket and plays the scripts: the first on
// the first connection, and so on; further connections are closed at once. It
// returns the socket's path. The test's end closes every connection.
func StartScripts(tb testing.TB, scripts ...Script) string {
	tb.Helper()
	path := socketPath(tb)
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	PlayOn(tb, l, scripts...)
	return path
}

// PlayOn is StartScripts on a listener of the caller's, which it closes.
func PlayOn(tb testing.TB, l net.Listener, scripts ...Script) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the cleanup closes l
		for i := 0; ; i++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			if i >= len(scripts) {
				nc.Close()
				continue
			}
			wg.Go(func() { // ends with its script, or when stop closes
				_ = scripts[i].Play(nc, stop)
			})
		}
	})
	tb.Cleanup(func() {
		close(stop)
		l.Close()
		wg.Wait()
	})
}

// Play plays the script on nc and closes nc, at the latest when stop closes.
// It returns the error of the step that failed.
func (s Script) Play(nc net.Conn, stop <-chan struct{}) error {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // ends with the script
		select {
		case <-stop:
			nc.Close()
		case <-over:
		}
	})
	defer wg.Wait()
	defer close(over)
	defer nc.Close()
	p := &Play{nc: nc, id: 1, stop: stop}
	for i, step := range s {
		if err := step(p); err != nil {
			return fmt.Errorf("fcgitest: step %d: %w", i+1, err)
		}
	}
	return nil
}

// Expect reads n bytes and takes the request id from them if a BEGIN_REQUEST
// is at their start.
func Expect(n int) Step {
	return func(p *Play) error {
		if err := p.need(n); err != nil {
			return err
		}
		p.noteID()
		p.in = p.in[n:]
		return nil
	}
}

// ExpectBytes reads len(want) bytes and compares them.
func ExpectBytes(want []byte) Step {
	return func(p *Play) error {
		if err := p.need(len(want)); err != nil {
			return err
		}
		if !bytes.Equal(p.in[:len(want)], want) {
			return fmt.Errorf("got %x, want %x", p.in[:len(want)], want)
		}
		p.in = p.in[len(want):]
		return nil
	}
}

// ExpectRequest reads to the end of a request's STDIN, whatever else comes,
// and takes its id for the steps that answer.
func ExpectRequest() Step {
	return func(p *Play) error {
		var parser fcgi.Parser
		for {
			part, used, err := parser.Next(p.in)
			p.in = p.in[used:]
			switch {
			case err != nil:
				return err
			case part.Type == fcgi.TypeBeginRequest:
				p.id = part.ID
			case part.Type == fcgi.TypeStdin && part.EOS:
				return nil
			case part.Type == 0:
				if err := p.more(); err != nil {
					return err
				}
			}
		}
	}
}

// Send writes bytes as they are.
func Send(b []byte) Step {
	return func(p *Play) error { return p.write(b) }
}

// SendFor writes what f makes for the id of the present request.
func SendFor(f func(id uint16) []byte) Step {
	return func(p *Play) error { return p.write(f(p.id)) }
}

// Slowly writes what f makes in pieces of n bytes, each by a write of its own.
func Slowly(n int, f func(id uint16) []byte) Step {
	return func(p *Play) error {
		for b := f(p.id); len(b) > 0; {
			k := min(n, len(b))
			if err := p.write(b[:k]); err != nil {
				return err
			}
			b = b[k:]
		}
		return nil
	}
}

// Stdout writes b as STDOUT of the present request.
func Stdout(b []byte) Step {
	return SendFor(func(id uint16) []byte { return fcgi.AppendStream(nil, fcgi.TypeStdout, id, b) })
}

// Stderr writes b as STDERR of the present request.
func Stderr(b []byte) Step {
	return SendFor(func(id uint16) []byte { return fcgi.AppendStream(nil, fcgi.TypeStderr, id, b) })
}

// End writes END_REQUEST for the present request.
func End(appStatus uint32, protocolStatus uint8) Step {
	return SendFor(func(id uint16) []byte {
		return fcgi.AppendEnd(nil, id, fcgi.End{AppStatus: appStatus, ProtocolStatus: protocolStatus})
	})
}

// Reply writes stdout and END_REQUEST in one write.
func Reply(stdout string) Step {
	return SendFor(func(id uint16) []byte {
		b := fcgi.AppendStream(nil, fcgi.TypeStdout, id, []byte(stdout))
		return fcgi.AppendEnd(b, id, fcgi.End{})
	})
}

// Wait waits for ch to close, or the test's end.
func Wait(ch <-chan struct{}) Step {
	return func(p *Play) error {
		select {
		case <-ch:
			return nil
		case <-p.stop:
			return errors.New("test ended")
		}
	}
}

// Stall does nothing, without reading, until the test ends.
func Stall() Step { return Wait(nil) }

// Drain reads until the client closes.
func Drain() Step {
	return func(p *Play) error {
		_, err := io.Copy(io.Discard, p.nc)
		return err
	}
}

// Close closes the connection now.
func Close() Step {
	return func(p *Play) error { return p.nc.Close() }
}

// CloseWrite ends the backend's side and leaves the other open.
func CloseWrite() Step {
	return func(p *Play) error {
		cw, ok := p.nc.(interface{ CloseWrite() error })
		if !ok {
			return errors.New("connection cannot be half closed")
		}
		return cw.CloseWrite()
	}
}

// Reset closes a TCP connection by a reset; others are closed.
func Reset() Step {
	return func(p *Play) error {
		if tc, ok := p.nc.(*net.TCPConn); ok {
			if err := tc.SetLinger(0); err != nil {
				return err
			}
		}
		return p.nc.Close()
	}
}

// Do runs f, to tell the test how far the script has come.
func Do(f func()) Step {
	return func(*Play) error { f(); return nil }
}

func (p *Play) write(b []byte) error {
	_, err := p.nc.Write(b)
	return err
}

// need reads until p.in has n bytes.
func (p *Play) need(n int) error {
	for len(p.in) < n {
		if err := p.more(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Play) more() error {
	var b [8192]byte
	n, err := p.nc.Read(b[:])
	p.in = append(p.in, b[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

func (p *Play) noteID() {
	if h, err := fcgi.ParseHeader(p.in); err == nil && h.Type == fcgi.TypeBeginRequest {
		p.id = h.ID
	}
}
