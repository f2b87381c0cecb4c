package sock

import (
	"errors"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrAgain says that a call would have had to wait. It is never returned
// together with a count above zero.
var ErrAgain = errors.New("sock: would block")

// Raw returns the raw access of c, or nil when c has no file descriptor of its
// own that the runtime polls (TLS, net.Pipe): the caller then uses the
// ordinary methods of c.
func Raw(c net.Conn) syscall.RawConn {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		rc, err := c.(syscall.Conn).SyscallConn()
		if err != nil {
			return nil
		}
		return rc
	}
	return nil
}

// Read reads once from the non-blocking descriptor fd. It returns io.EOF at
// the end of the stream and ErrAgain when nothing has arrived. It is meant for
// use inside the callback of syscall.RawConn.Read.
//
// The poller is edge-triggered: a caller that got fewer bytes than len(p) has
// emptied the socket and may wait; one that got len(p) must read again.
func Read(fd uintptr, p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		switch {
		case err == nil && n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, err
		}
	}
}

// Write writes once to the non-blocking descriptor fd and returns how much the
// kernel took: fewer than len(p) bytes with a nil error means that it took
// what it could, ErrAgain that it took nothing.
func Write(fd uintptr, p []byte) (int, error) {
	for {
		n, err := unix.Write(int(fd), p)
		switch {
		case err == nil:
			return n, nil
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, err
		}
	}
}

// Writev writes the parts in order in one system call, under the rules of
// Write. Empty parts are allowed.
func Writev(fd uintptr, parts [][]byte) (int, error) {
	for {
		n, err := unix.Writev(int(fd), parts)
		switch {
		case err == nil:
			return n, nil
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, err
		}
	}
}

// State is what Peek saw on a socket.
type State uint8

// The states of an idle or waiting socket.
const (
	Quiet  State = iota // open, nothing to read
	Data                // open, bytes are waiting
	Closed              // the peer closed its side or the connection broke
)

// Peek looks at the receive side of fd without taking anything from it.
//
// It makes the system call itself because unix.Recvfrom allocates room for an
// address, and without telling the scheduler because the call never waits.
func Peek(fd uintptr) State {
	var b [1]byte
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1,
			unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return Quiet
		case errno != 0 || n == 0:
			return Closed
		default:
			return Data
		}
	}
}

// PeekConn is Peek for a connection that another goroutine may be using; it
// reports Quiet when c has no raw access.
func PeekConn(rc syscall.RawConn) State {
	if rc == nil {
		return Quiet
	}
	state := Closed
	if err := rc.Control(func(fd uintptr) { state = Peek(fd) }); err != nil {
		return Closed
	}
	return state
}
