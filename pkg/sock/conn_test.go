package sock_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/sock"
)

func TestRawIsThereForPolledSocketsOnly(t *testing.T) {
	unixConn, _ := pair(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcpConn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcpConn.Close()
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for _, c := range []struct {
		name string
		conn net.Conn
		want bool
	}{
		{"unix", unixConn, true},
		{"tcp", tcpConn, true},
		{"pipe", pipe, false},
		{"tls over tcp", tls.Client(tcpConn, &tls.Config{ServerName: "x"}), false},
		{"nothing", nil, false},
	} {
		if got := sock.Raw(c.conn) != nil; got != c.want {
			t.Errorf("%s: raw access %v, want %v", c.name, got, c.want)
		}
	}
}

func TestReadNeverWaits(t *testing.T) {
	a, b := pair(t)
	buf := make([]byte, 4)
	read := func() (n int, err error) {
		on(t, a, func(fd uintptr) { n, err = sock.Read(fd, buf) })
		return n, err
	}
	if n, err := read(); n != 0 || err != sock.ErrAgain {
		t.Fatalf("empty socket: %d, %v", n, err)
	}
	send(t, b, "abcdef")
	for _, want := range []string{"abcd", "ef"} {
		if n, err := read(); err != nil || string(buf[:n]) != want {
			t.Fatalf("got %q, %v, want %q", buf[:n], err, want)
		}
	}
	if n, err := read(); n != 0 || err != sock.ErrAgain {
		t.Fatalf("emptied socket: %d, %v", n, err)
	}
	send(t, b, "x")
	b.Close()
	if n, err := read(); n != 1 || err != nil {
		t.Fatalf("last byte: %d, %v", n, err)
	}
	if n, err := read(); n != 0 || err != io.EOF {
		t.Fatalf("ended socket: %d, %v", n, err)
	}
}

// noFD is a descriptor that no process has.
const noFD = ^uintptr(0)

func TestErrorsOfTheSystemComeAsTheyAre(t *testing.T) {
	if n, err := sock.Read(noFD, make([]byte, 1)); n != 0 || !errors.Is(err, syscall.EBADF) {
		t.Errorf("Read: %d, %v", n, err)
	}
	if n, err := sock.Write(noFD, []byte("x")); n != 0 || !errors.Is(err, syscall.EBADF) {
		t.Errorf("Write: %d, %v", n, err)
	}
	if n, err := sock.Writev(noFD, [][]byte{[]byte("x")}); n != 0 || !errors.Is(err, syscall.EBADF) {
		t.Errorf("Writev: %d, %v", n, err)
	}
	if s := sock.Peek(noFD); s != sock.Closed {
		t.Errorf("Peek: %v", s)
	}
}

// fillUp writes p with write until the kernel takes no more, and returns all
// it took.
func fillUp(t *testing.T, p []byte, write func() (int, error)) (taken []byte) {
	t.Helper()
	for {
		n, err := write()
		switch {
		case err == sock.ErrAgain && n == 0:
			return taken
		case err != nil || n == 0:
			t.Fatalf("%d, %v behind %d bytes", n, err, len(taken))
		}
		taken = append(taken, p[:n]...)
	}
}

func TestWritesTakeWhatFitsAndThenSayAgain(t *testing.T) {
	p := bytes.Repeat([]byte("0123456789"), 100_000)
	for name, write := range map[string]func(fd uintptr) (int, error){
		"Write":  func(fd uintptr) (int, error) { return sock.Write(fd, p) },
		"Writev": func(fd uintptr) (int, error) { return sock.Writev(fd, [][]byte{p[:15], nil, p[15:15], p[15:]}) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			taken := fillUp(t, p, func() (n int, err error) {
				on(t, a, func(fd uintptr) { n, err = write(fd) })
				return n, err
			})
			if len(taken) == 0 || len(taken)%len(p) == 0 {
				t.Fatalf("no short write in %d bytes", len(taken))
			}
			a.Close()
			if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, taken) {
				t.Fatalf("%d bytes arrived of %d taken, %v", len(got), len(taken), err)
			}
		})
	}
}

func TestWritevKeepsTheOrderOfItsParts(t *testing.T) {
	a, b := pair(t)
	on(t, a, func(fd uintptr) {
		if n, err := sock.Writev(fd, [][]byte{[]byte("ab"), {}, nil, []byte("cd"), []byte("e")}); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	got := make([]byte, 5)
	if _, err := io.ReadFull(b, got); err != nil || string(got) != "abcde" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestWritesToAClosedPeerFail(t *testing.T) {
	a, b := pair(t)
	b.Close()
	on(t, a, func(fd uintptr) {
		if n, err := sock.Write(fd, []byte("x")); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Write: %d, %v", n, err)
		}
		if n, err := sock.Writev(fd, [][]byte{[]byte("x")}); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Writev: %d, %v", n, err)
		}
	})
}

func TestPeekTakesNothing(t *testing.T) {
	a, b := pair(t)
	rc := raw(t, a)
	if s := sock.PeekConn(rc); s != sock.Quiet {
		t.Fatalf("nothing sent: %v", s)
	}
	send(t, b, "x")
	b.Close()
	for range 2 {
		if s := sock.PeekConn(rc); s != sock.Data {
			t.Fatalf("a byte before the end: %v", s)
		}
	}
	if n, err := a.Read(make([]byte, 8)); n != 1 || err != nil {
		t.Fatalf("the byte: %d, %v", n, err)
	}
	if s := sock.PeekConn(rc); s != sock.Closed {
		t.Fatalf("peer closed: %v", s)
	}
	a.Close()
	if s := sock.PeekConn(rc); s != sock.Closed {
		t.Fatalf("closed on our side: %v", s)
	}
}

func TestPeekConnWithoutRawAccessIsQuiet(t *testing.T) {
	if s := sock.PeekConn(nil); s != sock.Quiet {
		t.Fatal(s)
	}
}

func TestPeekSeesAPeerThatOnlyEndedItsSide(t *testing.T) {
	a, b := pair(t)
	if err := b.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if s := sock.PeekConn(raw(t, a)); s != sock.Closed {
		t.Fatal(s)
	}
}

func TestReadWriteAndPeekAllocateNothing(t *testing.T) {
	a, b := pair(t)
	buf, p := make([]byte, 8), []byte("xy")
	fa, fb := uintptr(fdOf(t, a)), uintptr(fdOf(t, b))
	allocs := testing.AllocsPerRun(100, func() {
		_, _ = sock.Write(fa, p)
		state := sock.Peek(fb)
		if n, err := sock.Read(fb, buf); n != len(p) || err != nil || state != sock.Data {
			t.Errorf("%d, %v, %v", n, err, state)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// The one is the array of vectors that unix.Writev makes.
func TestWritevAllocatesOnceAtMost(t *testing.T) {
	a, b := pair(t)
	buf, vec := make([]byte, 8), [][]byte{[]byte("x"), []byte("y")}
	fa, fb := uintptr(fdOf(t, a)), uintptr(fdOf(t, b))
	allocs := testing.AllocsPerRun(100, func() {
		_, _ = sock.Writev(fa, vec)
		if n, err := sock.Read(fb, buf); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestAllReadTellsWhatThePeerHasRead(t *testing.T) {
	a, b := pair(t)
	look := func() (all bool) {
		on(t, a, func(fd uintptr) { all = sock.AllRead(fd) })
		return all
	}
	if !look() {
		t.Error("nothing was written")
	}
	send(t, a, "abc")
	if look() {
		t.Error("nothing was read")
	}
	buf := make([]byte, 2)
	if _, err := b.Read(buf); err != nil || look() {
		t.Errorf("one byte is left: %v", err)
	}
	if _, err := b.Read(buf); err != nil || !look() {
		t.Errorf("all is read: %v", err)
	}
	send(t, a, "abc")
	b.Close()
	if !look() {
		t.Error("it will never be read")
	}
}

func TestAllReadIsToldOfEveryReading(t *testing.T) {
	a, b := pair(t)
	send(t, a, "abcdef")
	done := make(chan error, 1)
	go func() { done <- sock.Raw(a).Write(sock.AllRead) }() // ends when all is read
	for range 6 {
		if _, err := b.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestALookLeavesTheErrorToTheReader(t *testing.T) {
	one, peer := pair(t)
	send(t, one, "never read")
	peer.Close() // with bytes unread, which resets a unix socket as well
	for range 2 {
		if sock.PeekConn(sock.Raw(one)) != sock.Closed {
			t.Error("a broken connection is not closed")
		}
	}
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the reader sees %v", err)
	}
}
