package spool

import (
	"errors"
	"os"
	"sync/atomic"
)

var (
	// ErrTooLarge: more was written than the buffer's own bound allows.
	ErrTooLarge = errors.New("spool: too large")
	// ErrNoSpace: the store's limit is reached or the disk is full.
	ErrNoSpace = errors.New("spool: no space left")
	// ErrClosed: the buffer or queue was closed, or its writing was ended.
	ErrClosed = errors.New("spool: closed")
)

// Config adjusts a Store. The zero value is useful.
type Config struct {
	// Dir is where temporary files are made; "" means os.TempDir(). It is not
	// looked at before the first file is needed.
	Dir string
	// Limit bounds the bytes all buffers and queues hold together, in memory
	// and on disk; 0 means no limit.
	Limit int64
}

// Store makes buffers and queues and bounds them together. Its methods may be
// called by any goroutine.
type Store struct {
	dir    string
	limit  int64
	chunks chunkPools

	used   atomic.Int64 // memory + disk
	memory atomic.Int64
	disk   atomic.Int64
	files  atomic.Int64
}

// Stats is what a Store holds at one moment.
type Stats struct {
	Memory int64 // bytes of memory, counted by whole chunks
	Disk   int64 // bytes in temporary files
	Files  int64 // temporary files
}

// New returns an empty Store.
func New(c Config) *Store {
	if c.Dir == "" {
		c.Dir = os.TempDir()
	}
	return &Store{dir: c.Dir, limit: c.Limit}
}

// Stats returns what s holds. The figures are read one after the other.
func (s *Store) Stats() Stats {
	return Stats{Memory: s.memory.Load(), Disk: s.disk.Load(), Files: s.files.Load()}
}

// reserve takes n bytes of the limit and counts them in kind.
func (s *Store) reserve(kind *atomic.Int64, n int64) error {
	if used := s.used.Add(n); s.limit > 0 && used > s.limit {
		s.used.Add(-n)
		return ErrNoSpace
	}
	kind.Add(n)
	return nil
}

// force is reserve for what must not fail: the one chunk through which a
// reader gets at bytes that are on disk.
func (s *Store) force(kind *atomic.Int64, n int64) {
	s.used.Add(n)
	kind.Add(n)
}

func (s *Store) release(kind *atomic.Int64, n int64) {
	kind.Add(-n)
	s.used.Add(-n)
}
