package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/fpmconf"
	"github.com/fcgigw/fcgigw/pkg/worker"
)

// machine compares a configuration with the machine it is on. Most of what it
// finds are warnings: the file may be meant for another machine.
type machine struct {
	cfg   *config.Config
	said  map[string]bool // a directory of ten locations is one warning
	found config.Errors
	wrong config.Errors // files that are here and can be used nowhere
}

// lookAtMachine tells what would not work here for the user who asks, and what
// is wrong wherever it is.
func lookAtMachine(cfg *config.Config) (warnings, wrong config.Errors) {
	m := &machine{cfg: cfg, said: make(map[string]bool)}
	m.files()
	m.owners()
	for i := range cfg.Sites {
		m.site(&cfg.Sites[i])
		m.tls(&cfg.Sites[i])
	}
	m.acme()
	for _, name := range slices.Sorted(maps.Keys(cfg.Backends)) {
		b := cfg.Backends[name]
		m.backend(&b)
	}
	return m.found, m.wrong
}

// warn notes what is wrong with the value of a key; a nil problem is none.
func (m *machine) warn(table, key, value string, problem error) {
	if problem == nil || m.said[value] {
		return
	}
	m.said[value] = true
	at := m.cfg.At(table + "." + key)
	m.found = append(m.found, config.NewError(at, fmt.Sprintf("%s: %s: %v", key, value, problem)))
}

// files looks at what the process itself writes.
func (m *machine) files() {
	for _, f := range []struct{ table, key, path string }{
		{"log", "output", m.cfg.Log.Output},
		{"log", "access", m.cfg.Log.Access},
		{"gateway", "pid_file", m.cfg.Gateway.PIDFile},
	} {
		if filepath.IsAbs(f.path) {
			m.warn(f.table, f.key, f.path, creatable(f.path))
		}
	}
	if path := m.cfg.Gateway.TempDir; path != "" {
		m.warn("gateway", "temp_dir", path, directory(path, unix.W_OK|unix.X_OK))
	}
}

// site looks at the directories and sockets of a site.
func (m *machine) site(s *config.Site) {
	for _, addr := range s.Listen {
		if path, ok := strings.CutPrefix(addr, "unix:"); ok && !strings.HasPrefix(path, "@") {
			m.warn(s.Pos.Path, "listen", addr, listenable(path))
		}
	}
	if len(s.Locations) == 0 {
		m.warn(s.Pos.Path, "root", s.Root, directory(s.Root, unix.X_OK))
	}
	for i := range s.Locations {
		l := &s.Locations[i]
		switch {
		case l.Alias != "":
			m.warn(l.Pos.Path, "alias", l.Alias, directory(l.Alias, unix.X_OK))
		case l.Root == "" || l.Return != "" || l.Backend != "" && !m.cfg.Backends[l.Backend].CheckFiles:
		case l.Root == s.Root:
			m.warn(s.Pos.Path, "root", l.Root, directory(l.Root, unix.X_OK))
		default:
			m.warn(l.Pos.Path, "root", l.Root, directory(l.Root, unix.X_OK))
		}
	}
}

// backend looks at the sockets of a backend and at its program.
func (m *machine) backend(b *config.Backend) {
	for _, addr := range b.Servers {
		if path, ok := strings.CutPrefix(addr, "unix:"); ok {
			m.warn(b.Pos.Path, "servers", addr, connectable(path, b.Protocol))
		}
	}
	inFile := 0
	if b.PHPFPMConfig != "" {
		learned, err := fpmconf.Learn(b.PHPFPMConfig, b.Servers)
		m.warn(b.Pos.Path, "php_fpm_config", b.PHPFPMConfig, err)
		inFile = learned.Children
	}
	m.numbers(b, inFile)
	switch {
	case b.Workers == nil:
	case b.Workers.Binary != "":
		m.warn(b.Workers.Pos.Path, "binary", b.Workers.Binary, phpFPM(b.Workers.Binary))
	default:
		if _, err := worker.Find(); err != nil {
			m.warn(b.Workers.Pos.Path, "binary", "none is named", err)
		}
	}
}

// numbers compares what a backend's keys say of connections with the number of
// its workers, as far as that is known. inFile is php-fpm's own; 0: unknown.
func (m *machine) numbers(b *config.Backend, inFile int) {
	path := b.Pos.Path
	if inFile > 0 && b.MaxConns > inFile {
		m.note(path, "max_conns", "%d is more than pm.max_children, which is %d: the surplus waits inside php-fpm, where nobody sees it", b.MaxConns, inFile)
	}
	if b.Workers == nil && b.PHPFPMConfig == "" && b.MaxConns == 0 {
		m.unknown(b)
		return
	}
	fpm := b.Workers != nil || b.PHPFPMConfig != ""
	if fpm && b.Multiplex == "on" {
		m.note(path, "multiplex", "php-fpm does not multiplex and mixes such requests up; leave it at \"auto\"")
	}
	workers := workersOf(b, inFile)
	if workers == 0 {
		return
	}
	m.beyond(path, "warm_up", b.WarmUp, workers, "a connection takes a worker")
	if fpm || b.Multiplex == "off" { // a shared connection occupies nobody
		m.beyond(path, "min_idle", b.MinIdle, workers-1, "one worker is left free")
	}
}

// workersOf returns how many workers each server of a backend has; 0: unknown.
func workersOf(b *config.Backend, inFile int) int {
	switch {
	case b.Workers != nil:
		return b.Workers.Count
	case b.MaxConns > 0:
		return b.MaxConns
	}
	return inFile
}

// unknown warns of keys that need a number of workers, or a server that
// multiplexes. Where nothing can be kept, the configuration itself says so.
func (m *machine) unknown(b *config.Backend) {
	if b.KeepConn != "auto" || b.Multiplex != "auto" {
		return
	}
	const why = "without a number of workers it has an effect only if the server multiplexes, which php-fpm does not; set max_conns or php_fpm_config"
	if b.MinIdle > 0 {
		m.note(b.Pos.Path, "min_idle", why)
	}
	if b.WarmUp > 0 {
		m.note(b.Pos.Path, "warm_up", why)
	}
}

// beyond warns of a number of connections of which no more than most will be.
func (m *machine) beyond(table, key string, n, most int, why string) {
	if n > most {
		m.note(table, key, "%d is more than there can be, at most %d: %s", n, most, why)
	}
}

// note notes what is odd about a key.
func (m *machine) note(table, key, format string, args ...any) {
	at := m.cfg.At(table + "." + key)
	m.found = append(m.found, config.NewError(at, key+": "+fmt.Sprintf(format, args...)))
}

var (
	errNoFile      = errors.New("no such file")
	errNoDirectory = errors.New("no such directory")
	errNotOne      = errors.New("it is no directory")
	errAccess      = errors.New("this user has no permission")
)

// directory reports why path cannot be used as a directory.
func directory(path string, mode uint32) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errNoDirectory
	case errors.Is(err, fs.ErrPermission):
		return errAccess
	case err != nil:
		return err
	case !fi.IsDir():
		return errNotOne
	case unix.Access(path, mode) != nil:
		return errAccess
	}
	return nil
}

// creatable reports why the file at path could not be made.
func creatable(path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(path); err == nil {
		if unix.Access(path, unix.W_OK) != nil {
			return errAccess
		}
		return nil
	}
	if err := directory(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

// connectable reports why nobody can connect to the socket at path, on which
// protocol is spoken. It is looked at only.
func connectable(path, protocol string) error {
	running, owner := "is php-fpm running, and is its \"listen\" the same path?", "listen.owner and listen.group of the php-fpm pool"
	if protocol == "http" {
		running, owner = "is the application running, and does it listen on the same path?", "with which owner, group and umask the application makes it (docs/http.md)"
	}
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such socket; " + running)
	case errors.Is(err, fs.ErrPermission):
		return errAccess
	case err != nil:
		return err
	case fi.Mode()&fs.ModeSocket == 0:
		return errors.New("it is no socket")
	case unix.Access(path, unix.W_OK) != nil:
		return fmt.Errorf("%w to connect; see %s", errAccess, owner)
	}
	return nil
}

// phpFPM reports why the program is not php-fpm. It is not run.
func phpFPM(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errNoFile
	case err != nil:
		return err
	case !fi.Mode().IsRegular() || fi.Mode()&0o111 == 0:
		return errors.New("it is no program")
	case !looksLikeFPM(filepath.Base(path)):
		return errors.New("it does not look like php-fpm; php and php-cgi cannot take its place")
	}
	return nil
}

// looksLikeFPM accepts php-fpm, php-fpm8.2, php83-fpm.
func looksLikeFPM(name string) bool {
	return strings.Contains(name, "php") && strings.Contains(name, "fpm")
}
