package docroot

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// do opens rel with flags, describes it and hands both to use, which owns the
// descriptor from then on.
func (p *pin) do(rel string, flags int, use func(fd int, i Info) error) error {
	if p.root != nil {
		return p.doRoot(rel, flags, use)
	}
	var failed error
	err := p.raw.Control(func(dir uintptr) { failed = p.doAt(int(dir), rel, flags, use) })
	if err != nil {
		return os.ErrClosed // the only reason; it comes as an unexported error
	}
	return failed
}

func (p *pin) doAt(dir int, rel string, flags int, use func(fd int, i Info) error) error {
	fd, linked, err := p.resolve(dir, rel, flags)
	if err != nil {
		return err
	}
	info, err := p.describe(fd, rel, linked)
	if err != nil {
		closeFD(fd)
		return err
	}
	return use(fd, info)
}

func (p *pin) describe(fd int, rel string, linked bool) (Info, error) {
	var st unix.Stat_t
	info, err := infoOf(fd, &st)
	if err != nil {
		return Info{}, err
	}
	if !linked {
		info.RealPath = p.join(rel)
		return info, nil
	}
	info.RealPath, err = fdPath(fd)
	return info, err
}

// resolve opens rel as p's mode allows. linked says that symlinks may have been
// followed, so that the real path has to be asked for.
func (p *pin) resolve(dir int, rel string, flags int) (fd int, linked bool, err error) {
	if p.direct {
		fd, err = openat2(dir, rel, flags, resolveNoLinks)
		if err != unix.ELOOP {
			return fd, false, err
		}
	}
	switch p.mode {
	case Owner:
		fd, err = openOwned(dir, rel, flags)
	case Follow:
		fd, err = openPlain(dir, rel, flags)
	default:
		fd, err = openat2(dir, rel, flags, resolveBeneath)
	}
	return fd, true, err
}

// openPlain follows symlinks as the kernel does, but looks at what is there
// before it opens it for reading, so that a device is never opened.
func openPlain(dir int, rel string, flags int) (int, error) {
	fd, err := openat(dir, rel, flagsPath)
	if err != nil {
		return -1, err
	}
	return reopen(fd, flags)
}

// reopen turns the O_PATH descriptor fd into one with flags and closes fd when
// it is no longer needed. It goes through the descriptor, so that what was
// checked is what is opened.
func reopen(fd, flags int) (int, error) {
	if flags == flagsPath {
		return fd, nil
	}
	defer closeFD(fd)
	var st unix.Stat_t
	if _, err := infoOf(fd, &st); err != nil {
		return -1, err
	}
	return openat(unix.AT_FDCWD, procPath(fd), flags)
}

// doRoot is do by os.Root, for kernels without openat2. A file that may not be
// read is still described, by its path as given, since another user (the PHP
// pool's) may be able to read it.
func (p *pin) doRoot(rel string, flags int, use func(fd int, i Info) error) error {
	fi, err := p.root.Stat(strings.TrimRight(rel, "/"))
	switch {
	case err != nil:
		return err
	case !fi.Mode().IsRegular() && !fi.IsDir():
		return ErrForbidden
	case strings.HasSuffix(rel, "/") && !fi.IsDir():
		return ErrNotExist
	}
	f, err := p.root.OpenFile(strings.TrimRight(rel, "/"), flagsRead, 0)
	if errors.Is(err, fs.ErrPermission) && flags == flagsPath {
		return use(-1, infoOfFile(fi, p.join(rel)))
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return p.handOver(f, rel, use)
}

// handOver gives use a descriptor of its own for f.
func (p *pin) handOver(f *os.File, rel string, use func(fd int, i Info) error) error {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	info, err := p.describe(fd, rel, true)
	if err != nil {
		closeFD(fd)
		return err
	}
	return use(fd, info)
}

func infoOfFile(fi fs.FileInfo, real string) Info {
	i := Info{RealPath: real, Kind: File, Size: fi.Size(), ModTime: fi.ModTime()}
	if fi.IsDir() {
		i.Kind = Dir
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		i.Dev, i.Ino = st.Dev, st.Ino
	}
	return i
}

// isRefusal reports whether err is os.Root's own refusal of a path that leads
// out, which unlike every other error of its carries no errno. (Asked after
// the errnos have been dealt with.)
func isRefusal(err error) bool {
	var pe *fs.PathError
	return errors.As(err, &pe)
}
