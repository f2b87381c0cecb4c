package server_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/listen"
	"github.com/fcgigw/fcgigw/pkg/server"
)

// whence answers with the connection's addresses.
func whence(x *exchange.Exchange) {
	c := x.Request.Conn
	text := string(c.PeerAddr) + " " + string(c.PeerPort) + " " + string(c.LocalAddr) + " " + string(c.LocalPort)
	if c.Peer.IsValid() != (string(c.PeerAddr) != "unix:") {
		text += " but Peer is " + c.Peer.String()
	}
	respond(x, 200, text)
}

// loopbackNet is where the tests' clients come from.
func loopbackNet() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// v2 returns a header of version 2.
func v2(tb testing.TB, cmd proxyproto.ProtocolVersionAndCommand, family proxyproto.AddressFamilyAndProtocol, from, to net.Addr) string {
	tb.Helper()
	h := proxyproto.Header{Version: 2, Command: cmd, TransportProtocol: family, SourceAddr: from, DestinationAddr: to}
	b, err := h.Format()
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func tcp(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

func TestAPROXYHeaderGivesTheAddresses(t *testing.T) {
	unix := &net.UnixAddr{Net: "unix", Name: "/run/x"}
	for _, tt := range []struct{ name, header, want string }{
		{"v1", "PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n", "192.0.2.1 1234 198.51.100.2 443"},
		{"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "2001:db8::1 1 2001:db8::2 65535"},
		{"v1 unknown", "PROXY UNKNOWN\r\n", ""},
		{"v2", v2(t, proxyproto.PROXY, proxyproto.TCPv4, tcp("192.0.2.1:9"), tcp("198.51.100.2:80")), "192.0.2.1 9 198.51.100.2 80"},
		{"v2 IPv6", v2(t, proxyproto.PROXY, proxyproto.TCPv6, tcp("[2001:db8::1]:9"), tcp("[2001:db8::2]:80")), "2001:db8::1 9 2001:db8::2 80"},
		{"v2 mapped", v2(t, proxyproto.PROXY, proxyproto.TCPv6, tcp("[::ffff:192.0.2.1]:9"), tcp("[::ffff:192.0.2.2]:80")), "192.0.2.1 9 192.0.2.2 80"},
		{"v2 unix", v2(t, proxyproto.PROXY, proxyproto.UnixStream, unix, unix), "unix:  unix: "},
		{"v2 local", v2(t, proxyproto.LOCAL, proxyproto.TCPv4, tcp("192.0.2.1:9"), tcp("198.51.100.2:80")), ""},
	} {
		for _, secure := range []bool{false, true} {
			name := tt.name + map[bool]string{true: " and TLS"}[secure]
			t.Run(name, func(t *testing.T) {
				l := server.Listener{Name: "here", ProxyFrom: loopbackNet()}
				if secure {
					l.TLS = &tls.Config{Certificates: []tls.Certificate{certstest.ForServer(t, "example.org")}}
				}
				r := startListener(t, config(), whence, loopback(t), l, server.Events{})
				c := r.dial(t)
				want := tt.want
				if want == "" { // the socket's
					host, port, _ := net.SplitHostPort(c.LocalAddr().String())
					host2, port2, _ := net.SplitHostPort(r.addr)
					want = strings.Join([]string{host, port, host2, port2}, " ")
				}
				if !secure {
					c.send(tt.header + get("/") + get("/")) // nothing of what follows is lost
					c.want(200, want)
					c.want(200, want)
					return
				}
				c.send(tt.header)
				c.Conn = shake(t, c.Conn, &tls.Config{InsecureSkipVerify: true})
				c.br.Reset(c.Conn)
				c.send(get("/"))
				c.want(200, want)
			})
		}
	}
}

func TestAPROXYHeaderMayComeInPieces(t *testing.T) {
	for _, header := range []string{
		"PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n",
		v2(t, proxyproto.PROXY, proxyproto.TCPv4, tcp("192.0.2.1:1234"), tcp("198.51.100.2:443")),
	} {
		r := startListener(t, config(), whence, loopback(t), server.Listener{ProxyFrom: loopbackNet()}, server.Events{})
		c := r.dial(t)
		for _, b := range []byte(header + get("/")) {
			c.send(string([]byte{b}))
		}
		c.want(200, "192.0.2.1 1234 198.51.100.2 443")
	}
}

func TestConnectionsWithoutAGoodPROXYHeaderAreClosed(t *testing.T) {
	datagram := []byte(v2(t, proxyproto.PROXY, proxyproto.TCPv4, tcp("192.0.2.1:9"), tcp("198.51.100.2:80")))
	datagram[13] = 0x12
	for _, tt := range []struct {
		name, send, want string
		end              bool // the client closes its side behind it
	}{
		{"none", get("/"), "does not begin", false},
		{"v1 with a wrong family", "PROXY TCP4 ::1 ::2 1 2\r\n", "PROXY header", false},
		{"v1 with more", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", "PROXY header", false},
		{"v1 with a bad port", "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "PROXY header", false},
		{"v1 with a bare LF", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "PROXY header", false},
		{"v1 too long", "PROXY UNKNOWN " + strings.Repeat("x", 200), "too long", false},
		{"v2 too long", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", "too long", false},
		{"v2 of a datagram", string(datagram), "datagram", false},
		{"v2 with an unknown command", "\r\n\r\n\x00\r\nQUIT\n\x2f\x11\x00\x00", "PROXY header", false},
		{"v1 cut", "PROXY TCP4 192.0.2.1 1", "ended within", true},
		{"v2 cut", "\r\n\r\n\x00\r\nQUIT\n\x21", "ended within", true},
		{"slow", "PROXY TC", "too long", false}, // took too long
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config()
			if tt.name == "slow" {
				cfg.HeaderTimeout = 50 * time.Millisecond
			}
			failed := make(failures, 1)
			served := make(chan struct{}, 1)
			r := startListener(t, cfg, func(x *exchange.Exchange) { served <- struct{}{}; echo(x) }, loopback(t),
				server.Listener{ProxyFrom: loopbackNet()}, server.Events{ProxyError: failed.event})
			c := r.dial(t)
			c.send(tt.send)
			if tt.end {
				_ = c.Conn.(*net.TCPConn).CloseWrite()
			}
			if err := <-failed; !strings.Contains(err.Error(), tt.want) {
				t.Errorf("reported %v", err)
			}
			if got, _ := io.ReadAll(c.br); len(got) > 0 { // perhaps a reset
				t.Errorf("got %q", got)
			}
			select {
			case <-served:
				t.Error("a handler ran")
			default:
			}
		})
	}
}

func TestAPROXYHeaderOfAnUnlistedSourceIsAMalformedRequest(t *testing.T) {
	for _, header := range []string{
		"PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n",
		v2(t, proxyproto.PROXY, proxyproto.TCPv4, tcp("192.0.2.1:9"), tcp("198.51.100.2:80")),
	} {
		l := server.Listener{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		failed := make(failures, 1)
		r := startListener(t, config(), whence, loopback(t), l, server.Events{ProxyError: failed.event})
		c := r.dial(t)
		c.send(header + get("/"))
		if a := c.answer("GET"); a.StatusCode != 400 && a.StatusCode != 501 {
			t.Errorf("%q: got %d %q", header, a.StatusCode, a.body)
		}
		if err := <-failed; !errors.Is(err, server.ErrProxyUnexpected) {
			t.Errorf("reported %v", err)
		}
		c = r.dial(t)
		c.send(get("/"))
		if a := c.answer("GET"); !strings.HasPrefix(a.body, "127.0.0.1 ") {
			t.Errorf("got %q", a.body)
		}
	}
}

func TestAPROXYHeaderInFrontOfTLSIsReportedWhereNoneIsExpected(t *testing.T) {
	for _, header := range []string{
		"PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n",
		v2(t, proxyproto.PROXY, proxyproto.TCPv4, tcp("192.0.2.1:9"), tcp("198.51.100.2:80")),
	} {
		failed := make(failures, 1)
		l := server.Listener{TLS: &tls.Config{Certificates: []tls.Certificate{certstest.ForServer(t, "example.org")}}}
		r := startListener(t, config(), whence, loopback(t), l, server.Events{ProxyError: failed.event})
		c := r.dial(t)
		c.send(header)
		if err := <-failed; !errors.Is(err, server.ErrProxyUnexpected) {
			t.Errorf("reported %v", err)
		}
	}
}

func TestARequestThatIsOnlyMalformedIsNoPROXYHeader(t *testing.T) {
	failed := make(failures, 1)
	r := startListener(t, config(), whence, loopback(t), server.Listener{}, server.Events{ProxyError: failed.event})
	for _, text := range []string{"P / x\r\n\r\n", "\r\n\r\nGET\r\n\r\n"} {
		c := r.dial(t)
		c.send(text)
		if a := c.answer("GET"); a.StatusCode != 400 {
			t.Errorf("%q: got %d", text, a.StatusCode)
		}
	}
	select {
	case err := <-failed:
		t.Errorf("reported %v", err)
	default:
	}
}

func TestAUnixSocketMayAskEverybodyForAPROXYHeader(t *testing.T) {
	ln, err := listen.Open(t.Context(), "unix:"+filepath.Join(t.TempDir(), "s"), listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(failures, 1)
	r := startListener(t, config(), whence, ln, server.Listener{ProxyAll: true}, server.Events{ProxyError: failed.event})
	c := dial(t, "unix", r.addr)
	c.send("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n" + get("/"))
	c.want(200, "192.0.2.1 1234 198.51.100.2 443")
	c = dial(t, "unix", r.addr)
	c.send(get("/"))
	<-failed
	if got, _ := io.ReadAll(c.br); !bytes.Equal(got, nil) {
		t.Errorf("got %q", got)
	}
}
