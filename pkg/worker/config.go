package worker

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"time"
)

// Limits and defaults of Config.
const (
	MaxCount            = 4096 // most workers one pool may have
	DefaultStartTimeout = 10 * time.Second
	DefaultStopTimeout  = 30 * time.Second
	DefaultName         = "www"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Config describes one php-fpm pool. The zero value runs the newest php-fpm
// installed with a few workers, as www-data when started by root.
type Config struct {
	// Name appears in the process list and in php-fpm's messages: letters,
	// digits, '-', '_', '.'. Default DefaultName.
	Name string

	// Binary is the path of php-fpm. Default: what Find returns.
	Binary string

	// Dir is where the generated configuration and the socket go. It is
	// created with mode 0700 when missing, and removed at stop if it was
	// created. It must not be open to other users, nor be shared by two pools.
	// Default: a new directory beneath /run (root), $XDG_RUNTIME_DIR or the
	// temporary directory.
	Dir string

	// Count is the number of workers, which all run from the start
	// (pm = static). Default: twice the number of CPUs, at least 4.
	Count int

	// User and Group are who the workers run as; names or numbers. Default
	// when started by root: www-data if it exists, else nobody; the group
	// defaults to the user's own. When not started by root they must be empty
	// or name the current user and group.
	User, Group string

	// AllowRoot permits workers that run as root (php-fpm -R).
	AllowRoot bool

	// INI holds PHP settings, written as php_admin_value, so that scripts
	// cannot change them. Values are literal: constants such as E_ALL are not
	// evaluated. They may not hold control characters, nor both kinds of
	// quotes.
	INI map[string]string

	// Env is the environment of the workers; nothing is inherited. PATH gets
	// a usual value when not given; php-fpm adds USER and HOME when it switches
	// users. Values may hold anything but NUL.
	Env map[string]string

	// MaxRequests ends a worker after so many requests and starts another, to
	// bound leaks. 0 means never.
	MaxRequests int

	// RequestTimeout ends a worker whose request has run for so long; rounded
	// up to whole seconds. 0 means never.
	RequestTimeout time.Duration

	// StartTimeout bounds the time from starting php-fpm to its first
	// accepted connection. Default DefaultStartTimeout.
	StartTimeout time.Duration

	// StopTimeout is how long Stop waits when its context has no deadline.
	// Default DefaultStopTimeout.
	StopTimeout time.Duration

	// Events reports what happens.
	Events Events
}

// Events are optional funcs that a Pool calls as things happen. They may be
// called from several goroutines at once, must not block for long and must
// not call Stop.
type Events struct {
	// Line gets each line that php-fpm itself writes (not its scripts, whose
	// stderr arrives through FastCGI).
	Line func(Line)
	// Started reports a master that accepts connections, and how long that took.
	Started func(pid int, took time.Duration)
	// Died reports a master that ended unasked and when the next one is
	// started. err is an *ExitError when a master had run.
	Died func(err error, retryIn time.Duration)
	// Stopped reports the end of the pool, after the last process is gone.
	Stopped func()
}

func (e *Events) line(l Line) {
	if e.Line != nil {
		e.Line(l)
	}
}

func (e *Events) started(pid int, took time.Duration) {
	if e.Started != nil {
		e.Started(pid, took)
	}
}

func (e *Events) died(err error, retryIn time.Duration) {
	if e.Died != nil {
		e.Died(err, retryIn)
	}
}

func (e *Events) stopped() {
	if e.Stopped != nil {
		e.Stopped()
	}
}

// withDefaults returns c with the zero values filled in that need no look at
// the system.
func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = DefaultName
	}
	if c.Count == 0 {
		c.Count = max(4, 2*runtime.NumCPU())
	}
	if c.StartTimeout <= 0 {
		c.StartTimeout = DefaultStartTimeout
	}
	if c.StopTimeout <= 0 {
		c.StopTimeout = DefaultStopTimeout
	}
	if _, ok := c.Env["PATH"]; !ok {
		c.Env = maps.Clone(c.Env)
		if c.Env == nil {
			c.Env = map[string]string{}
		}
		c.Env["PATH"] = defaultPath
	}
	return c
}

// validate refuses everything that must not reach the generated file. The
// error wraps ErrConfig.
func (c *Config) validate() error {
	switch {
	case !isName(c.Name):
		return fmt.Errorf("%w: name %q: only letters, digits, '-', '_' and '.'", ErrConfig, c.Name)
	case strings.EqualFold(c.Name, "global"):
		return fmt.Errorf("%w: name %q means something else to php-fpm", ErrConfig, c.Name)
	case c.Count < 1 || c.Count > MaxCount:
		return fmt.Errorf("%w: %d workers: must be 1 to %d", ErrConfig, c.Count, MaxCount)
	case c.MaxRequests < 0:
		return fmt.Errorf("%w: max requests %d is negative", ErrConfig, c.MaxRequests)
	case c.RequestTimeout < 0:
		return fmt.Errorf("%w: request timeout %v is negative", ErrConfig, c.RequestTimeout)
	case c.User != "" && !isName(c.User):
		return fmt.Errorf("%w: user %q", ErrConfig, c.User)
	case c.Group != "" && !isName(c.Group):
		return fmt.Errorf("%w: group %q", ErrConfig, c.Group)
	}
	return c.validateMaps()
}

func (c *Config) validateMaps() error {
	for name, value := range c.INI {
		if !isName(name) {
			return fmt.Errorf("%w: ini name %q", ErrConfig, name)
		}
		if _, ok := quoteINI(value); !ok {
			return fmt.Errorf("%w: ini %s: value %q holds a control character or both kinds of quotes", ErrConfig, name, value)
		}
	}
	for name, value := range c.Env {
		if !isEnvName(name) {
			return fmt.Errorf("%w: env name %q", ErrConfig, name)
		}
		if !isEnvValue(value) {
			return fmt.Errorf("%w: env %s holds a NUL byte", ErrConfig, name)
		}
	}
	return nil
}
