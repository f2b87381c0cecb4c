package spool

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func newStore(t *testing.T, limit int64) *Store {
	t.Helper()
	s := New(Config{Dir: t.TempDir(), Limit: limit})
	t.Cleanup(func() { checkEmpty(t, s) })
	return s
}

// checkEmpty is what every test ends with: all was given back.
func checkEmpty(t *testing.T, s *Store) {
	t.Helper()
	if st := s.Stats(); st != (Stats{}) || s.used.Load() != 0 {
		t.Errorf("left behind: %+v, %d used", st, s.used.Load())
	}
}

// content returns n bytes in which every position is told from its neighbours.
func content(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestStoreLimitCountsAllBuffersTogether(t *testing.T) {
	s := newStore(t, 3*smallChunk)
	var open []*Buffer
	for range 3 {
		b := s.Buffer(smallChunk, 0)
		open = append(open, b)
		if _, err := b.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	b := s.Buffer(smallChunk, 0)
	if n, err := b.Write([]byte("x")); n != 0 || err != ErrNoSpace {
		t.Errorf("beyond the limit: %d, %v", n, err)
	}
	_ = open[0].Close()
	if n, err := b.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("after room was made: %d, %v", n, err)
	}
	for _, o := range append(open, b) {
		_ = o.Close()
	}
}

func TestStatsCountMemoryDiskAndFiles(t *testing.T) {
	s := newStore(t, 0)
	b := s.Buffer(smallChunk, 0)
	if _, err := b.Write(content(smallChunk + 100)); err != nil {
		t.Fatal(err)
	}
	want := Stats{Memory: largeChunk, Disk: 100, Files: 1}
	// One write of more than a chunk takes the size that fits what stays in
	// memory.
	want.Memory = smallChunk
	if got := s.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	_ = b.Close()
}

func TestTempFilesHaveNoNameAndNoRightsForOthers(t *testing.T) {
	s := newStore(t, 0)
	f, err := s.newFile()
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	checkAnonymous(t, f.f, s.dir)
}

func TestFallbackFilesHaveNoNameEither(t *testing.T) {
	dir := t.TempDir()
	f, err := unlinked(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	checkAnonymous(t, f, dir)
}

func checkAnonymous(t *testing.T, f *os.File, dir string) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	if st.Nlink != 0 || st.Mode&0o7777 != 0o600 {
		t.Errorf("%d links, mode %o", st.Nlink, st.Mode)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("in the directory: %v, %v", names, err)
	}
}

func TestUnusableDirectoryIsAnErrorOfTheWrite(t *testing.T) {
	s := New(Config{Dir: filepath.Join(t.TempDir(), "none")})
	b := s.Buffer(2, 0)
	n, err := b.Write([]byte("abc"))
	if n != 2 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%d, %v", n, err)
	}
	q := s.Queue(0, 0)
	if n, err := q.Write([]byte("abc")); n != 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%d, %v", n, err)
	}
	_, _ = b.Close(), q.Close()
	checkEmpty(t, s)
}

func TestDiskErrorsAreTold(t *testing.T) {
	for _, c := range []struct{ in, want error }{
		{nil, nil},
		{&os.PathError{Err: unix.ENOSPC}, ErrNoSpace},
		{unix.EDQUOT, ErrNoSpace},
		{unix.EFBIG, ErrNoSpace},
		{os.ErrClosed, ErrClosed},
		{unix.EIO, unix.EIO},
	} {
		if got := diskError(c.in); !errors.Is(got, c.want) {
			t.Errorf("diskError(%v) = %v", c.in, got)
		}
	}
}

func TestChunksAreReused(t *testing.T) {
	s := newStore(t, 0)
	body := content(3000)
	n := testing.AllocsPerRun(100, func() {
		b := s.Buffer(largeChunk, 0)
		if _, err := b.Write(body); err != nil {
			t.Fatal(err)
		}
		if got, ok := b.Bytes(); !ok || !bytes.Equal(got, body) {
			t.Fatal("wrong bytes")
		}
		_ = b.Close()
	})
	if n > 1 {
		t.Errorf("%v allocations, want 1 for the Buffer itself", n)
	}
}
