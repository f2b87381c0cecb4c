package listen_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/listen"
)

// open listens until the test ends.
func open(t *testing.T, addr string, o listen.Options) net.Listener {
	t.Helper()
	ln, err := listen.Open(t.Context(), addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// connects sends a connection through ln.
func connects(t *testing.T, network, addr string, ln net.Listener) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestAUnixSocketHasTheModeThatWasAskedFor(t *testing.T) {
	for _, mode := range []uint32{0, 0o600, 0o660, 0o666, 0o777, 0o700} {
		path := filepath.Join(t.TempDir(), "s")
		ln := open(t, "unix:"+path, listen.Options{Mode: mode})
		fi, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		want := mode
		if want == 0 {
			want = listen.DefaultMode
		}
		if fi.Mode() != fs.ModeSocket|fs.FileMode(want) {
			t.Errorf("mode %v, want %o", fi.Mode(), want)
		}
		connects(t, "unix", path, ln)
	}
}

// The kernel says what the socket was when it came to be: whoever looks for it
// must never have seen one that is open to more than it is in the end.
func TestANewUnixSocketIsClosedToAllAtFirst(t *testing.T) {
	dir := t.TempDir()
	in, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Skipf("no inotify: %v", err)
	}
	watch := os.NewFile(uintptr(in), "inotify")
	defer watch.Close()
	if _, err := unix.InotifyAddWatch(in, dir, unix.IN_CREATE|unix.IN_ATTRIB); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 1)
	go func() { // ends with the first event
		buf := make([]byte, 4096)
		if _, err := watch.Read(buf); err != nil {
			seen <- err.Error()
			return
		}
		fi, err := os.Lstat(dir + "/s")
		if err != nil {
			seen <- err.Error()
			return
		}
		seen <- fmt.Sprintf("%o", fi.Mode().Perm())
	}()
	open(t, "unix:"+dir+"/s", listen.Options{Mode: 0o606})
	if mode := <-seen; mode != "0" && mode != "606" { // 606: the reader was late
		t.Errorf("the socket was made with mode %s", mode)
	}
}

func TestAUnixSocketIsGivenToItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	o := listen.Options{User: strconv.Itoa(os.Getuid()), Group: strconv.Itoa(os.Getgid())}
	if os.Getuid() == 0 {
		o.User, o.Group = "nobody", "www-data"
		if _, err := user.LookupGroup(o.Group); err != nil {
			o.Group = "1"
		}
	}
	open(t, "unix:"+path, o)
	uid, err := listen.UserID(o.User)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := listen.GroupID(o.Group)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := fi.Sys().(*syscall.Stat_t); int(st.Uid) != uid || int(st.Gid) != gid {
		t.Errorf("it is %d's and %d's, want %d and %d", st.Uid, st.Gid, uid, gid)
	}
}

func TestAnUnknownOwnerLeavesNoSocket(t *testing.T) {
	for _, o := range []listen.Options{{User: "no-such-user"}, {Group: "no-such-group"}} {
		path := filepath.Join(t.TempDir(), "s")
		if ln, err := listen.Open(t.Context(), "unix:"+path, o); err == nil || !strings.Contains(err.Error(), "no-such-") {
			t.Errorf("%v, %v", ln, err)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket is there")
		}
	}
}

func TestOnlyTheOwnSocketIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first := open(t, "unix:"+path, listen.Options{})
	first.Close()
	if _, err := os.Lstat(path); err == nil {
		t.Fatal("a closed listener's socket is left")
	}
	first = open(t, "unix:"+path, listen.Options{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := open(t, "unix:"+path, listen.Options{})
	first.Close()
	first.Close()
	connects(t, "unix", path, second)
}

func TestASocketWhoseQueueIsFullIsInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln := open(t, "unix:"+path, listen.Options{Backlog: 1})
	for full := false; !full; {
		c, err := net.Dial("unix", path)
		if err != nil {
			full = true
			continue
		}
		defer c.Close() // at the end: it stays in the queue
	}
	if other, err := listen.Open(t.Context(), "unix:"+path, listen.Options{}); err == nil || !strings.Contains(err.Error(), "another program listens there") {
		t.Errorf("%v, %v", other, err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
	ln.Close()
}

func TestAnAbstractSocketHasNoFile(t *testing.T) {
	name := "@fcgigw-test-" + strconv.Itoa(os.Getpid())
	ln := open(t, "unix:"+name, listen.Options{Backlog: 4})
	connects(t, "unix", name, ln)
	if _, err := listen.Open(t.Context(), "unix:"+name, listen.Options{}); err == nil {
		t.Error("it is listened on twice")
	}
}

func TestAnAddressIsSharedOnlyIfBothSaySo(t *testing.T) {
	first := open(t, "127.0.0.1:0", listen.Options{ReusePort: true})
	addr := first.Addr().String()
	if _, err := listen.Open(t.Context(), addr, listen.Options{}); err == nil {
		t.Error("it was taken from the first")
	}
	second := open(t, addr, listen.Options{ReusePort: true})
	first.Close()
	connects(t, "tcp", addr, second)

	udp, err := listen.Packet(t.Context(), "127.0.0.1:0", listen.Options{ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if pc, err := listen.Packet(t.Context(), udp.LocalAddr().String(), listen.Options{}); err == nil {
		pc.Close()
		t.Error("the UDP port was taken from the first")
	}
	pc, err := listen.Packet(t.Context(), udp.LocalAddr().String(), listen.Options{ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	pc.Close()
}
