package docroot

import (
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is the kernel's own limit on symlinks in one lookup.
const maxLinks = 40

// openOwned opens rel, following a symlink only when what it leads to in the
// end has the symlink's owner. Such a symlink may lead out of the root: its
// owner could have put the content itself in its place.
//
// The walk is done here, one component at a time, each held by a descriptor:
// the owner compared is that of the very link that was read and of the very
// object that is returned, so that nothing can be swapped in between.
func openOwned(dir int, rel string, flags int) (int, error) {
	w := walker{}
	fd, err := w.walk(dir, rel)
	if err != nil {
		return -1, err
	}
	return reopen(fd, flags)
}

type walker struct{ links int }

// walk returns an O_PATH descriptor of what path means from dir, which stays
// the caller's.
func (w *walker) walk(dir int, path string) (int, error) {
	start := "."
	if strings.HasPrefix(path, "/") {
		start = "/"
	}
	cur, err := openat(dir, start, flagsPath|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		next, err := w.step(cur, name)
		closeFD(cur)
		if err != nil {
			return -1, err
		}
		cur = next
	}
	return w.checkSlash(cur, path)
}

// checkSlash refuses a file that was named like a directory.
func (w *walker) checkSlash(fd int, path string) (int, error) {
	if !strings.HasSuffix(path, "/") {
		return fd, nil
	}
	var st unix.Stat_t
	err := fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err != nil {
		closeFD(fd)
		return -1, err
	}
	return fd, nil
}

// step opens one component and, if it is a symlink, what it leads to.
func (w *walker) step(dir int, name string) (int, error) {
	fd, err := openat(dir, name, flagsPath|unix.O_NOFOLLOW)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := fstat(fd, &st); err != nil {
		closeFD(fd)
		return -1, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return fd, nil
	}
	defer closeFD(fd)
	return w.follow(dir, fd, st.Uid)
}

// follow opens what the symlink behind link means from dir and compares owners.
func (w *walker) follow(dir, link int, owner uint32) (int, error) {
	if w.links++; w.links > maxLinks {
		return -1, unix.ELOOP
	}
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(link, "", buf[:])
	if err != nil {
		return -1, err
	}
	fd, err := w.walk(dir, string(buf[:n]))
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	err = fstat(fd, &st)
	if err == nil && st.Uid != owner {
		err = ErrForbidden
	}
	if err != nil {
		closeFD(fd)
		return -1, err
	}
	return fd, nil
}
