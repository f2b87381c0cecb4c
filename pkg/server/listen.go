package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listen opens a listening socket: "host:port", ":port" or "unix:/path". The
// backlog is the kernel's queue of connections not yet accepted. A unix socket
// file left behind by a process that is gone is replaced.
func Listen(ctx context.Context, addr string, backlog int) (net.Listener, error) {
	// Probes cost four system calls per connection and tell nothing that the
	// keep-alive timeout does not end anyway.
	lc := net.ListenConfig{KeepAlive: -1}
	network, address := "tcp", addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, address = "unix", path
		if err := removeStale(path); err != nil {
			return nil, err
		}
	}
	ln, err := lc.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, hint(err, address))
	}
	if backlog > 0 {
		setBacklog(ln, backlog)
	}
	return ln, nil
}

// setBacklog calls listen(2) again, which changes the backlog of a listening
// socket; Go itself always asks for the system's maximum. A failure leaves that.
func setBacklog(ln net.Listener, backlog int) {
	sc, ok := ln.(syscall.Conn)
	if !ok {
		return
	}
	if rc, err := sc.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) { _ = unix.Listen(int(fd), backlog) })
	}
}

// removeStale deletes the socket file at path if nobody listens on it.
func removeStale(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("listen on unix:%s: a file that is no socket is in the way", path)
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil // in use: the listen call will say so
	}
	return os.Remove(path)
}

// hint adds what an operator would look up.
func hint(err error, address string) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w (another program listens there; `ss -ltnp` shows which)", err)
	case errors.Is(err, unix.EACCES) && !strings.HasPrefix(address, "/"):
		return fmt.Errorf("%w (ports below 1024 need root or CAP_NET_BIND_SERVICE)", err)
	}
	return err
}
