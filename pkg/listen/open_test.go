package listen_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/listen"
)

func TestAStaleSocketFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	ln, err := listen.Open(t.Context(), "unix:"+path, listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := listen.Open(t.Context(), "unix:"+path, listen.Options{}); err == nil {
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
	if _, err := listen.Open(t.Context(), "unix:"+path, listen.Options{}); err == nil || !strings.Contains(err.Error(), "no socket") {
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
	_, err = listen.Open(t.Context(), ln.Addr().String(), listen.Options{})
	if err == nil || !strings.Contains(err.Error(), "another program listens there") {
		t.Errorf("got %v", err)
	}
}

func TestTheAddressesOfBothFamiliesStandBesideEachOther(t *testing.T) {
	four := open(t, "0.0.0.0:0", listen.Options{})
	port := strconv.Itoa(four.Addr().(*net.TCPAddr).Port)
	six, err := listen.Open(t.Context(), "[::]:"+port, listen.Options{})
	if err != nil {
		t.Skip(err) // no IPv6, or another program has the port
	}
	defer six.Close()
	if _, err := listen.Open(t.Context(), ":"+port, listen.Options{}); err == nil || !strings.Contains(err.Error(), "ss -ltnp") {
		t.Errorf("a port of all addresses is open beside them: %v", err)
	}
	for _, host := range []string{"0.0.0.0", "[::]"} {
		pc, err := listen.Packet(t.Context(), host+":"+port, listen.Options{})
		if err != nil {
			t.Skip(err) // another program has the port for UDP
		}
		defer pc.Close()
	}
	if _, err := listen.Packet(t.Context(), ":"+port, listen.Options{}); err == nil || !strings.Contains(err.Error(), "ss -lunp") {
		t.Errorf("a UDP port of all addresses is open beside them: %v", err)
	}
}
