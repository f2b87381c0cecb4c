package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Open opens a listening socket: "host:port", ":port", "unix:/path",
// "unix:@name" in the abstract namespace, or "systemd:name", which must be among
// the inherited. A unix socket file left behind by a process that is gone is
// replaced; a new one is removed again when the listener is closed, if it is
// still the same. ":port" is all addresses of IPv4 and IPv6; one with a host is
// of the host's family only, also "0.0.0.0" and "[::]", so that the two can stand
// beside each other.
func Open(ctx context.Context, addr string, o Options) (net.Listener, error) {
	if ln, err := o.Inherited.listener(addr); ln != nil || err != nil {
		return ln, err
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok && !strings.HasPrefix(path, "@") {
		return openUnix(ctx, path, o)
	}
	// Probes cost four system calls per connection and tell nothing that the
	// keep-alive timeout does not end anyway.
	lc := net.ListenConfig{KeepAlive: -1, Control: control(o)}
	network, address := "tcp"+family(addr), addr
	if name, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, address = "unix", name
	}
	ln, err := lc.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, hint(err, address, "ss -ltnp"))
	}
	if o.Backlog > 0 {
		setBacklog(ln, o.Backlog)
	}
	return ln, nil
}

// Packet opens a UDP socket at "host:port" or ":port", or returns the inherited
// datagram socket of that address or of "systemd:name". Of the options ReusePort
// and Inherited count. Addresses mean the same as for Open.
func Packet(ctx context.Context, addr string, o Options) (*net.UDPConn, error) {
	if pc, err := o.Inherited.packet(addr); pc != nil || err != nil {
		return pc, err
	}
	lc := net.ListenConfig{Control: control(o)}
	pc, err := lc.ListenPacket(ctx, "udp"+family(addr), addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (UDP): %w", addr, hint(err, addr, "ss -lunp"))
	}
	return pc.(*net.UDPConn), nil
}

// control sets what must be set before a socket is bound.
func control(o Options) func(network, address string, c syscall.RawConn) error {
	if !o.ReusePort {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if bad := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}); bad != nil {
			return bad
		}
		return os.NewSyscallError("setsockopt", err)
	}
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

// family returns what a network's name ends in for a socket at addr: "4" or "6"
// for an address of that family, which makes a socket for it alone
// (IPV6_V6ONLY of ipv6(7)), else nothing.
func family(addr string) string {
	ap, err := netip.ParseAddrPort(addr)
	switch {
	case err != nil || ap.Addr().Is4In6():
		return ""
	case ap.Addr().Is4():
		return "4"
	}
	return "6"
}

// hint adds what an operator would look up. command lists who listens.
func hint(err error, address, command string) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w (another program listens there; `%s` shows which)", err, command)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w (ports below 1024 need root or CAP_NET_BIND_SERVICE)", err)
	}
	return err
}
