package listen_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/listen"
)

// heirVar makes the test binary a process that systemd starts: it takes the
// sockets over, serves one connection or datagram on each address that it holds,
// and prints what it finds.
const heirVar = "FCGIGW_TEST_HEIR"

func TestMain(m *testing.M) {
	if addrs, ok := os.LookupEnv(heirVar); ok {
		heir(strings.Fields(addrs))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func heir(addrs []string) {
	if os.Getenv("LISTEN_PID") == "self" { // the parent cannot know it
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
	in, err := listen.Inherit()
	if err != nil {
		fmt.Println("inherit:", err)
		return
	}
	for _, addr := range addrs {
		if udp, ok := strings.CutPrefix(addr, "udp:"); ok {
			fmt.Println(addr, datagram(udp, in))
		} else {
			fmt.Println(addr, stream(addr, in))
		}
	}
	for _, addr := range addrs {
		fmt.Println("stream only:", addr, in.StreamOnly(addr))
	}
	fmt.Println("unused", in.Unused(), "left", os.Getenv("LISTEN_PID")+os.Getenv("LISTEN_FDS")+os.Getenv("LISTEN_FDNAMES"))
	in.Close()
}

// stream takes two connections, each with a listener of its own: an address can
// be given up and taken again.
func stream(addr string, in *listen.Inherited) string {
	text := ""
	for range 2 {
		ln, err := listen.Open(context.Background(), addr, listen.Options{Inherited: in})
		if err != nil {
			return err.Error()
		}
		c, err := ln.Accept()
		if err != nil {
			return err.Error()
		}
		buf := make([]byte, 64)
		n, _ := c.Read(buf)
		text += string(buf[:n])
		c.Close()
		ln.Close()
	}
	return text
}

func datagram(addr string, in *listen.Inherited) string {
	pc, err := listen.Packet(context.Background(), addr, listen.Options{Inherited: in})
	if err != nil {
		return err.Error()
	}
	defer pc.Close()
	buf := make([]byte, 64)
	n, _, err := pc.ReadFrom(buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}

type filer interface{ File() (*os.File, error) }

// bequeath runs an heir of sockets for addrs and returns what it prints.
func bequeath(t *testing.T, names, addrs string, env []string, socks ...filer) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	for _, s := range socks {
		f, err := s.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	cmd.Env = append(append(os.Environ(), heirVar+"="+addrs, "GORACE=atexit_sleep_ms=10", "LISTEN_PID=self", "LISTEN_FDS="+strconv.Itoa(len(socks)), "LISTEN_FDNAMES="+names), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// knock connects twice and says something.
func knock(t *testing.T, network, addr string) {
	t.Helper()
	for _, text := range []string{"one", "two"} {
		c, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() // at the end: the heir reads it later
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

func wantOutput(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("it printed\n%s\nwithout %q", out, w)
		}
	}
}

func TestInheritedSocketsAreFoundByTheirAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	tcp, uds := open(t, "127.0.0.1:0", listen.Options{}), mustUnix(t, path)
	udp, err := listen.Packet(t.Context(), "127.0.0.1:0", listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	knock(t, "tcp", tcp.Addr().String())
	knock(t, "unix", path)
	knock(t, "udp", udp.LocalAddr().String())
	addrs := tcp.Addr().String() + " unix:" + path + " udp:" + udp.LocalAddr().String()
	out := bequeath(t, "web:app:quic", addrs, nil, tcp.(filer), uds, udp)
	wantOutput(t, out, tcp.Addr().String()+" onetwo\n", "unix:"+path+" onetwo\n", "udp:"+udp.LocalAddr().String()+" one\n", "unused [] left \n")
	if _, err := os.Lstat(path); err != nil {
		t.Error("the heir has removed the socket's file, which is not its own")
	}
}

func TestAStreamSocketWithoutADatagramSocketIsTold(t *testing.T) {
	both, alone := open(t, "127.0.0.1:0", listen.Options{}), open(t, "127.0.0.1:0", listen.Options{})
	udp, err := listen.Packet(t.Context(), both.Addr().String(), listen.Options{})
	if err != nil {
		t.Skip(err) // another program has the port for UDP
	}
	defer udp.Close()
	knock(t, "tcp", both.Addr().String())
	knock(t, "tcp", alone.Addr().String())
	addrs := both.Addr().String() + " " + alone.Addr().String()
	wantOutput(t, bequeath(t, "a:b:c", addrs, nil, both.(filer), udp, alone.(filer)),
		"stream only: "+both.Addr().String()+" false\n", "stream only: "+alone.Addr().String()+" true\n")
}

func TestInheritedSocketsAreFoundByTheirName(t *testing.T) {
	tcp, other := open(t, "127.0.0.1:0", listen.Options{}), open(t, "127.0.0.1:0", listen.Options{})
	knock(t, "tcp", tcp.Addr().String())
	out := bequeath(t, "web:other", "systemd:web systemd:none", nil, tcp.(filer), other.(filer))
	wantOutput(t, out, "systemd:web onetwo\n", "systemd:none listen on systemd:none: systemd has opened no such socket",
		"unused ["+other.Addr().String()+` (stream, name "other")]`)
}

func TestAPortAloneIsThatOfASocketForAllAddresses(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0"} {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Skip(err)
		}
		port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
		knock(t, "tcp", "127.0.0.1:"+port)
		wantOutput(t, bequeath(t, "", ":"+port, nil, ln.(filer)), ":"+port+" onetwo\n", "unused []")
		ln.Close()
	}
}

func TestSocketsOfOneNameAreAmbiguous(t *testing.T) {
	one, two := open(t, "127.0.0.1:0", listen.Options{}), open(t, "127.0.0.1:0", listen.Options{})
	wantOutput(t, bequeath(t, "web:web", "systemd:web", nil, one.(filer), two.(filer)), "systemd opened several sockets of this name")
}

func TestSocketsForAnotherProcessAreNotTaken(t *testing.T) {
	tcp := open(t, "127.0.0.1:0", listen.Options{})
	wantOutput(t, bequeath(t, "web", "systemd:web", []string{"LISTEN_PID=1"}, tcp.(filer)), "systemd has opened no such socket", "left \n")
}

func TestWhatDoesNotListenIsRefused(t *testing.T) {
	ln := open(t, "127.0.0.1:0", listen.Options{})
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantOutput(t, bequeath(t, "conn", "", nil, c.(filer)), `inherit: inherited socket "conn": it does not listen`)
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	wantOutput(t, bequeath(t, "", "", nil, fileItself{file}), "inherit: inherited socket")
}

type fileItself struct{ f *os.File }

func (f fileItself) File() (*os.File, error) { return os.Open(f.f.Name()) }

// mustUnix opens a socket as systemd does, whose file nobody else removes.
func mustUnix(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	t.Cleanup(func() { ln.Close() })
	return ln
}
