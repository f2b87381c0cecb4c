package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
)

// next reads once and fails the test on an error.
func next(t *testing.T, q *Queue) ([]byte, bool) {
	t.Helper()
	p, last, err := q.Next()
	if err != nil {
		t.Fatal(err)
	}
	return p, last
}

func write(t *testing.T, q *Queue, p []byte) {
	t.Helper()
	if n, err := q.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write: %d of %d, %v", n, len(p), err)
	}
}

func TestQueueCarriesBytesInOrderWhoeverIsFaster(t *testing.T) {
	for _, memMax := range []int64{0, 1000, smallChunk, largeChunk, 1 << 30} {
		for _, pace := range []string{"writer first", "reader first", "together"} {
			t.Run(fmt.Sprintf("%s, %d in memory", pace, memMax), func(t *testing.T) {
				s := newStore(t, 0)
				q := s.Queue(memMax, 0)
				carry(t, q, content(1<<20), pace)
				_ = q.Close()
			})
		}
	}
}

func carry(t *testing.T, q *Queue, body []byte, pace string) {
	t.Helper()
	started := make(chan struct{})
	var wg sync.WaitGroup
	produce := func() {
		r := rand.New(rand.NewPCG(1, 2))
		for rest := body; len(rest) > 0; {
			n := min(1+r.IntN(30000), len(rest))
			if m, err := q.Write(rest[:n]); m != n || err != nil {
				t.Errorf("Write: %d of %d, %v", m, n, err)
				break
			}
			rest = rest[n:]
		}
		q.CloseWrite(nil)
	}
	switch pace {
	case "writer first":
		produce()
	case "reader first":
		// Ends with the body, once reading has begun.
		wg.Go(func() { <-started; produce() })
	default:
		// Ends with the body.
		wg.Go(produce)
	}
	close(started)
	checkQueue(t, q, body)
	wg.Wait()
}

func checkQueue(t *testing.T, q *Queue, body []byte) {
	t.Helper()
	var got []byte
	for {
		p, last, err := q.Next()
		if err != nil || len(p) > largeChunk {
			t.Fatalf("Next: %d bytes, %v", len(p), err)
		}
		got = append(got, p...)
		if last {
			break
		}
		if len(p) == 0 {
			t.Fatal("neither bytes nor the end")
		}
	}
	if !bytes.Equal(got, body) {
		t.Errorf("%d bytes of %d, or others", len(got), len(body))
	}
	if p, last, err := q.Next(); len(p) != 0 || !last || err != nil {
		t.Errorf("after the end: %d, %v, %v", len(p), last, err)
	}
}

func TestReplyThatIsReadFastEnoughNeverTouchesTheDisk(t *testing.T) {
	s := newStore(t, 0)
	q := s.Queue(largeChunk, 0)
	for range 100 {
		write(t, q, content(15000))
		write(t, q, content(15000))
		for q.Len() > 0 {
			next(t, q)
			if st := s.Stats(); st.Files != 0 || st.Memory > 2*largeChunk {
				t.Fatalf("%+v", st)
			}
			if q.heldN == int(q.Len()) {
				break // what is left is what is held
			}
		}
	}
	_ = q.Close()
}

func TestQueueReturnsToMemoryWhenTheReaderCaughtUp(t *testing.T) {
	s := newStore(t, 0)
	q := s.Queue(10, 0)
	write(t, q, content(100000))
	if st := s.Stats(); st.Disk != 100000-10 || st.Files != 1 {
		t.Fatalf("%+v", st)
	}
	for n := 0; n < 100000; {
		p, _ := next(t, q)
		n += len(p)
	}
	if st := s.Stats(); st.Disk != 0 {
		t.Errorf("read, but %+v", st)
	}
	write(t, q, []byte("small"))
	if st := s.Stats(); st.Disk != 0 {
		t.Errorf("went to disk: %+v", st)
	}
	if p, last := next(t, q); string(p) != "small" || last {
		t.Errorf("%q, %v", p, last)
	}
	_ = q.Close()
}

func TestReadBeginningOfTheFileIsGivenBack(t *testing.T) {
	s := New(Config{Dir: t.TempDir()})
	q := s.Queue(0, 0)
	write(t, q, content(4*punchStep))
	for n := 0; n < 3*punchStep; {
		p, _ := next(t, q)
		n += len(p)
	}
	if !q.file.punch(0, 4096) {
		t.Skip("this file system punches no holes")
	}
	if d := s.Stats().Disk; d != punchStep {
		t.Errorf("%d bytes of disk left, want %d", d, punchStep)
	}
	_ = q.Close()
	checkEmpty(t, s)
}

func TestLastIsToldWithTheLastBytesWhenItIsKnown(t *testing.T) {
	s := newStore(t, 0)
	for _, memMax := range []int64{0, 100} {
		q := s.Queue(memMax, 0)
		write(t, q, []byte("end"))
		q.CloseWrite(nil)
		if p, last := next(t, q); string(p) != "end" || !last {
			t.Errorf("%q, %v", p, last)
		}
		_ = q.Close()

		q = s.Queue(memMax, 0)
		write(t, q, []byte("end"))
		if p, last := next(t, q); string(p) != "end" || last {
			t.Errorf("%q, %v", p, last)
		}
		q.CloseWrite(nil)
		if p, last := next(t, q); len(p) != 0 || !last {
			t.Errorf("%q, %v", p, last)
		}
		_ = q.Close()
	}
}

func TestErrorOfTheWriterComesAfterItsBytes(t *testing.T) {
	s := newStore(t, 0)
	broken := errors.New("broken")
	for _, memMax := range []int64{0, 100} {
		q := s.Queue(memMax, 0)
		write(t, q, []byte("part"))
		q.CloseWrite(broken)
		q.CloseWrite(nil)
		if p, last := next(t, q); string(p) != "part" || last {
			t.Errorf("%q, %v", p, last)
		}
		if _, last, err := q.Next(); last || err != broken {
			t.Errorf("%v, %v", last, err)
		}
		if _, err := q.Write([]byte("x")); err != ErrClosed {
			t.Errorf("Write after the end: %v", err)
		}
		_ = q.Close()
	}
}

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
