package sock_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

func serverConfig(tb testing.TB) *tls.Config {
	tb.Helper()
	return &tls.Config{
		Certificates:           []tls.Certificate{certstest.ForServer(tb)},
		SessionTicketsDisabled: true, // nothing is to be read behind the handshake
	}
}

// versions are those that records differ in.
var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// eachVersion runs f with a connection of each version; nc is the client's
// socket beneath c.
func eachVersion(t *testing.T, f func(t *testing.T, s *sock.TLS, c *tls.Conn, nc *net.UnixConn)) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			s, c, nc := secure(t, version)
			f(t, s, c, nc)
		})
	}
}

func secure(tb testing.TB, version uint16) (*sock.TLS, *tls.Conn, *net.UnixConn) {
	tb.Helper()
	a, b := pair(tb)
	_ = a.SetWriteBuffer(1) // the kernel makes it its least
	s, err := sock.NewTLS(a, serverConfig(tb), new(sock.Records))
	if err != nil {
		tb.Fatal(err)
	}
	c := tls.Client(b, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	_ = b.SetDeadline(time.Now().Add(patience))
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }() // ends with the client's side
	if err := c.HandshakeContext(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if err := <-done; err != nil {
		tb.Fatal(err)
	}
	return s, c, b
}

// step reads once inside the callback, as whoever waits there does.
func step(tb testing.TB, s *sock.TLS, p []byte) (n int, err error) {
	tb.Helper()
	rerr := s.Raw().Read(func(fd uintptr) bool {
		s.Edge()
		n, err = s.ReadFD(fd, p)
		return true
	})
	if rerr != nil {
		tb.Fatal(rerr)
	}
	return n, err
}

func TestAReadInTheCallbackDoesNotWait(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *sock.TLS, c *tls.Conn, _ *net.UnixConn) {
		p := make([]byte, 100)
		for range 2 { // nothing is lost by asking
			if n, err := step(t, s, p); n != 0 || !errors.Is(err, sock.ErrAgain) {
				t.Fatalf("got %d, %v", n, err)
			}
		}
		send(t, c, "hello")
		if n, err := step(t, s, p); string(p[:n]) != "hello" || err != nil {
			t.Fatalf("got %q, %v", p[:n], err)
		}
		_ = c.CloseWrite()
		if n, err := step(t, s, p); n != 0 || !errors.Is(err, io.EOF) {
			t.Fatalf("got %d, %v", n, err)
		}
	})
}

// recorder keeps what a tls.Conn writes.
type recorder struct {
	net.Conn
	sent bytes.Buffer
	on   bool
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.on {
		return r.sent.Write(p)
	}
	return r.Conn.Write(p)
}

func TestARecordMayArriveByteByByte(t *testing.T) {
	a, b := pair(t)
	s, err := sock.NewTLS(a, serverConfig(t), new(sock.Records))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Conn: b}
	c := tls.Client(r, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }() // ends with the client's side
	if err := errors.Join(c.HandshakeContext(t.Context()), <-done); err != nil {
		t.Fatal(err)
	}
	r.on = true
	send(t, c, "first")
	send(t, c, "second")
	var got []byte
	p := make([]byte, 100)
	for i, x := range r.sent.Bytes() {
		if _, err := b.Write([]byte{x}); err != nil {
			t.Fatal(err)
		}
		n, err := step(t, s, p)
		got = append(got, p[:n]...)
		if err != nil && !errors.Is(err, sock.ErrAgain) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if s.Partial() != (n == 0) {
			t.Fatalf("byte %d: partial is %v with %d bytes read", i, s.Partial(), n)
		}
	}
	if string(got) != "firstsecond" {
		t.Errorf("got %q", got)
	}
}

func TestTryWriteOverTLSTakesWhatFitsAndLosesNothing(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *sock.TLS, c *tls.Conn, _ *net.UnixConn) {
		want := make([]byte, 1<<20)
		if _, err := rand.Read(want); err != nil {
			t.Fatal(err)
		}
		got := make(chan []byte, 1)
		short, left := 0, want
		var reading bool
		for size := 1; len(left) > 0; size = size*3%70_001 + 1 {
			p := left[:min(size, len(left))]
			n, err := s.TryWrite(p)
			if err != nil {
				t.Fatal(err)
			}
			left = left[n:]
			if n == len(p) {
				continue
			}
			short++
			if !reading { // it did not wait: nobody reads until now
				reading = true
				go func() { // ends with the last byte
					b := make([]byte, len(want))
					_, _ = io.ReadFull(c, b)
					got <- b
				}()
			}
			if short%2 == 0 { // the rest by the other way
				k := min(len(left), 5)
				if n, err := s.Write(left[:k]); n != k || err != nil {
					t.Fatalf("got %d, %v", n, err)
				}
				left = left[k:]
			}
		}
		if short == 0 {
			t.Fatal("the kernel took everything")
		}
		if n, err := s.TryWrite(nil); n != 0 || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
		if !bytes.Equal(<-got, want) {
			t.Error("the client got something else")
		}
	})
}

// fill writes until the client, which does not read, takes no more, and returns
// what it would have to go on with.
func fill(tb testing.TB, s *sock.TLS) []byte {
	tb.Helper()
	p := make([]byte, 100_000)
	for {
		n, err := s.TryWrite(p)
		if err != nil {
			tb.Fatal(err)
		}
		if n < len(p) {
			return p[n:]
		}
	}
}

func TestAWriteThatDoesNotGoOnWithTheRestIsRefused(t *testing.T) {
	s, c, _ := secure(t, tls.VersionTLS13)
	p := bytes.Repeat([]byte("x"), 1000)
	n, err := s.TryWrite(p)
	for ; n == len(p) && err == nil; n, err = s.TryWrite(p) {
	}
	if n != len(p)-1 || err != nil { // the last byte is what the caller has to come for
		t.Fatalf("got %d, %v", n, err)
	}
	if n, err := s.TryWrite(p[n:]); n != 0 || err != nil {
		t.Fatalf("the rest, still without room: %d, %v", n, err)
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // ends with the connection
	if _, err := s.Write([]byte("y")); err == nil {
		t.Error("no error")
	}
}

func TestADeadlineDuringAWriteBreaksNothing(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *sock.TLS, c *tls.Conn, _ *net.UnixConn) {
		rest := fill(t, s)
		_ = s.SetWriteDeadline(time.Unix(1, 0))
		n, err := s.Write(rest)
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("got %d, %v", n, err)
		}
		_ = s.SetWriteDeadline(time.Time{})
		done := make(chan error, 1)
		go func() { // ends with the end of the stream
			_, err := io.Copy(io.Discard, c)
			done <- err
		}()
		if n, err := s.Write(rest); n != len(rest) || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("the client got %v", err)
		}
	})
}

func TestSeveralPartsAreWrittenInOrder(t *testing.T) {
	s, c, _ := secure(t, tls.VersionTLS13)
	parts := [][]byte{[]byte("one,"), nil, []byte("two,"), {}, []byte("three")}
	var n int
	var err error
	if cerr := s.Raw().Control(func(fd uintptr) { n, err = s.WriteFD(fd, parts) }); cerr != nil {
		t.Fatal(cerr)
	}
	if n != 13 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	got := make([]byte, n)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "one,two,three" {
		t.Errorf("got %q, %v", got, err)
	}
	if len(parts) != 5 || string(parts[0]) != "one," {
		t.Error("the parts were changed")
	}
}

func TestALeavingTLSClientIsSeenBehindItsLastAlert(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *sock.TLS, c *tls.Conn, nc *net.UnixConn) {
		if got := sock.PeekTLS(s.Raw()); got != sock.Quiet {
			t.Fatalf("at the start: %v", got)
		}
		_ = c.CloseWrite()
		if got := sock.PeekTLS(s.Raw()); got != sock.Data {
			t.Fatalf("with an alert, but open: %v", got)
		}
		_ = nc.CloseWrite()
		if got := sock.PeekTLS(s.Raw()); got != sock.Closed {
			t.Errorf("behind the end: %v", got)
		}
	})
	eachVersion(t, func(t *testing.T, s *sock.TLS, c *tls.Conn, nc *net.UnixConn) {
		send(t, c, "GET /")
		_ = nc.CloseWrite()
		if got := sock.PeekTLS(s.Raw()); got != sock.Data {
			t.Errorf("with a request in front of the end: %v", got)
		}
	})
	if got := sock.PeekTLS(nil); got != sock.Quiet {
		t.Errorf("without a socket: %v", got)
	}
}

func TestCloseTellsTheClientUnlessAResetIsAskedFor(t *testing.T) {
	for _, reset := range []bool{false, true} {
		eachVersion(t, func(t *testing.T, s *sock.TLS, _ *tls.Conn, nc *net.UnixConn) {
			if reset {
				_ = s.SetLinger(0)
			}
			s.Close()
			if got, err := io.ReadAll(nc); (len(got) > 0) == reset || err != nil {
				t.Errorf("reset %v: %d bytes, %v", reset, len(got), err)
			}
		})
	}
}

func TestATLSConnectionNeedsASocket(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := sock.NewTLS(a, serverConfig(t), new(sock.Records)); err == nil {
		t.Error("no error")
	}
	if sock.NewPlain(a) != nil {
		t.Error("a pipe is a socket")
	}
}

func TestPlainConnectionsAreDirectToo(t *testing.T) {
	a, b := pair(t)
	_ = a.SetWriteBuffer(1)
	var d sock.Direct = sock.NewPlain(a)
	total, p := 0, bytes.Repeat([]byte("x"), 50_000)
	for {
		n, err := d.TryWrite(p)
		if err != nil {
			t.Fatal(err)
		}
		total += n
		if n < len(p) {
			break
		}
	}
	got, err := io.ReadFull(b, make([]byte, total))
	if got != total || err != nil {
		t.Fatalf("got %d, %v", got, err)
	}
	_ = d.CloseWrite()
	if n, err := b.Read(p); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got %d, %v", n, err)
	}
	d.Close()
	if _, err := d.TryWrite(p); err == nil || errors.Is(err, syscall.EAGAIN) {
		t.Errorf("a closed connection: %v", err)
	}
}
