package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lockWait bounds the wait for another gateway that is about to listen in the
	// same directory, which takes it less than a millisecond.
	lockWait = time.Second
	// lockPause is how long it is until the next try.
	lockPause = 5 * time.Millisecond
)

// lockDir keeps other gateways from replacing a stale socket in path's directory
// until the returned function is called: of two that find the same one, the second
// would remove the first one's new socket. The lock is the directory's own
// (flock(2)), so that there is no file that could be left behind. Everybody who
// may read the directory could hold it for ever, so it is not insisted on.
func lockDir(ctx context.Context, path string) (unlock func()) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return func() {}
	}
	ctx, stop := context.WithTimeout(ctx, lockWait)
	defer stop()
	retry := time.NewTicker(lockPause)
	defer retry.Stop()
	for unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		select {
		case <-retry.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	return func() { _ = dir.Close() } // which unlocks it
}

// removeStale deletes the socket file at path if nobody listens on it.
func removeStale(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("listen on unix:%s: a file that is no socket is in the way", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, unix.EACCES):
		return removeForeign(path, fi)
	}
	return fmt.Errorf("listen on unix:%s: another program listens there", path) // perhaps its queue is full
}

// removeForeign is removeStale for a file that this process may not connect to,
// such as one that a dead gateway gave to another user.
func removeForeign(path string, fi fs.FileInfo) error {
	used, err := listened(path, fi)
	switch {
	case err != nil:
		return fmt.Errorf("listen on unix:%s: whether another program listens there cannot be found out, since the gateway's user may not connect to it, and %w; if none does, remove the file", path, err)
	case used:
		return fmt.Errorf("listen on unix:%s: another program listens there", path)
	}
	return os.Remove(path)
}

// procUnix lists the unix sockets of the network namespace (proc_net(5)).
const procUnix = "/proc/net/unix"

// acceptCon is the flag of a socket that listens there (__SO_ACCEPTCON of Linux).
const acceptCon = 1 << 16

// listened reports whether the kernel knows of a socket that listens at path, whose
// file is fi.
func listened(path string, fi fs.FileInfo) (bool, error) {
	f, err := os.Open(procUnix)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // read only: nothing to learn
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name := listener(lines.Text())
		if name == path || filepath.Base(name) == filepath.Base(path) && mayBe(name, fi) {
			return true, nil
		}
	}
	return false, lines.Err()
}

// listener returns the path of a line of procUnix if it is about a socket that
// listens: Num RefCount Protocol Flags Type St Inode Path.
func listener(line string) string {
	const flags, inode = 3, 6
	for i := range inode + 1 {
		var field string
		field, line, _ = strings.Cut(strings.TrimLeft(line, " "), " ")
		if i != flags {
			continue
		}
		if n, err := strconv.ParseUint(field, 16, 32); err != nil || n&acceptCon == 0 {
			return ""
		}
	}
	return line
}

// mayBe reports whether name, as it was bound, is the file fi. Of a relative one
// nobody knows where it was.
func mayBe(name string, fi fs.FileInfo) bool {
	if !filepath.IsAbs(name) {
		return true
	}
	other, err := os.Lstat(name)
	return err == nil && os.SameFile(other, fi)
}
