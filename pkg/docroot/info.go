package docroot

import (
	"time"

	"golang.org/x/sys/unix"
)

// Kind says what a path names. Nothing but these two is ever returned.
type Kind uint8

// The kinds of objects a Root serves.
const (
	File Kind = 1 + iota // a regular file
	Dir                  // a directory
)

// Info describes a file or directory beneath a root.
type Info struct {
	// RealPath is absolute and free of symlinks: the real root and the real
	// path beneath it (or outside it, where Symlinks lets a link lead out).
	RealPath string
	// RealRoot is the real path of the root at the time of the answer: the root
	// may lead elsewhere at the next one.
	RealRoot string
	Kind     Kind
	Size     int64 // bytes; meaningful for files
	ModTime  time.Time
	Dev, Ino uint64
}

// SameFile reports whether i and o describe the same object in the same state
// as far as size and modification time tell.
func (i *Info) SameFile(o *Info) bool {
	return i.Dev == o.Dev && i.Ino == o.Ino && i.Size == o.Size && i.ModTime.Equal(o.ModTime)
}

// infoOf describes what fd refers to, or returns ErrForbidden when that is
// neither a file nor a directory.
func infoOf(fd int, st *unix.Stat_t) (Info, error) {
	if err := fstat(fd, st); err != nil {
		return Info{}, err
	}
	i := Info{
		Size:    st.Size,
		ModTime: time.Unix(st.Mtim.Unix()),
		Dev:     st.Dev,
		Ino:     st.Ino,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		i.Kind = File
	case unix.S_IFDIR:
		i.Kind = Dir
	default:
		return Info{}, ErrForbidden
	}
	return i, nil
}
