package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// file is a temporary file without a name. Its bytes are accounted as they are
// reserved; close returns what is left.
type file struct {
	store *Store
	f     *os.File
}

// newFile makes a temporary file that only this process can reach.
func (s *Store) newFile() (*file, error) {
	f, err := os.OpenFile(s.dir, os.O_RDWR|unix.O_TMPFILE|unix.O_EXCL, 0o600)
	if err != nil {
		f, err = unlinked(s.dir)
	}
	if err != nil {
		return nil, diskError(err)
	}
	s.files.Add(1)
	return &file{store: s, f: f}, nil
}

// unlinked is for file systems without O_TMPFILE.
func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "spool-") // mode 0600
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// writeAt writes all of p or returns how much it could, with ErrNoSpace when
// the disk is full.
func (f *file) writeAt(p []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(p, off)
	return n, diskError(err)
}

// readAt reads all of p; less is an error, since only what was written is read.
func (f *file) readAt(p []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(p, off)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, diskError(err)
}

// punch gives the disk blocks of [off, off+n) back and reports whether the
// file system could.
func (f *file) punch(off, n int64) bool {
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	ok := false
	rc, err := f.f.SyscallConn()
	if err != nil {
		return false
	}
	err = rc.Control(func(fd uintptr) { ok = unix.Fallocate(int(fd), mode, off, n) == nil })
	return ok && err == nil
}

// truncate empties the file.
func (f *file) truncate() error { return diskError(f.f.Truncate(0)) }

// close removes the file: it has no name, so closing does.
func (f *file) close() {
	f.store.files.Add(-1)
	_ = f.f.Close() // the content is not wanted any more
}

func diskError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EFBIG):
		return ErrNoSpace
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE): // passes, like a full disk
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case errors.Is(err, os.ErrClosed):
		return ErrClosed
	}
	return fmt.Errorf("spool: %w", err)
}
