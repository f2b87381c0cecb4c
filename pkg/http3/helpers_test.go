package http3

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	qh3 "github.com/quic-go/quic-go/http3"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/test/harness"
)

// limit is how long anything may take before a test says that it hangs.
const limit = 30 * time.Second

// rig is a server on a socket of its own.
type rig struct {
	t    testing.TB
	srv  *Server
	addr net.Addr
	pc   net.PacketConn
	done chan error // what Serve returned
}

func (r *rig) host() string { return r.addr.String() }

func testConfig() Config {
	return Config{
		HeaderTimeout: limit, KeepaliveTimeout: limit, BodyTimeout: limit, SendTimeout: limit,
		ServerHeader: "test",
	}
}

// start serves h on a loopback socket and checks at the end of the test that
// nothing is left running.
func start(t testing.TB, cfg Config, ev Events, h func(x *exchange.Exchange)) *rig {
	t.Helper()
	harness.NoLeaks(t)
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if ev.Panic == nil {
		ev.Panic = func(_ *exchange.Exchange, v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }
	}
	r := &rig{t: t, srv: New(cfg, exchange.HandlerFunc(h), ev), pc: pc, addr: pc.LocalAddr(), done: make(chan error, 1)}
	tc := &tls.Config{Certificates: []tls.Certificate{certstest.ForServer(t, "a.test", "b.test")}}
	go func() { r.done <- r.srv.Serve(pc, Listener{Name: ":443", TLS: tc}) }() // ends with Shutdown
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.srv.Shutdown(ctx)
		if err := <-r.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

// client returns an HTTP/3 client that reaches the rig by any name.
func (r *rig) client() *http.Client {
	tr := &qh3.Transport{
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		DisableCompression: true,
		Dial: func(ctx context.Context, _ string, tc *tls.Config, qc *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, r.host(), tc, qc)
		},
	}
	r.t.Cleanup(func() { tr.Close() })
	return &http.Client{Transport: tr, Timeout: limit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response, read to its end.
type answer struct {
	*http.Response
	body string
}

func do(t testing.TB, c *http.Client, req *http.Request) answer {
	t.Helper()
	res, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the body: %v", req.Method, req.URL, err)
	}
	return answer{res, string(b)}
}

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// text answers with a text of known length.
func text(x *exchange.Exchange, status int, s string) {
	x.Response.Status = status
	x.Response.ContentLength = int64(len(s))
	x.Response.Header.AddString("Content-Type", "text/plain")
	if x.Sink.Start(&x.Response) == nil {
		_ = x.Sink.Write([]byte(s), true)
	}
}

// echo answers with the request's body.
func echo(x *exchange.Exchange) {
	b, err := io.ReadAll(x.Request.Body)
	if err != nil {
		text(x, 400, err.Error())
		return
	}
	text(x, 200, string(b))
}

// raw is a client that writes its frames itself.
type raw struct {
	t  testing.TB
	qc *quic.Conn
}

// dial opens a connection and its control stream with the bytes given, or a
// proper beginning when there are none.
func (r *rig) dial(control ...byte) *raw {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	qc, err := quic.DialAddr(ctx, r.host(), &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"h3"}, ServerName: "a.test",
	}, &quic.Config{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { qc.CloseWithError(0, "") })
	if control == nil {
		control = []byte{streamControl, frameSettings, 0}
	}
	c := &raw{r.t, qc}
	c.uni(control...)
	return c
}

// uni opens a unidirectional stream and writes b to it.
func (c *raw) uni(b ...byte) *quic.SendStream {
	c.t.Helper()
	s, err := c.qc.OpenUniStream()
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := s.Write(b); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// open opens a request stream and writes the parts to it.
func (c *raw) open(parts ...[]byte) *quic.Stream {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	s, err := c.qc.OpenStreamSync(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = s.SetDeadline(time.Now().Add(limit))
	if _, err := s.Write(bytes.Join(parts, nil)); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// send is open with the end of the request behind it.
func (c *raw) send(parts ...[]byte) *quic.Stream {
	c.t.Helper()
	s := c.open(parts...)
	s.Close()
	return s
}

// closed waits for the server to close the connection and returns its code.
func (c *raw) closed() quic.ApplicationErrorCode {
	c.t.Helper()
	select {
	case <-c.qc.Context().Done():
	case <-time.After(limit):
		c.t.Fatal("the connection stays open")
	}
	err, ok := context.Cause(c.qc.Context()).(*quic.ApplicationError)
	if !ok || !err.Remote {
		c.t.Fatalf("closed by %v", context.Cause(c.qc.Context()))
	}
	return err.ErrorCode
}

// headers makes a HEADERS frame of "name: value" lines.
func headers(lines ...string) []byte {
	var e encoder
	e.begin(0)
	e.block.Reset()
	_ = e.qpack.Close()
	for _, line := range lines {
		i := strings.Index(line[1:], ":") + 1
		e.add(line[:i], strings.TrimPrefix(line[i+1:], " "))
	}
	return bytes.Clone(e.end())
}

// get is the HEADERS frame of a proper request with more fields.
func get(path string, more ...string) []byte {
	return headers(append([]string{":method: GET", ":scheme: https", ":authority: a.test", ":path: " + path}, more...)...)
}

func post(path string, more ...string) []byte {
	return headers(append([]string{":method: POST", ":scheme: https", ":authority: a.test", ":path: " + path}, more...)...)
}

func data(s string) []byte {
	return append(appendFrameHead(nil, frameData, uint64(len(s))), s...)
}

// reply is what came on a request stream.
type reply struct {
	status string
	heads  [][2]string // of the last HEADERS frame
	body   string
	err    error // how the stream ended, nil for properly
}

// read reads a stream to its end.
func read(s io.Reader) (r reply) {
	d := reader{}
	d.reset(s)
	for {
		kind, length, err := d.frame()
		if err == io.EOF {
			return r
		}
		if err != nil {
			r.err = err
			return r
		}
		b, err := d.take(int(length))
		if err != nil {
			r.err = err
			return r
		}
		switch kind {
		case frameHeaders:
			r.heads = decodeFields(b)
			if len(r.heads) > 0 {
				r.status = r.heads[0][1]
			}
		case frameData:
			r.body += string(b)
		}
	}
}
