package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	confName   = "php-fpm.conf"
	socketName = "php-fpm.sock"

	// maxSocketPath is what fits into sockaddr_un.sun_path with its NUL.
	maxSocketPath = 107
)

// runDir is the directory that holds a pool's configuration and socket.
type runDir struct {
	path    string
	created bool
}

func (d runDir) conf() string   { return filepath.Join(d.path, confName) }
func (d runDir) socket() string { return filepath.Join(d.path, socketName) }

// openRunDir makes or checks the directory. An existing one must belong to
// this user and be closed to others, since whoever writes there could replace
// the configuration that a root php-fpm reads.
func openRunDir(path string) (runDir, error) {
	d := runDir{path: path}
	var err error
	switch {
	case path == "":
		d.path, err = os.MkdirTemp(runBase(), "fcgigw-")
		d.created = err == nil
	default:
		if d.path, err = filepath.Abs(path); err == nil {
			d.created, err = makePrivate(d.path)
		}
	}
	if err != nil {
		return d, err
	}
	if err := checkSocketPath(d.socket()); err != nil {
		d.remove()
		return d, err
	}
	return d, nil
}

// runBase is the usual place for sockets that live as long as a process.
func runBase() string {
	if os.Geteuid() == 0 && isDir("/run") {
		return "/run"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && isDir(dir) {
		return dir
	}
	return os.TempDir()
}

func makePrivate(path string) (created bool, err error) {
	if err := os.Mkdir(path, 0o700); err == nil {
		return true, nil
	} else if !os.IsExist(err) {
		return false, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return false, fmt.Errorf("%w: %s is not a directory", ErrConfig, path)
	case !ok || int(stat.Uid) != os.Geteuid():
		return false, fmt.Errorf("%w: %s belongs to another user", ErrConfig, path)
	case info.Mode().Perm()&0o022 != 0:
		return false, fmt.Errorf("%w: %s can be written by others (mode %v)", ErrConfig, path, info.Mode().Perm())
	}
	return false, nil
}

func checkSocketPath(path string) error {
	if len(path) > maxSocketPath {
		return fmt.Errorf("%w: socket path %s is longer than %d bytes", ErrConfig, path, maxSocketPath)
	}
	if _, ok := quoteINI(path); !ok || strings.ContainsAny(path, `"'`) {
		return fmt.Errorf("%w: socket path %q holds quotes or control characters", ErrConfig, path)
	}
	return nil
}

// remove deletes what the pool put there, and the directory if the pool made
// it and nothing else is in it.
func (d runDir) remove() {
	_ = os.Remove(d.conf())   // gone is what we want, and there is nobody to tell
	_ = os.Remove(d.socket()) // php-fpm usually has done it
	if d.created {
		_ = os.Remove(d.path)
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
