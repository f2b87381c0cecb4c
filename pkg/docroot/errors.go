package docroot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Errors that callers branch on. Anything else (out of descriptors, I/O) is
// returned wrapped and is never remembered.
var (
	// ErrNotExist: there is no such file. It matches fs.ErrNotExist.
	ErrNotExist = fmt.Errorf("docroot: %w", fs.ErrNotExist)
	// ErrForbidden: a symlink leads where it may not, the path has a ".."
	// segment, permission is missing, or the object is neither a regular file
	// nor a directory. It matches fs.ErrPermission.
	ErrForbidden = fmt.Errorf("docroot: %w", fs.ErrPermission)
	// ErrNoRoot: the root's path has led nowhere for longer than a moment.
	ErrNoRoot = errors.New("docroot: root directory is gone")
	// ErrClosed: the Root was closed.
	ErrClosed = errors.New("docroot: closed")
)

// classify turns an error of the kernel or of os.Root into one of ours.
func classify(err error) error {
	var no unix.Errno
	if errors.As(err, &no) {
		return classifyErrno(no, err)
	}
	switch {
	case errors.Is(err, ErrNotExist), errors.Is(err, ErrForbidden):
		return err
	case errors.Is(err, os.ErrClosed):
		return ErrClosed
	case isRefusal(err):
		return ErrForbidden
	}
	return fmt.Errorf("docroot: %w", err)
}

func classifyErrno(no unix.Errno, err error) error {
	switch no {
	case unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG, unix.EINVAL:
		return ErrNotExist
	case unix.EXDEV, unix.ELOOP, unix.EACCES, unix.EPERM, unix.ENXIO:
		return ErrForbidden
	}
	return fmt.Errorf("docroot: %w", err)
}

// lasting reports whether err is an answer about the file, and may be
// remembered, rather than a failure to find one.
func lasting(err error) bool {
	return err == nil || err == ErrNotExist || err == ErrForbidden
}
