package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// unixListener removes its file when it is closed, if it is still its own: net
// would remove whatever has that name by then, such as a successor's socket.
type unixListener struct {
	*net.UnixListener
	path  string
	inode uint64
	dev   uint64
	once  sync.Once
}

// Close stops listening.
func (l *unixListener) Close() error {
	l.once.Do(func() {
		var st unix.Stat_t
		if unix.Lstat(l.path, &st) == nil && st.Ino == l.inode && st.Dev == l.dev {
			_ = os.Remove(l.path) // what is left is stale, and replaced when it is in the way
		}
	})
	return l.UnixListener.Close()
}

// openUnix listens on a file that nobody may use until it has its owner, and
// that only those may use then whom the options name.
func openUnix(ctx context.Context, path string, o Options) (net.Listener, error) {
	uid, gid, err := owner(o)
	if err != nil {
		return nil, fmt.Errorf("listen on unix:%s: %w", path, err)
	}
	defer lockDir(ctx, path)()
	if err := removeStale(path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: closed}
	ln, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on unix:%s: %w", path, err)
	}
	ul := ln.(*net.UnixListener)
	ul.SetUnlinkOnClose(false)
	l := &unixListener{UnixListener: ul, path: path}
	if err := l.hand(uid, gid, o.Mode); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen on unix:%s: %w", path, err)
	}
	if o.Backlog > 0 {
		setBacklog(ul, o.Backlog)
	}
	return l, nil
}

// closed has bind make a file that nobody may connect to: Linux gives it the mode
// of the socket's own inode. The umask would do so as well, but is the whole
// process's.
func closed(_, _ string, c syscall.RawConn) error {
	var err error
	if bad := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0) }); bad != nil {
		return bad
	}
	return os.NewSyscallError("fchmod", err)
}

// hand gives the file its group, its mode and its user, in this order: CAP_CHOWN
// suffices for it, since the mode is only the present owner's to change, and until
// it is changed nobody but this process's user can connect who may not in the end.
// It works on the file that was made, whatever has its name meanwhile.
func (l *unixListener) hand(uid, gid int, mode uint32) error {
	fd, err := unix.Open(l.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return errors.New("another file has taken the socket's name")
	}
	l.inode, l.dev = st.Ino, st.Dev
	if err := give(fd, -1, gid); err != nil {
		return err
	}
	if mode == 0 {
		mode = DefaultMode
	}
	if err := unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	return give(fd, uid, -1)
}

// give changes the owner of the file that is open as fd; -1 leaves what it is.
func give(fd, uid, gid int) error {
	if uid < 0 && gid < 0 {
		return nil
	}
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("the socket cannot be given to its user and group: %w", err)
	}
	return nil
}

// owner looks up user and group; -1 leaves what the process has.
func owner(o Options) (uid, gid int, err error) {
	uid, gid = -1, -1
	if o.User != "" {
		if uid, err = UserID(o.User); err != nil {
			return uid, gid, err
		}
	}
	if o.Group != "" {
		gid, err = GroupID(o.Group)
	}
	return uid, gid, err
}

// UserID returns the number of a user given by name or number.
func UserID(name string) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return -1, fmt.Errorf("there is no user %q", name)
	}
	return strconv.Atoi(u.Uid)
}

// GroupID returns the number of a group given by name or number.
func GroupID(name string) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return -1, fmt.Errorf("there is no group %q", name)
	}
	return strconv.Atoi(g.Gid)
}
