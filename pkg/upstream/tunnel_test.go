package upstream_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/httpc"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

// switching is an answer whose client can switch protocols.
type switching struct {
	answer
	ours net.Conn // the tunnel's end of the client's connection
}

func (s *switching) Switch() (exchange.Stream, error) {
	s.note("switch")
	s.status, s.header = s.x.Response.Status, text(&s.x.Response.Header)
	return clientStream{s.ours.(*net.TCPConn)}, nil
}

// clientStream is a TCP connection as an exchange.Stream.
type clientStream struct{ *net.TCPConn }

func (s clientStream) Read(p []byte) (int, error) {
	n, err := s.TCPConn.Read(p)
	if err != nil && err != io.EOF {
		err = exchange.ErrClientGone
	}
	return n, err
}

// echo switches protocols, and then says back what it hears until it hears no
// more.
func echo(_, _ int, w net.Conn) bool {
	say(w, "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: echo\r\nX-A: b\r\n\r\nwelcome ")
	_, _ = io.Copy(w, w)
	return false
}

// tunnelled is a request that switches, under way.
type tunnelled struct {
	c      *call
	out    *switching
	client *net.TCPConn // what a client has in its hand
	errs   chan error
}

func openTunnel(tb testing.TB, b *upstream.Backend, protocol string) *tunnelled {
	tb.Helper()
	t := prepare(tb, protocol)
	t.run(b)
	return t
}

// prepare makes a request for a protocol and its client.
func prepare(tb testing.TB, protocol string) *tunnelled {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	ours, err := ln.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	_ = client.SetDeadline(time.Now().Add(patience))
	t := &tunnelled{c: asHTTP("GET", ""), client: client.(*net.TCPConn), errs: make(chan error, 1)}
	tb.Cleanup(func() { client.Close(); ours.Close() })
	t.out = &switching{ours: ours}
	t.out.x = t.c.x
	t.c.x.Request.Upgrade = []byte(protocol)
	return t
}

func (t *tunnelled) run(b *upstream.Backend) {
	t.c.in.At = time.Now()
	go func() { t.errs <- b.Do(t.c.x, &t.c.in, t.out, new(upstream.Call)) }() // ends with the tunnel
}

func (t *tunnelled) hears(tb testing.TB, want string) {
	tb.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(t.client, got); err != nil || string(got) != want {
		tb.Fatalf("%q, %v, want %q", got, err, want)
	}
}

func TestATunnelCarriesBytesUntilBothSidesHaveEnded(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		harness.NoLeaks(t)
		_, addr := serveHTTP(t, network, echo)
		cfg := overHTTP(addr)
		cfg.MaxConns = 1
		b := newBackend(t, cfg, upstream.Events{})
		tun := openTunnel(t, b, "echo")
		tun.hears(t, "welcome ")
		big := strings.Repeat("0123456789", 50000)
		go io.WriteString(tun.client, big) // ends when the tunnel has taken it
		tun.hears(t, big)
		if n := b.Tunnels(); n != 1 {
			t.Errorf("%d tunnels", n)
		}
		st := b.Snapshot()[0].Pool
		if st.Busy != 0 {
			t.Errorf("%d slots are busy", st.Busy)
		}
		say(tun.client, "last words")
		_ = tun.client.CloseWrite()
		tun.hears(t, "last words")
		if _, err := tun.client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("behind the end: %v", err)
		}
		if err := await(t, tun.errs); err != nil || tun.out.done != 1 || tun.out.header != "X-A: b" || b.Tunnels() != 0 {
			t.Errorf("%v, done %d, %q, %d tunnels", err, tun.out.done, tun.out.header, b.Tunnels())
		}
		if n := tun.c.x.Trace.BodyIn; n != int64(len(big)+len("last words")) {
			t.Errorf("%d bytes in", n)
		}
	}
}

func TestAServerThatEndsATunnelEndsIt(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "tcp", func(_, _ int, w net.Conn) bool {
		say(w, "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nbye")
		return false
	})
	tun := openTunnel(t, newBackend(t, overHTTP(addr), upstream.Events{}), "echo")
	if got, err := io.ReadAll(tun.client); err != nil || string(got) != "bye" {
		t.Errorf("%q, %v", got, err)
	}
	tun.client.Close()
	if err := await(t, tun.errs); err != nil {
		t.Error(err)
	}
}

func TestAClientThatBreaksOffEndsItsTunnel(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "tcp", echo)
	tun := openTunnel(t, newBackend(t, overHTTP(addr), upstream.Events{}), "echo")
	tun.hears(t, "welcome ")
	_ = tun.client.SetLinger(0)
	tun.client.Close()
	if err := await(t, tun.errs); err != nil {
		t.Error(err)
	}
}

func TestAnIdleTunnelEndsInTime(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "tcp", echo)
	cfg := overHTTP(addr)
	cfg.TunnelTimeout = 20 * time.Millisecond
	tun := openTunnel(t, newBackend(t, cfg, upstream.Events{}), "echo")
	if err := await(t, tun.errs); err != nil {
		t.Error(err)
	}
}

func TestACancelledTunnelEnds(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "tcp", echo)
	tun := openTunnel(t, newBackend(t, overHTTP(addr), upstream.Events{}), "echo")
	tun.hears(t, "welcome ")
	tun.c.x.Cancel(exchange.ErrCutOff)
	if err := await(t, tun.errs); err != nil {
		t.Error(err)
	}
}

func TestTunnelsAreBounded(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := serveHTTP(t, "tcp", echo)
	b := newBackend(t, overHTTP(addr), upstream.Events{}) // two
	first, second := openTunnel(t, b, "echo"), openTunnel(t, b, "echo")
	first.hears(t, "welcome ")
	second.hears(t, "welcome ")
	third := openTunnel(t, b, "echo")
	if err := await(t, third.errs); !errors.Is(err, upstream.ErrTunnels) || upstream.Status(err) != 503 || !upstream.Busy(err) || third.out.done != 1 {
		t.Errorf("%v, done %d", err, third.out.done)
	}
	first.client.Close()
	if err := await(t, first.errs); err != nil {
		t.Error(err)
	}
	fourth := openTunnel(t, b, "echo")
	fourth.hears(t, "welcome ")
	fourth.client.Close()
	second.client.Close()
	await(t, fourth.errs)
	await(t, second.errs)
}

func TestAServerThatDoesNotSwitchAnswersAsUsual(t *testing.T) {
	harness.NoLeaks(t)
	s, addr := serveHTTP(t, "tcp", fineHTTP)
	b := newBackend(t, overHTTP(addr), upstream.Events{})
	for range 3 {
		tun := openTunnel(t, b, "echo")
		if err := await(t, tun.errs); err != nil || tun.out.status != 200 || tun.out.body.String() != "hi" || b.Tunnels() != 0 {
			t.Errorf("%v, %d %q", err, tun.out.status, &tun.out.body)
		}
	}
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// shake answers a WebSocket handshake with the accept that f makes of the key.
func shake(f func(key string) string) func(net.Conn, *http.Request) {
	return func(w net.Conn, r *http.Request) {
		say(w, "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"+f(r.Header.Get("Sec-WebSocket-Key"))+"\r\n")
	}
}

func TestAWebSocketHandshakeIsChecked(t *testing.T) {
	right := func(key string) string {
		return "Sec-WebSocket-Accept: " + httpc.WebSocketAccept([]byte(key)) + "\r\n"
	}
	rows := []struct {
		name   string
		accept func(key string) string
		major  uint8
		header string
		fine   bool
	}{
		{"right", right, 1, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", true},
		{"right, from HTTP/2", right, 2, "", true},
		{"none", func(string) string { return "" }, 1, "", false},
		{"of another key", func(string) string { return right("x") }, 1, "", false},
		{"two", func(key string) string { return right(key) + right(key) }, 1, "", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			harness.NoLeaks(t)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() { // ends with its one connection
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				defer nc.Close()
				if r, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
					shake(row.accept)(nc, r)
				}
			}()
			cfg := overHTTP(ln.Addr().String())
			cfg.Tries = 1
			b := newBackend(t, cfg, upstream.Events{})
			tun := prepare(t, "websocket")
			tun.c.x.Request.Header.AddString("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
			tun.c.x.Request.Major = row.major
			tun.run(b)
			_ = tun.client.CloseWrite()
			err = await(t, tun.errs)
			if (err == nil) != row.fine || row.fine && tun.out.header != row.header || !row.fine && upstream.Status(err) != 502 {
				t.Errorf("%v, %q", err, tun.out.header)
			}
		})
	}
}
