package spool

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
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
