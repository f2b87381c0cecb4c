//lint:file-ignore SA1019 net/http's transport refuses the field :protocol

package integration

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
	"github.com/fcgigw/fcgigw/test/harness"
)

const webSocketSites = `
[[site]]
hosts  = ["app.test", "localhost"]
listen = ["{plain}"]

  [site.tls]
  listen   = ["{tls}"]
  redirect = false
  {cert localhost}

  [[site.location]]
  match   = "/"
  backend = "app"

[backend.app]
protocol = "http"
servers  = ["{server}"]
`

// startWebSockets serves an ASGI application, in clear text and over TLS.
func startWebSockets(t *testing.T) *tlsSite {
	t.Helper()
	return startTLS(t, strings.ReplaceAll(webSocketSites, "{server}", uvicorn(t)))
}

func TestWebSocketsReachAnASGIServerOverTLS(t *testing.T) {
	s := startWebSockets(t)
	_, port, err := net.SplitHostPort(s.secure)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(s.dir, "ca.pem")
	certstest.WriteFile(t, ca, s.ca.PEM())
	s.speaksWebSocket("wss://localhost:"+port+"/chat", ca)
}

// hello is a WebSocket frame of a client, masked with zeros, and the server's
// (RFC 6455 section 5.7).
const (
	helloMasked = "\x81\x85\x00\x00\x00\x00hello"
	hello       = "\x81\x05hello"
)

func TestWebSocketsReachAnASGIServerOverHTTP2(t *testing.T) {
	s := startWebSockets(t)
	for name, tr := range map[string]*http2.Transport{
		"https": {TLSClientConfig: &tls.Config{RootCAs: s.ca.Pool(), ServerName: "localhost"}, DialTLSContext: func(ctx context.Context, _, _ string, cfg *tls.Config) (net.Conn, error) {
			return (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", s.secure)
		}},
		"http": {AllowHTTP: true, DialTLSContext: func(ctx context.Context, _, _ string, _ *tls.Config) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.addr)
		}},
	} {
		t.Run(name, func(t *testing.T) { s.connectsTo(t, name+"://app.test/chat", tr) })
	}
}

// connectsTo opens a WebSocket by an extended CONNECT (RFC 8441).
func (s *tlsSite) connectsTo(t *testing.T, url string, tr *http2.Transport) {
	t.Cleanup(tr.CloseIdleConnections)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	up, client := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, url, up)
	if err != nil {
		t.Fatal(err)
	}
	req.Header[":protocol"] = []string{"websocket"}
	req.Header.Set("Sec-WebSocket-Version", "13")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Sec-WebSocket-Accept") != "" || resp.Header.Get("Upgrade") != "" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	for range 3 {
		go io.WriteString(client, helloMasked) // ends when the transport has taken it
		got := make([]byte, len(hello))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != hello {
			t.Fatalf("%q, %v", got, err)
		}
	}
	client.Close() // the server sees the end and closes
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 4 {
		t.Errorf("behind the end: %q, %v", rest, err) // a close frame at most
	}
}
