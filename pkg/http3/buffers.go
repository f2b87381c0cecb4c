package http3

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// WantBuffer is the size in bytes of a UDP socket's buffers below which packets
// are lost when many come at once; what the kernel says of a socket.
const WantBuffer = 7 << 20

// GrowBuffers asks the kernel for buffers of WantBuffer for both directions of
// pc and returns the smaller one of what it gave.
func GrowBuffers(pc *net.UDPConn) (size int, err error) {
	rc, err := pc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var got error
	err = rc.Control(func(fd uintptr) { size, got = growBuffers(int(fd)) })
	if err == nil {
		err = got
	}
	if err != nil {
		err = fmt.Errorf("http3: socket buffers: %w", err)
	}
	return size, err
}

func growBuffers(fd int) (int, error) {
	read, err := growBuffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE)
	if err != nil {
		return 0, err
	}
	write, err := growBuffer(fd, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE)
	return min(read, write), err
}

// growBuffer sets one buffer, beyond the system's limit if we may.
func growBuffer(fd, option, force int) (int, error) {
	size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	if err != nil || size >= WantBuffer {
		return size, err
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, WantBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, WantBuffer)
	}
	return unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
}
