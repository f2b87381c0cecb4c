package worker

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotFound means that no php-fpm binary was found; the message around
	// it names the places searched and what to install.
	ErrNotFound = errors.New("php-fpm not found")

	// ErrRoot means that the configuration asks for workers that run as root
	// without Config.AllowRoot.
	ErrRoot = errors.New("workers would run as root")

	// ErrConfig means that a Config value cannot be used: out of range, or
	// not safe to write into php-fpm's configuration file.
	ErrConfig = errors.New("bad configuration")

	// ErrStartTimeout means that php-fpm ran but did not listen within
	// Config.StartTimeout.
	ErrStartTimeout = errors.New("php-fpm did not listen in time")

	// ErrKilled means that php-fpm had to be killed because it did not end
	// within Stop's deadline; requests it was running are lost.
	ErrKilled = errors.New("php-fpm did not stop in time and was killed")
)

// ExitError reports a php-fpm master that ended without being asked to.
type ExitError struct {
	Status string   // as the kernel reported it: "exit status 78", "signal: killed"
	Said   []string // the last lines php-fpm wrote, oldest first, without time stamps
}

func (e *ExitError) Error() string {
	if len(e.Said) == 0 {
		return fmt.Sprintf("php-fpm ended (%s) without a word", e.Status)
	}
	return fmt.Sprintf("php-fpm ended (%s): %s", e.Status, strings.Join(e.Said, "; "))
}
