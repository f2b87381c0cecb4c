package integration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// answer is a response that has been read to its end.
type answer struct {
	*http.Response
	body string
}

// client is one connection to the gateway on which a test writes bytes.
type client struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

// dial opens a connection that is closed with the test.
func (g *gateway) dial() *client {
	g.t.Helper()
	nc, err := net.Dial("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(2 * harness.Patience)); err != nil {
		g.t.Fatal(err)
	}
	return &client{t: g.t, nc: nc, br: bufio.NewReader(nc)}
}

// send writes raw bytes.
func (c *client) send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, raw); err != nil {
		c.t.Fatal(err)
	}
}

// head reads the head of the next response to a request by method; the body is
// left to be read.
func (c *client) head(method string) *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

// answer reads the next response to a request by method.
func (c *client) answer(method string) answer {
	c.t.Helper()
	resp := c.head(method)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("body: %v", err)
	}
	return answer{resp, string(b)}
}

// closed reports whether the gateway closes the connection and sends nothing
// more.
func (c *client) closed() bool {
	n, err := c.br.Read(make([]byte, 1))
	return n == 0 && err != nil && !isTimeout(err)
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// get asks for a path on a connection of its own.
func (g *gateway) get(path string) answer {
	g.t.Helper()
	return g.request("GET " + path + " HTTP/1.1\r\nHost: ex.test\r\nConnection: close\r\n\r\n")
}

// request sends one raw GET request on a connection of its own and reads the
// answer.
func (g *gateway) request(raw string) answer {
	g.t.Helper()
	c := g.dial()
	defer c.nc.Close()
	c.send(raw)
	return c.answer(http.MethodGet)
}

// url makes the URL of a path.
func (g *gateway) url(path string) string { return "http://" + g.addr + path }

// httpClient returns a client whose connections are closed with the test.
func (g *gateway) httpClient() *http.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	g.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 3 * harness.Patience}
}

func (a answer) expect(t testing.TB, status int, body string) {
	t.Helper()
	if a.StatusCode != status || a.body != body {
		t.Errorf("got %d %.200q, want %d %.200q", a.StatusCode, a.body, status, body)
	}
}
