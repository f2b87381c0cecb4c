package server

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/pires/go-proxyproto"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

const (
	// maxProxyV1 is the longest line, with its CRLF (PROXY protocol section 2.1).
	maxProxyV1 = 107
	// maxProxy bounds a header of version 2, whose own length reaches to 64 KiB.
	// What senders add to the addresses (TLVs of TLS, of clouds) is some hundred
	// bytes.
	maxProxy = 4096
	// proxyV2Fixed is what version 2 begins with: signature, command, family, length.
	proxyV2Fixed = 16
)

// Errors of the PROXY step.
var (
	errProxyMissing = errors.New("server: connection does not begin with a PROXY header")
	errProxyLong    = errors.New("server: PROXY header too long")
	errProxyCut     = errors.New("server: connection ended within its PROXY header")
	errProxySlow    = errors.New("server: PROXY header took too long")
	errProxyKind    = errors.New("server: PROXY header of a datagram")
	// ErrProxyUnexpected: a connection begins with a PROXY header although its
	// source is none of those that send one.
	ErrProxyUnexpected = errors.New("server: connection begins with a PROXY header, and its source is not one that sends them")
)

// proxySignature reports whether a connection that begins with b, some bytes at
// least, begins with a PROXY header.
func proxySignature(b []byte) bool {
	const enough = 5 // what a TLS record's header shows
	v1, v2 := proxyproto.SIGV1, proxyproto.SIGV2
	return len(b) >= enough && (hasBeginning(b, v1) || hasBeginning(b, v2))
}

// hasBeginning reports whether b and sig are the same as far as both go.
func hasBeginning(b, sig []byte) bool {
	n := min(len(b), len(sig))
	return bytes.Equal(b[:n], sig[:n])
}

// unexpectedProxy tells of a connection that begins with b, if that is a PROXY
// header.
func (c *conn) unexpectedProxy(b []byte) {
	if proxySignature(b) {
		c.srv.badFrom.report(c.srv, c.srv.events.ProxyError, c.info.Listen, ErrProxyUnexpected)
	}
}

// proxied reports whether a connection from peer must begin with a PROXY
// header.
func (l *Listener) proxied(peer netip.AddrPort) bool {
	if l.ProxyAll {
		return true
	}
	addr := peer.Addr().WithZone("")
	for _, p := range l.ProxyFrom {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// proxySize returns how many bytes the PROXY header takes that b begins with,
// 0 if that is not known yet.
func proxySize(b []byte) (int, error) {
	v1, v2 := proxyproto.SIGV1, proxyproto.SIGV2
	switch {
	case bytes.HasPrefix(b, v1):
		return proxyLine(b)
	case bytes.HasPrefix(b, v2):
		if len(b) < proxyV2Fixed {
			return 0, nil
		}
		size := proxyV2Fixed + int(binary.BigEndian.Uint16(b[proxyV2Fixed-2:]))
		if size > maxProxy {
			return 0, errProxyLong
		}
		return size, nil
	case bytes.HasPrefix(v1, b), bytes.HasPrefix(v2, b):
		return 0, nil
	}
	return 0, errProxyMissing
}

func proxyLine(b []byte) (int, error) {
	i := bytes.IndexByte(b[:min(len(b), maxProxyV1)], '\n')
	switch {
	case i >= 0:
		return i + 1, nil
	case len(b) >= maxProxyV1:
		return 0, errProxyLong
	}
	return 0, nil
}

// parseProxy reads the header that b is.
func parseProxy(b []byte) (*proxyproto.Header, error) {
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(b), len(b)))
	switch {
	case err != nil:
		return nil, fmt.Errorf("server: PROXY header: %w", err)
	case h.TransportProtocol.IsDatagram():
		return nil, errProxyKind
	}
	return h, nil
}

// readProxy reads a PROXY header off the connection, and nothing behind it,
// and takes the addresses in it for the connection's. One that says LOCAL or
// UNKNOWN, from the proxy itself, leaves those of the socket.
func (c *conn) readProxy() error {
	b, err := c.takeProxy()
	if err != nil {
		return err
	}
	h, err := parseProxy(b)
	if err != nil {
		return err
	}
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() {
		return nil
	}
	c.info.Via = &exchange.Via{Peer: c.info.Peer, PeerAddr: c.info.PeerAddr, PeerPort: c.info.PeerPort}
	c.info.Peer, c.info.PeerAddr, c.info.PeerPort = addrText(h.SourceAddr)
	c.info.Local, c.info.LocalAddr, c.info.LocalPort = addrText(h.DestinationAddr)
	return nil
}

// takeProxy looks at what came until it is a whole header, and takes that.
func (c *conn) takeProxy() (header []byte, err error) {
	if c.rc == nil {
		return nil, errProxyMissing // there is no way to look without taking
	}
	buf := make([]byte, maxProxy)
	var inner error
	var size int
	err = c.rc.Read(func(fd uintptr) bool {
		if size, inner = lookProxy(fd, buf); size > 0 {
			inner = take(fd, buf[:size])
		}
		return inner != nil || size > 0
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, errProxySlow
	}
	if inner != nil {
		err = inner
	}
	return buf[:size], err
}

// take reads what is known to be there.
func take(fd uintptr, p []byte) error {
	for len(p) > 0 {
		n, err := sock.Read(fd, p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// lookProxy returns the size of the header when all of it has arrived, else 0.
func lookProxy(fd uintptr, buf []byte) (int, error) {
	ended := sock.Ended(fd) // asked first: bytes may come between the two
	n, err := sock.Look(fd, buf)
	switch {
	case errors.Is(err, sock.ErrAgain):
		return 0, nil
	case err != nil:
		return 0, err
	}
	size, err := proxySize(buf[:n])
	switch {
	case err != nil:
		return 0, err
	case size > 0 && size <= n:
		return size, nil
	case ended:
		return 0, fmt.Errorf("%w: %w", errProxyCut, io.ErrUnexpectedEOF)
	}
	return 0, nil
}
