package worker

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// Pool is a running php-fpm and its supervisor. Its methods may be called from
// any goroutine.
type Pool struct {
	conf Config
	dir  runDir
	cmd  command

	life context.Context // ends when Stop is called
	end  context.CancelFunc
	done chan struct{} // closed by supervise as its last act

	mu  sync.Mutex // guards cur
	cur *master    // nil while none runs
}

// Start runs php-fpm and returns when its socket accepts connections. ctx
// bounds the start only; the pool then lives until Stop.
//
// Errors: an *ExitError with php-fpm's own words when it refuses to run,
// ErrStartTimeout, ErrNotFound, ErrRoot, ErrConfig, ctx's error, or what the
// system says when the directory or the process cannot be made. Nothing is
// left behind after an error.
func Start(ctx context.Context, c Config) (*Pool, error) {
	p, err := prepare(c)
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	if err := p.launch(ctx); err != nil {
		p.end()
		p.dir.remove()
		return nil, fmt.Errorf("worker: %w", err)
	}
	go p.supervise() // ends after Stop
	return p, nil
}

// prepare checks c and writes the files that php-fpm reads.
func prepare(c Config) (*Pool, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	id, err := identify(&c, thisSystem())
	if err != nil {
		return nil, err
	}
	if c.Binary, err = resolveBinary(c.Binary); err != nil {
		return nil, err
	}
	dir, err := openRunDir(c.Dir)
	if err != nil {
		return nil, err
	}
	if accepts(dir.socket()) {
		return nil, fmt.Errorf("%w: %s is in use by another process", ErrConfig, dir.socket())
	}
	if err := os.WriteFile(dir.conf(), []byte(confFile(&c, id, dir.socket())), 0o600); err != nil {
		dir.remove()
		return nil, err
	}
	args := []string{"--nodaemonize", "--fpm-config", dir.conf()}
	if id.asRoot {
		args = append(args, "--allow-to-run-as-root")
	}
	p := &Pool{
		conf: c,
		dir:  dir,
		cmd:  command{path: c.Binary, args: args, env: masterEnv(c.Env), line: c.Events.line},
		done: make(chan struct{}),
	}
	p.life, p.end = context.WithCancel(context.Background())
	return p, nil
}

// resolveBinary makes path absolute, since php-fpm is not started where we are, or
// finds one.
func resolveBinary(path string) (string, error) {
	if path == "" {
		return find(searchDirs(os.Getenv("PATH")), "/opt")
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// Addr returns the path of the unix socket, the same for the pool's whole
// life. While php-fpm is being started again, connecting to it fails.
func (p *Pool) Addr() string { return p.dir.socket() }

// Count returns the number of workers, which is also the number of connections
// php-fpm can serve at once.
func (p *Pool) Count() int { return p.conf.Count }

// PID returns the master's process id, 0 while there is none.
func (p *Pool) PID() int {
	if m := p.current(); m != nil {
		return m.pid()
	}
	return 0
}

// Done is closed when the pool has stopped and all its processes are gone.
func (p *Pool) Done() <-chan struct{} { return p.done }

// Stop ends php-fpm and waits until it is gone: first gracefully, letting
// requests end (SIGQUIT), then at once (SIGTERM), then by force (SIGKILL), all
// within ctx's deadline or Config.StopTimeout. A worker does not end gracefully
// while its client holds the connection, idle or answered, so callers close
// theirs first. It returns ErrKilled if force was needed. Stop may be
// called again and from several goroutines.
func (p *Pool) Stop(ctx context.Context) error {
	p.end()
	quit, term := stopPhases(ctx, p.conf.StopTimeout)
	if p.ends(ctx, (*master).quit, quit) || p.ends(ctx, (*master).terminate, term) {
		return nil
	}
	if m := p.current(); m != nil {
		m.kill()
	}
	<-p.done // nothing survives SIGKILL, and what follows it is bounded
	return fmt.Errorf("worker: %w", ErrKilled)
}

// stopPhases divides the time left: most of it for running requests, and at
// most two seconds for what comes after.
func stopPhases(ctx context.Context, timeout time.Duration) (quit, term time.Duration) {
	left := timeout
	if deadline, ok := ctx.Deadline(); ok {
		left = max(0, time.Until(deadline))
	}
	reserve := min(left/2, 2*time.Second)
	return left - reserve, reserve / 2
}

// ends asks the running master to end and reports whether the pool has ended
// within d.
func (p *Pool) ends(ctx context.Context, ask func(*master), d time.Duration) bool {
	if m := p.current(); m != nil {
		ask(m)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (p *Pool) current() *master {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cur
}

func (p *Pool) setCurrent(m *master) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cur = m
}

// accepts reports whether somebody listens on the unix socket at path. The
// connection is closed without a byte, which php-fpm takes as no request.
func accepts(path string) bool {
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}
