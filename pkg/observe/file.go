package observe

import (
	"errors"
	"os"
	"sync"
)

// file is a log file that can be reopened under its name.
type file struct {
	path string

	mu    sync.Mutex // guards what follows
	f     *os.File
	lost  error // of the last write that failed
	state fullness
	tell  func(change) // nil: nobody is told
}

func openFile(path string) (*file, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	return &file{path: path, f: f}, nil
}

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
}

// Write appends p. A failure (disk full) loses p and nothing else: it is
// told when it begins and when it is over, and reported by close, because the
// buffer in front of it would keep the error and never write again.
func (f *file) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.state.mend(p)
	n, err := f.f.Write(b)
	if err != nil {
		f.lost = err
	}
	if c := f.state.wrote(b, n, err); c != (change{}) && f.tell != nil {
		c.path = f.path
		f.tell(c)
	}
	return len(p), nil
}

// telling sets who is told, which happens while the file is locked: tell must not
// write to it, nor wait for whoever does.
func (f *file) telling(tell func(change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell = tell
}

// Sync does nothing: records are handed to the kernel as they are written, and
// forcing them to the disk would make requests wait for it.
func (f *file) Sync() error { return nil }

func (f *file) reopen() error {
	next, err := open(f.path)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.f
	f.f, f.state.torn = next, false
	return old.Close()
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.lost, f.f.Close())
}

// noSync is a standard stream: fsync fails on terminals and pipes.
type noSync struct{ *os.File }

func (noSync) Sync() error { return nil }

// Write is file.Write for a standard stream, which may be a file as well.
func (s noSync) Write(p []byte) (int, error) {
	_, _ = s.File.Write(p) // nobody is left to be told
	return len(p), nil
}

// discard is where complaints about a log that cannot be written go: there is
// no better place, and requests must go on.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Sync() error                 { return nil }
