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

// PHP is a php-fpm with a fixed number of children.
type PHP struct {
	Binary string // its path, as FindPHP returns it
	Dir    string // for its configuration and log
	// Listen is the path of its unix socket, or an IPv4 address with a port.
	Listen   string
	Children int
	// MaxRequests is after how many requests a child is replaced; 0 is never.
	MaxRequests int
	// Status is the name of the status page (pm.status_path), empty for none.
	Status string
}

// StartPHP starts php-fpm and waits until it listens.
func StartPHP(ctx context.Context, c PHP) (*Process, error) {
	file := filepath.Join(c.Dir, "php-fpm.conf")
	if err := os.WriteFile(file, []byte(c.conf(os.Getuid() == 0)), 0o644); err != nil {
		return nil, err
	}
	p, err := Start(Command{Name: "php-fpm", Args: []string{c.Binary, "-F", "-y", file}, Dir: c.Dir})
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, c.network(), c.Listen); err != nil {
		_ = p.Stop()
		return nil, err
	}
	return p, nil
}

func (c PHP) network() string {
	if filepath.IsAbs(c.Listen) {
		return "unix"
	}
	return "tcp4"
}

func (c PHP) conf(root bool) string {
	lines := ""
	if root {
		lines = "user = www-data\ngroup = www-data\n"
	}
	if c.Status != "" {
		lines += "pm.status_path = " + c.Status + "\n"
	}
	return fmt.Sprintf(`[global]
error_log = %s/php-fpm.log
daemonize = no
process_control_timeout = 10s
[www]
%slisten = %s
listen.mode = 0666
listen.backlog = 4096
pm = static
pm.max_children = %d
pm.max_requests = %d
`, c.Dir, lines, c.Listen, c.Children, c.MaxRequests)
}
