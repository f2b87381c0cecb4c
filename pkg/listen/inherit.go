package listen

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// Inherited are listening sockets that were opened before the process began, by
// systemd (sd_listen_fds(3)) or by whatever speaks as it does. They stay open as
// long as the process lives, so that an address can be given up and taken again.
// A nil Inherited has none.
type Inherited struct {
	mu   sync.Mutex // guards used
	list []inherited
	used map[int]bool // by place in list
}

type inherited struct {
	file   *os.File
	name   string // FileDescriptorName
	addr   string // of the socket: "host:port", "unix:/path", "unix:@name"
	stream bool
}

// Inherit takes over the sockets that the environment tells of. They were meant
// for this process only if LISTEN_PID names it; the variables are removed so that
// no child believes them. Descriptors that are no listening sockets are an error.
// It returns nil when there are none, and may be called once.
func Inherit() (*Inherited, error) {
	in := &Inherited{used: make(map[int]bool)}
	for _, f := range activation.Files(true) {
		s, err := inspect(f)
		if err != nil {
			in.Close()
			return nil, fmt.Errorf("inherited socket %q: %w", f.Name(), err)
		}
		in.list = append(in.list, s)
	}
	if len(in.list) == 0 {
		return nil, nil
	}
	return in, nil
}

// inspect finds out what f is.
func inspect(f *os.File) (inherited, error) {
	fd := int(f.Fd())
	s := inherited{file: f, name: f.Name()}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return s, os.NewSyscallError("getsockopt", err)
	}
	listening, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	s.stream = kind == unix.SOCK_STREAM
	switch {
	case s.stream && listening == 0:
		return s, fmt.Errorf("it does not listen (Accept=yes is not for the gateway)")
	case !s.stream && kind != unix.SOCK_DGRAM:
		return s, fmt.Errorf("it is neither a stream nor a datagram socket")
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return s, os.NewSyscallError("getsockname", err)
	}
	s.addr, err = addrOf(sa)
	return s, err
}

// addrOf writes a socket's address as the configuration does.
func addrOf(sa unix.Sockaddr) (string, error) {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String(), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)).String(), nil
	case *unix.SockaddrUnix:
		return "unix:" + a.Name, nil
	}
	return "", fmt.Errorf("its address is of another family")
}

// listener returns the stream socket for addr, or nil when there is none.
func (in *Inherited) listener(addr string) (net.Listener, error) {
	i, err := in.find(addr, true)
	if i < 0 || err != nil {
		return nil, err
	}
	ln, err := net.FileListener(in.list[i].file)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return ln, nil
}

// packet returns the datagram socket for addr, or nil when there is none.
func (in *Inherited) packet(addr string) (*net.UDPConn, error) {
	i, err := in.find(addr, false)
	if i < 0 || err != nil {
		return nil, err
	}
	pc, err := net.FilePacketConn(in.list[i].file)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (UDP): %w", addr, err)
	}
	udp, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		return nil, fmt.Errorf("listen on %s (UDP): the inherited socket is another kind of datagram socket", addr)
	}
	return udp, nil
}

// StreamOnly reports whether there is a stream socket for addr and no datagram
// socket: whoever opened it did not mean it for HTTP/3.
func (in *Inherited) StreamOnly(addr string) bool {
	if in == nil {
		return false
	}
	stream, datagram := false, false
	for _, s := range in.list { // never changed
		if sameAddr(addr, s.addr) {
			stream, datagram = stream || s.stream, datagram || !s.stream
		}
	}
	return stream && !datagram
}

// find returns the place of the one socket for addr and notes that it is used; -1
// if there is none, which is an error for a "systemd:name".
func (in *Inherited) find(addr string, stream bool) (int, error) {
	name, named := strings.CutPrefix(addr, "systemd:")
	found := -1
	if in != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		for i, s := range in.list {
			if s.stream != stream || (named && s.name != name) || (!named && !sameAddr(addr, s.addr)) {
				continue
			}
			if found >= 0 && named {
				return -1, fmt.Errorf("listen on %s: systemd opened several sockets of this name, such as %s and %s; listen on these addresses instead", addr, in.list[found].addr, s.addr)
			}
			found = i
		}
	}
	switch {
	case found >= 0:
		in.used[found] = true
	case named:
		return -1, fmt.Errorf("listen on %s: systemd has opened no such socket; see FileDescriptorName and Service in the .socket unit", addr)
	}
	return found, nil
}

// sameAddr reports whether a socket at has is what is configured as want. A port
// alone means all addresses, as IPv6 with IPv4 in it or as IPv4.
func sameAddr(want, has string) bool {
	if want == has {
		return true
	}
	h, err := netip.ParseAddrPort(has)
	if err != nil {
		return false
	}
	if strings.HasPrefix(want, ":") {
		w, err := netip.ParseAddrPort("0.0.0.0" + want)
		return err == nil && h.Addr().IsUnspecified() && h.Port() == w.Port()
	}
	w, err := netip.ParseAddrPort(want)
	return err == nil && w == h
}

// Unused describes the sockets that nobody asked for, for a warning: clients that
// connect to them would wait for ever.
func (in *Inherited) Unused() (list []string) {
	if in == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, s := range in.list {
		if !in.used[i] {
			list = append(list, s.String())
		}
	}
	return list
}

func (s inherited) String() string {
	kind := "datagram"
	if s.stream {
		kind = "stream"
	}
	return fmt.Sprintf("%s (%s, name %q)", s.addr, kind, s.name)
}

// Close closes the sockets; listeners made of them live on.
func (in *Inherited) Close() {
	if in == nil {
		return
	}
	for _, s := range in.list {
		s.file.Close()
	}
}
