package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// ErrNoPHP says that there is no php-fpm on this machine.
var ErrNoPHP = errors.New("rig: no php-fpm found")

// FindPHP returns the path of php-fpm, of the newest version if the name says
// which it is.
func FindPHP() (string, error) {
	if path, err := exec.LookPath("php-fpm"); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/sbin/php-fpm*")
	if err != nil || len(found) == 0 {
		return "", ErrNoPHP
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}

// StartPHP starts php-fpm with a fixed number of children on the given socket,
// with its configuration in dir.
func StartPHP(ctx context.Context, binary, dir, socket string, children int) (*Process, error) {
	file := filepath.Join(dir, "php-fpm.conf")
	if err := os.WriteFile(file, []byte(phpConf(dir, socket, children, os.Getuid() == 0)), 0o644); err != nil {
		return nil, err
	}
	p, err := Start(Command{Name: "php-fpm", Args: []string{binary, "-F", "-y", file}, Dir: dir})
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, "unix", socket); err != nil {
		_ = p.Stop()
		return nil, err
	}
	return p, nil
}

func phpConf(dir, socket string, children int, root bool) string {
	user := ""
	if root {
		user = "user = www-data\ngroup = www-data\n"
	}
	return fmt.Sprintf(`[global]
error_log = %s/php-fpm.log
daemonize = no
[www]
%slisten = %s
listen.mode = 0666
listen.backlog = 4096
pm = static
pm.max_children = %d
`, dir, user, socket, children)
}
