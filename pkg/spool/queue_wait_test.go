package spool

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"
	"testing/synctest"
)

func TestReaderWaitsForTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Dir: t.TempDir()})
		q := s.Queue(100, 0)
		var got []byte
		// Ends with the queue.
		go func() { got, _ = io.ReadAll(q) }()
		synctest.Wait()
		write(t, q, []byte("one "))
		synctest.Wait()
		write(t, q, []byte("two"))
		q.CloseWrite(nil)
		synctest.Wait()
		if string(got) != "one two" {
			t.Errorf("%q", got)
		}
		_ = q.Close()
		checkEmpty(t, s)
	})
}

func TestFullQueueLetsTheWriterWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Dir: t.TempDir()})
		q := s.Queue(100, 100)
		if n, err := q.Write(content(150)); n != 100 || err != ErrTooLarge {
			t.Fatal(n, err)
		}
		waited := make(chan error, 1)
		// Ends when there is room.
		go func() { waited <- q.WaitRoom() }()
		next(t, q)
		synctest.Wait()
		if len(waited) != 0 {
			t.Error("room was seen while the reader still held the bytes")
		}
		q.CloseWrite(nil)
		next(t, q)
		if err := <-waited; err != nil {
			t.Error(err)
		}
		_ = q.Close()
		if err := q.WaitRoom(); err != ErrClosed {
			t.Error(err)
		}
		checkEmpty(t, s)
	})
}

func TestWaitingForRoomThatOthersHoldIsRefused(t *testing.T) {
	s := newStore(t, 100)
	q := s.Queue(1000, 0)
	if n, err := q.Write([]byte("x")); n != 0 || err != ErrNoSpace {
		t.Fatal(n, err)
	}
	if err := q.WaitRoom(); err != ErrNoSpace {
		t.Error(err)
	}
	_ = q.Close()
}

func TestBackpressureCarriesMoreThanTheStoreHolds(t *testing.T) {
	s := newStore(t, 3*largeChunk)
	q := s.Queue(largeChunk, 0)
	body := content(1 << 20)
	var wg sync.WaitGroup
	// Ends with the body or the first error.
	wg.Go(func() {
		defer q.CloseWrite(nil)
		for rest := body; len(rest) > 0; {
			n, err := q.Write(rest[:min(len(rest), 30000)])
			rest = rest[n:]
			if err == ErrNoSpace || err == ErrTooLarge {
				err = q.WaitRoom()
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	checkQueue(t, q, body)
	wg.Wait()
	_ = q.Close()
}

func TestCloseWakesBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Dir: t.TempDir()})
		q := s.Queue(100, 0)
		read := make(chan error, 1)
		// Ends when the queue is closed.
		go func() { _, _, err := q.Next(); read <- err }()
		synctest.Wait()
		_, _ = q.Close(), q.Close()
		if err := <-read; err != ErrClosed {
			t.Error(err)
		}
		if _, err := q.Write([]byte("x")); err != ErrClosed {
			t.Error(err)
		}
		checkEmpty(t, s)
	})
}

func TestCloseLeavesTheReadersBytesIntact(t *testing.T) {
	s := newStore(t, 0)
	for _, memMax := range []int64{0, 100} {
		q := s.Queue(memMax, 0)
		write(t, q, []byte("held"))
		p, _ := next(t, q)
		_ = q.Close()
		for range 10 { // would get the chunk from the pool
			b := filled(t, s, 1<<20, bytes.Repeat([]byte("z"), largeChunk), 4)
			defer b.Close()
		}
		if string(p) != "held" {
			t.Errorf("became %q", p)
		}
	}
	// The buffers' Close runs before the store is checked.
}

func TestCloseAtAnyMomentGivesAllBack(t *testing.T) {
	s := newStore(t, 0)
	for round := range 60 {
		q := s.Queue(int64(round%3)*largeChunk, 0)
		var wg sync.WaitGroup
		// Both end with the first error, which Close brings about.
		wg.Go(func() {
			for {
				if _, err := q.Write(content(5000)); err != nil {
					return
				}
				if q.Len() > 1<<20 {
					_ = q.Close()
				}
			}
		})
		wg.Go(func() {
			for n := 0; ; n++ {
				if _, _, err := q.Next(); err != nil {
					return
				}
				if n == round {
					_ = q.Close()
				}
			}
		})
		wg.Wait()
	}
}

func TestNoDescriptorIsLeft(t *testing.T) {
	s := newStore(t, 0)
	before := openFDs(t)
	for range 20 {
		q, b := s.Queue(0, 0), s.Buffer(0, 0)
		write(t, q, content(10))
		if _, err := b.Write(content(10)); err != nil {
			t.Fatal(err)
		}
		_, _ = q.Close(), b.Close()
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func openFDs(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

// FuzzQueueKeepsOrder drives writes and reads by the bytes of ops: whatever
// their order, what comes out is what went in.
func FuzzQueueKeepsOrder(f *testing.F) {
	f.Add([]byte("\x05\x80\x10\x90\xff\x00"), uint16(10))
	f.Add([]byte("\x7f\x7f\x7f\x80\x80\x80\x80\x7f\x80"), uint16(5000))
	f.Add([]byte("\x7f\x80\x7f\x7f\x80\x80\x80\x80\x7f\x7f"), uint16(0))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, ops []byte, memMax uint16) {
		s := New(Config{Dir: dir})
		q := s.Queue(int64(memMax), 0)
		var in, out []byte
		pattern := content(127 * 100)
		for _, op := range ops {
			if op < 0x80 {
				write(t, q, pattern[:int(op)*100])
				in = append(in, pattern[:int(op)*100]...)
			} else if len(out) < len(in) {
				p, _ := next(t, q)
				out = append(out, p...)
			}
		}
		q.CloseWrite(nil)
		for last := false; !last; {
			var p []byte
			p, last = next(t, q)
			out = append(out, p...)
		}
		if !bytes.Equal(in, out) {
			t.Errorf("%d bytes in, %d out, or others", len(in), len(out))
		}
		_ = q.Close()
		checkEmpty(t, s)
	})
}
