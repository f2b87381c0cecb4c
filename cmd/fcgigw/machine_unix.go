package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// listenable reports why no unix socket can be made at path. A socket that is there
// may be the running gateway's, or a dead one's, which is replaced.
func listenable(path string) error {
	fi, err := os.Lstat(path)
	if err == nil && fi.Mode()&fs.ModeSocket == 0 {
		return errors.New("a file that is no socket is in the way; the gateway does not remove it")
	}
	if dir := filepath.Dir(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		if err := directory(dir, unix.W_OK|unix.X_OK); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		return nil
	}
	return creatable(path)
}
