package sock

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Look copies what the non-blocking socket fd has to p without taking it.
// Errors are those of Read.
func Look(fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		return received(n, errno)
	}
}

// Ended reports whether the peer of fd has closed its side, whatever is still
// to be read.
func Ended(fd uintptr) bool {
	return poll(fd)&(unix.POLLRDHUP|unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
}

// Unsent returns how many bytes written to fd the peer has not taken yet (TCP:
// not acknowledged), 0 if that cannot be said.
func Unsent(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// UnsentConn is Unsent for a connection that another goroutine may be using.
func UnsentConn(rc syscall.RawConn) (n int) {
	if rc != nil {
		_ = rc.Control(func(fd uintptr) { n = Unsent(fd) })
	}
	return n
}

// Sizes and types of the alert with which a peer ends a TLS connection.
const (
	typeAlert     = 21
	typeData      = 23
	alertTLS13Len = 2 + 1 + 16 // an alert, its type and the tag
)

// PeekTLS is PeekConn for a socket that carries TLS: a peer that has closed it
// may have left its last alert in front of the end.
func PeekTLS(rc syscall.RawConn) State {
	if rc == nil {
		return Quiet
	}
	state := Closed
	err := rc.Control(func(fd uintptr) {
		if state = Peek(fd); state == Data && Ended(fd) && onlyAlert(fd) {
			state = Closed
		}
	})
	if err != nil {
		return Closed
	}
	return state
}

// onlyAlert reports whether what is to be read begins with an alert (RFC 8446
// section 6.1).
func onlyAlert(fd uintptr) bool {
	var h [recordHeader]byte
	n, err := Look(fd, h[:])
	if err != nil || n < recordHeader {
		return false
	}
	return h[0] == typeAlert || h[0] == typeData && int(h[3])<<8|int(h[4]) == alertTLS13Len
}
