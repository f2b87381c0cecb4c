package listen_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/listen"
)

// leave makes the file of a gateway that was killed.
func leave(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// keep leaves the test's thread nothing of root's powers but those that caps lists.
// The thread ends with the test.
func keep(t *testing.T, caps ...uint) {
	t.Helper()
	if os.Getuid() != 0 {
		if len(caps) > 0 {
			t.Skip("only root can do what this is about")
		}
		return
	}
	runtime.LockOSThread()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective, data[1].Effective = 0, 0
	for _, c := range caps {
		data[0].Effective |= 1 << c & data[0].Permitted
	}
	if err := unix.Capset(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
}

func TestOfTwoGatewaysAtOneStaleSocketOneStarts(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "s")
		leave(t, path, 0o660)
		var mu sync.Mutex
		var won []net.Listener
		var all sync.WaitGroup
		begin := make(chan struct{})
		for range 16 {
			all.Go(func() {
				<-begin
				ln, err := listen.Open(t.Context(), "unix:"+path, listen.Options{})
				if err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				won = append(won, ln)
			})
		}
		close(begin)
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d gateways listen", len(won))
		}
		connects(t, "unix", path, won[0])
		won[0].Close()
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
			t.Fatalf("left behind: %v, %v", left, err)
		}
	}
}

func TestALockThatSomebodyHoldsStopsNoStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	connects(t, "unix", path, open(t, "unix:"+path, listen.Options{}))
}

func TestAStaleSocketThatNobodyMayConnectToIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	leave(t, path, 0)
	keep(t)
	connects(t, "unix", path, open(t, "unix:"+path, listen.Options{}))
}

func TestASocketInUseThatNobodyMayConnectToStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	ln := open(t, "unix:"+path, listen.Options{})
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	alias := dir + "-alias"
	if err := os.Symlink(dir, alias); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(alias)
	keep(t)
	for _, name := range []string{path, alias + "/s"} {
		if other, err := listen.Open(t.Context(), "unix:"+name, listen.Options{}); err == nil || !strings.Contains(err.Error(), "another program listens there") {
			t.Errorf("%s: %v, %v", name, other, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	connects(t, "unix", path, ln)
}

func TestToGiveASocketAwayTakesTheRightToDoSoAlone(t *testing.T) {
	keep(t, unix.CAP_CHOWN)
	path := filepath.Join(t.TempDir(), "s")
	open(t, "unix:"+path, listen.Options{User: "65534", Group: "65533", Mode: 0o606})
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := fi.Sys().(*syscall.Stat_t); st.Uid != 65534 || st.Gid != 65533 || fi.Mode().Perm() != 0o606 {
		t.Errorf("it is %d's and %d's with mode %v", st.Uid, st.Gid, fi.Mode())
	}
}
