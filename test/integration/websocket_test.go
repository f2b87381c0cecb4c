package integration

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// speaksWebSocket has a client of another make talk to the URL.
func (g *gateway) speaksWebSocket(url string, args ...string) {
	g.t.Helper()
	harness.Program(g.t, python)
	out, err := exec.Command(python, append([]string{"testdata/ws_client.py", url}, args...)...).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "fine" {
		g.t.Errorf("%s: %v\n%s", url, err, tail(string(out)))
	}
}

func TestWebSocketsReachAnASGIServer(t *testing.T) {
	g := startHTTP(t, &site{server: uvicorn(t)})
	for range 3 {
		g.speaksWebSocket("ws://" + g.addr + "/chat?a=b")
	}
	for _, r := range g.records("/chat?a=b", 3) {
		// The client compresses.
		if r.Status != 101 || r.Bytes < 100 || r.BytesIn < 100 {
			t.Errorf("%+v", r)
		}
	}
}

func TestAServerThatKnowsNoWebSocketAnswersAsUsual(t *testing.T) {
	g := startHTTP(t, &site{server: goServer(t)})
	g.request("GET /chat HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").expect(t, 200, "GET /chat  0 http")
}

func TestMoreWebSocketsThanAllowedAreTurnedAway(t *testing.T) {
	g := startHTTP(t, &site{server: uvicorn(t), backend: "max_tunnels = 1"})
	const handshake = "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	c := g.dial()
	c.send(handshake)
	if resp := c.head("GET"); resp.StatusCode != 101 {
		t.Fatalf("%d", resp.StatusCode)
	}
	if got := g.request(handshake); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	g.get("/").expect(t, 200, "GET /  0 http") // other requests are none of its business
	c.nc.Close()
	harness.Eventually(t, "a place is free again", func() bool {
		c := g.dial()
		c.send(handshake)
		return c.head("GET").StatusCode == 101
	})
}

func TestOpenWebSocketsAreCutWhenTheGatewayEnds(t *testing.T) {
	g := startHTTP(t, &site{server: uvicorn(t), gateway: `drain_timeout = "1s"`})
	c := g.dial()
	c.send("GET /chat HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if resp := c.head("GET"); resp.StatusCode != 101 {
		t.Fatalf("%d", resp.StatusCode)
	}
	g.Signal(15)
	if !c.closed() {
		t.Error("it is open behind the end")
	}
	if code := g.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
