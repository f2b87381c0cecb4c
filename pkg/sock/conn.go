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

// RawListener is Raw for a listening socket.
func RawListener(ln net.Listener) syscall.RawConn {
	switch ln.(type) {
	case *net.TCPListener, *net.UnixListener:
		rc, err := ln.(syscall.Conn).SyscallConn()
		if err != nil {
			return nil
		}
		return rc
	}
	return nil
}

// The calls below are made without telling the scheduler: the descriptors are
// non-blocking, so the calls never wait, and entering and leaving the runtime's
// system-call state costs as much as a tenth of them. They are recvfrom and
// sendto rather than read and write because these go past the file layer.

// Read reads once from the non-blocking socket fd. It returns io.EOF at the end
// of the stream and ErrAgain when nothing has arrived. It is meant for use
// inside the callback of syscall.RawConn.Read.
//
// The poller is edge-triggered: a caller that got fewer bytes than len(p) has
// emptied the socket and may wait; one that got len(p) must read again.
func Read(fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		return received(n, errno)
	}
}

// received tells what a read's result means.
func received(n uintptr, errno syscall.Errno) (int, error) {
	switch {
	case errno == 0 && n > 0:
		return int(n), nil
	case errno == 0:
		return 0, io.EOF
	case errno == unix.EAGAIN:
		return 0, ErrAgain
	}
	return 0, errno
}

// Write writes once to the non-blocking socket fd and returns how much the
// kernel took: fewer than len(p) bytes with a nil error means that it took
// what it could, ErrAgain that it took nothing.
func Write(fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		if done, err := written(errno); done {
			return taken(n, err), err
		}
	}
}

// maxParts is how many parts one Writev takes.
const maxParts = 4

// Writev writes the parts in order in one system call, under the rules of
// Write. Empty parts are allowed; of more than four others the first are
// written.
func Writev(fd uintptr, parts [][]byte) (int, error) {
	var vec [maxParts]unix.Iovec
	used := 0
	for _, p := range parts {
		if len(p) > 0 && used < maxParts {
			vec[used].Base = unsafe.SliceData(p)
			vec[used].SetLen(len(p))
			used++
		}
	}
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&vec)), uintptr(used))
		if done, err := written(errno); done {
			return taken(n, err), err
		}
	}
}

// written tells what a write's errno means; not done asks to call again.
func written(errno syscall.Errno) (done bool, err error) {
	switch errno {
	case 0:
		return true, nil
	case unix.EINTR:
		return false, nil
	case unix.EAGAIN:
		return true, ErrAgain
	}
	return true, errno
}

func taken(n uintptr, err error) int {
	if err != nil {
		return 0
	}
	return int(n)
}

// State is what Peek saw on a socket.
type State uint8

// The states of an idle or waiting socket.
const (
	Quiet  State = iota // open, nothing to read
	Data                // open, bytes are waiting
	Closed              // the peer closed its side or the connection broke
)

// Peek looks at the receive side of fd without taking anything from it, not even
// the error of a connection that broke, which whoever reads it wants to see.
func Peek(fd uintptr) State {
	switch at := poll(fd); {
	case at&(unix.POLLERR|unix.POLLNVAL) != 0:
		return Closed
	case at == 0:
		return Quiet
	}
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

// poll returns what can be said of the receive side of fd now, POLLERR if even
// that fails.
func poll(fd uintptr) int16 {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}
	var now unix.Timespec
	if p.Fd < 0 { // of no interest to the kernel
		return unix.POLLNVAL
	}
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		switch errno {
		case 0:
			return p.Revents
		case unix.EINTR:
		default:
			return unix.POLLERR
		}
	}
}

// AllRead reports whether the peer of the unix socket fd has read all that was
// written to it, or will never read it. It is a callback for syscall.RawConn's
// Write, which calls it again whenever the peer has read something.
func AllRead(fd uintptr) bool {
	n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	return err != nil || n <= 1 // the kernel wakes us a moment before it takes off the last
}
