package docroot

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	flagsPath = unix.O_PATH | unix.O_CLOEXEC
	// flagsRead opens without waiting, should a FIFO have taken the place of
	// the file that was looked up.
	flagsRead = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY

	resolveBeneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS
	resolveNoLinks = resolveBeneath | unix.RESOLVE_NO_SYMLINKS

	// raceTries bounds how often a lookup is repeated that the kernel gave up
	// because of a rename elsewhere in the tree (EAGAIN).
	raceTries = 64
)

// openat2 is openat2(2), repeated on signals and on lost races.
func openat2(dir int, rel string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags), Resolve: resolve}
	for try := 0; ; {
		fd, err := unix.Openat2(dir, rel, &how)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && try < raceTries:
			try++
			continue
		}
		return fd, err
	}
}

func openat(dir int, rel string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, rel, flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func fstat(fd int, st *unix.Stat_t) error {
	for {
		if err := unix.Fstat(fd, st); err != unix.EINTR {
			return err
		}
	}
}

// hasOpenat2 reports whether the kernel, and the sandbox around us, grant
// openat2.
func hasOpenat2(dir int) bool {
	fd, err := openat2(dir, ".", flagsPath, resolveBeneath)
	if err != nil {
		return false
	}
	closeFD(fd)
	return true
}

func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// fdPath returns the real path of what fd refers to, ErrNotExist when it has
// been removed.
func fdPath(fd int) (string, error) {
	real, err := os.Readlink(procPath(fd))
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := fstat(fd, &st); err != nil {
		return "", err
	}
	// The kernel appends " (deleted)" to the name of a removed file.
	if st.Nlink == 0 || !filepath.IsAbs(real) {
		return "", ErrNotExist
	}
	return real, nil
}

// closeFD closes a descriptor that was only looked through; there is nothing
// to learn from an error.
func closeFD(fd int) { _ = unix.Close(fd) }
