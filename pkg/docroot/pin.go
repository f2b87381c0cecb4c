package docroot

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pin is one real directory that a Root's path led to, with what is known
// about files beneath it. A swap of the root makes a new pin.
type pin struct {
	real  string // real path of the directory
	id    Info
	cache *cache

	mode   Symlinks
	direct bool // openat2 is there

	dir  *os.File        // O_PATH; its reference count outlasts Close for calls under way
	raw  syscall.RawConn // of dir
	root *os.Root        // Beneath without openat2, else nil
}

// newPin opens the directory that path leads to now.
func newPin(path string, o *Options, direct bool) (*pin, error) {
	fd, err := openat(unix.AT_FDCWD, path, flagsPath|unix.O_DIRECTORY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	p := &pin{
		mode:   o.Symlinks,
		direct: direct && hasOpenat2(fd),
		dir:    os.NewFile(uintptr(fd), path),
		cache:  newCache(o.MaxEntries),
	}
	if err := p.fill(fd); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pin) fill(fd int) error {
	var st unix.Stat_t
	var err error
	if p.id, err = infoOf(fd, &st); err != nil {
		return err
	}
	if p.real, err = fdPath(fd); err != nil {
		return err
	}
	if p.raw, err = p.dir.SyscallConn(); err != nil {
		return err
	}
	if p.mode == Beneath && !p.direct {
		p.root, err = os.OpenRoot(procPath(fd))
	}
	return err
}

// same reports whether path leads to p's directory under p's real path.
func (p *pin) same(path string) (bool, error) {
	fd, err := openat(unix.AT_FDCWD, path, flagsPath|unix.O_DIRECTORY)
	if err != nil {
		return false, err
	}
	defer closeFD(fd)
	var st unix.Stat_t
	id, err := infoOf(fd, &st)
	if err != nil {
		return false, err
	}
	real, err := fdPath(fd)
	return id.Dev == p.id.Dev && id.Ino == p.id.Ino && real == p.real, err
}

// join returns the real path of rel when no symlink is on its way.
func (p *pin) join(rel string) string {
	for rel != "" && rel[len(rel)-1] == '/' {
		rel = rel[:len(rel)-1]
	}
	switch {
	case rel == "" || rel == ".":
		return p.real
	case p.real == "/":
		return p.real + rel
	}
	return p.real + "/" + rel
}

// close gives the directory up; calls under way finish.
func (p *pin) close() {
	_ = p.dir.Close() // O_PATH: nothing to flush, nothing to learn
	if p.root != nil {
		_ = p.root.Close()
	}
}

// stat describes rel without opening it for reading.
func (p *pin) stat(rel string) (Info, error) {
	var info Info
	err := p.do(rel, flagsPath, func(fd int, i Info) error {
		info = i
		closeFD(fd)
		return nil
	})
	return info, err
}

// open opens rel for reading.
func (p *pin) open(rel string) (*os.File, Info, error) {
	var f *os.File
	var info Info
	err := p.do(rel, flagsRead, func(fd int, i Info) error {
		// O_NONBLOCK has done its work; without it the runtime does not try
		// to poll the file.
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, 0); err != nil {
			closeFD(fd)
			return err
		}
		f, info = os.NewFile(uintptr(fd), i.RealPath), i
		return nil
	})
	return f, info, err
}
