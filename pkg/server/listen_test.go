package server_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/server"
)

func TestAUnixSocketIsServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	ln, err := server.Listen(t.Context(), "unix:"+path, 16)
	if err != nil {
		t.Fatal(err)
	}
	startOn(t, config(), func(x *exchange.Exchange) {
		c := x.Request.Conn
		respond(x, 200, string(c.PeerAddr)+" "+c.Listen)
	}, ln)
	c := dial(t, "unix", path)
	for range 3 {
		c.send(get("/"))
		c.want(200, "unix: here")
	}
}

func TestAStaleSocketFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	ln, err := server.Listen(t.Context(), "unix:"+path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := server.Listen(t.Context(), "unix:"+path, 0); err == nil {
		t.Error("a socket in use was taken over")
	}
	if nc, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first listener lost its socket: %v", err)
	} else {
		nc.Close()
	}
}

func TestAFileThatIsNoSocketIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Listen(t.Context(), "unix:"+path, 0); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUseIsExplained(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = server.Listen(t.Context(), ln.Addr().String(), 0)
	if err == nil || !strings.Contains(err.Error(), "another program listens there") {
		t.Errorf("got %v", err)
	}
}
