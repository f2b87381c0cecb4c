package docroot

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Symlinks says which symlinks beneath a root are followed.
type Symlinks uint8

// The modes of following symlinks.
const (
	// Beneath follows relative symlinks that stay inside the root. The kernel
	// refuses absolute ones, wherever they lead.
	Beneath Symlinks = iota
	// Owner follows a symlink anywhere if it and its final target have the
	// same owner.
	Owner
	// Follow follows every symlink.
	Follow
)

const (
	defaultValid   = time.Second
	defaultEntries = 4096
)

// Options adjusts a Root. The zero value is useful.
type Options struct {
	Symlinks Symlinks
	// Valid is how long an answer is remembered and the root's own path goes
	// unchecked; 0 means one second, below 0 never remember.
	Valid time.Duration
	// MaxEntries bounds the remembered answers; 0 means 4096. An entry takes
	// about 200 bytes and its two paths.
	MaxEntries int
	// Clock returns nanoseconds that only grow; nil means the system's
	// monotonic clock. A coarse clock that is cheaper to read will do.
	Clock func() int64
}

// Root is a document root. All methods may be called by any goroutine.
type Root struct {
	path  string // as configured, absolute
	opt   Options
	clock func() int64

	pin  atomic.Pointer[pin] // nil once closed
	next atomic.Int64        // when path is to be resolved again
	lost atomic.Bool         // path led nowhere twice in a row

	mu      sync.Mutex // held while path is resolved again; never waited for by Lookup
	missed  bool       // guarded by mu: path led nowhere the last time
	kernel2 bool       // openat2 may be used; false in tests of the fallback
}

// New opens the directory at path, which may be, or contain, symlinks. It
// fails when there is no such directory or /proc is not mounted.
func New(path string, opt Options) (*Root, error) { return newRoot(path, opt, true) }

func newRoot(path string, opt Options, kernel2 bool) (*Root, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("docroot: %w", err)
	}
	if opt.Valid == 0 {
		opt.Valid = defaultValid
	}
	if opt.MaxEntries <= 0 {
		opt.MaxEntries = defaultEntries
	}
	r := &Root{path: abs, opt: opt, clock: opt.Clock, kernel2: kernel2}
	if r.clock == nil {
		start := time.Now()
		r.clock = func() int64 { return int64(time.Since(start)) }
	}
	p, err := newPin(abs, &opt, kernel2)
	if err != nil {
		return nil, fmt.Errorf("docroot: %w", err)
	}
	r.pin.Store(p)
	r.next.Store(r.clock() + int64(opt.Valid))
	return r, nil
}

// Close releases the root's directory. Calls under way finish, later ones
// return ErrClosed.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pin.Swap(nil)
	if p == nil {
		return ErrClosed
	}
	p.close()
	return nil
}

// Path returns the root's path as configured, made absolute.
func (r *Root) Path() string { return r.path }

// RealRoot returns the real path of the directory that the root leads to now,
// or "" after Close.
func (r *Root) RealRoot() string {
	p, err := r.current(r.clock())
	if err != nil {
		return ""
	}
	return p.real
}

// Lookup describes the file or directory at rel, a path beneath the root with
// or without leading slashes; "" is the root itself. A rel that ends in a
// slash names directories only. rel is not kept; a remembered answer costs no
// call to the kernel and no allocation.
//
// It returns ErrNotExist, ErrForbidden, ErrNoRoot, ErrClosed or an error of
// the system.
func (r *Root) Lookup(rel []byte) (Info, error) {
	now := r.clock()
	p, err := r.current(now)
	if err != nil {
		return Info{}, err
	}
	if e := p.cache.get(rel, now); e != nil {
		return e.info, e.err
	}
	return r.ask(rel, now)
}

// ask has the kernel answer and remembers what it says.
func (r *Root) ask(rel []byte, now int64) (Info, error) {
	name, err := clean(rel)
	if err != nil {
		return Info{}, err
	}
	var info Info
	p, err := r.onPin(now, func(p *pin) (err error) {
		info, err = p.stat(name)
		info.RealRoot = p.real
		return err
	})
	if p != nil && r.opt.Valid > 0 && lasting(err) {
		p.cache.put(&entry{key: string(rel), info: info, err: err, until: now + int64(r.opt.Valid)}, now)
	}
	return info, err
}

// onPin runs f on the current directory, once more when that was swapped and
// closed before f could use it. It returns the directory f ran on.
func (r *Root) onPin(now int64, f func(*pin) error) (*pin, error) {
	for {
		p, err := r.current(now)
		if err != nil {
			return nil, err
		}
		err = f(p)
		if errors.Is(err, os.ErrClosed) && r.pin.Load() != p {
			continue // each turn needs a swap, at most one per Valid
		}
		if err != nil {
			err = classify(err)
		}
		return p, err
	}
}

// Open opens the file or directory at rel for reading and describes what was
// opened. The caller closes it. Errors are those of Lookup.
func (r *Root) Open(rel []byte) (*os.File, Info, error) {
	// What is known to be missing, or no file, is not opened at all.
	if _, err := r.Lookup(rel); err != nil {
		return nil, Info{}, err
	}
	name, err := clean(rel)
	if err != nil {
		return nil, Info{}, err
	}
	var f *os.File
	var info Info
	_, err = r.onPin(r.clock(), func(p *pin) (err error) {
		f, info, err = p.open(name)
		info.RealRoot = p.real
		return err
	})
	return f, info, err
}

// clean makes rel a path that the kernel takes relative to the root. A ".."
// that climbs would be refused by the kernel; here each one is, so that no
// mode and no fallback has to be trusted with it.
func clean(rel []byte) (string, error) {
	if len(rel) >= unix.PathMax || bytes.IndexByte(rel, 0) >= 0 {
		return "", ErrNotExist
	}
	odd := false
	rest := bytes.TrimLeft(rel, "/")
	for seg := range bytes.SplitSeq(bytes.TrimSuffix(rest, []byte("/")), []byte("/")) {
		switch string(seg) {
		case "..":
			return "", ErrForbidden
		case "", ".":
			odd = true
		}
	}
	if !odd {
		return string(rest), nil
	}
	name := path.Clean(string(rest))
	if len(rest) > 0 && rest[len(rest)-1] == '/' {
		name += "/"
	}
	return name, nil
}
