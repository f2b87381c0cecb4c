package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/iotest"
)

func filled(t *testing.T, s *Store, memMax int64, body []byte, step int) *Buffer {
	t.Helper()
	b := s.Buffer(memMax, 0)
	for p := range chunked(body, step) {
		if n, err := b.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	return b
}

// chunked yields body in pieces of step bytes.
func chunked(body []byte, step int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(body) > 0 {
			n := min(step, len(body))
			if !yield(body[:n]) {
				return
			}
			body = body[n:]
		}
	}
}

func TestBufferReturnsWhatWasWritten(t *testing.T) {
	for _, size := range []int{0, 1, 99, smallChunk - 1, smallChunk, smallChunk + 1, middleChunk + 1, largeChunk, largeChunk + 1, 3*largeChunk + 5} {
		for _, memMax := range []int64{-1, 0, 1, 1000, smallChunk, largeChunk, 1 << 20, 1<<63 - 1} {
			for _, step := range []int{700, 1 << 20} {
				t.Run(fmt.Sprintf("%d bytes by %d, %d in memory", size, step, memMax), func(t *testing.T) {
					s := newStore(t, 0)
					body := content(size)
					b := filled(t, s, memMax, body, step)
					checkBody(t, b, body, memMax)
					_ = b.Close()
				})
			}
		}
	}
}

func checkBody(t *testing.T, b *Buffer, body []byte, memMax int64) {
	t.Helper()
	if b.Len() != int64(len(body)) || b.InMemory() != (int64(len(body)) <= max(0, memMax)) {
		t.Errorf("Len %d, InMemory %v", b.Len(), b.InMemory())
	}
	whole, ok := b.Bytes()
	if want := b.InMemory() && len(body) <= largeChunk; ok != want || ok && !bytes.Equal(whole, body) {
		t.Errorf("Bytes: %v, want %v, or other bytes", ok, want)
	}
	r := b.Reader()
	for range 2 {
		if got, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(r, 10))); err != nil || !bytes.Equal(got, body[:min(10, len(body))]) {
			t.Fatalf("beginning: %v", err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, body[min(10, len(body)):]) {
			t.Fatalf("rest: %d bytes, %v", len(got), err)
		}
		r.Rewind()
	}
	checkNext(t, r, body)
	_ = r.Close()
	if len(body) > 100 {
		return // the next reads byte by byte
	}
	if err := iotest.TestReader(io.NewSectionReader(b, 0, b.Len()), body); err != nil {
		t.Error(err)
	}
}

func checkNext(t *testing.T, r *Reader, body []byte) {
	t.Helper()
	var got []byte
	for {
		if r.Len() != int64(len(body)-len(got)) {
			t.Fatalf("Len %d with %d of %d read", r.Len(), len(got), len(body))
		}
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil || len(p) == 0 || len(p) > largeChunk {
			t.Fatalf("Next: %d bytes, %v", len(p), err)
		}
		got = append(got, p...)
	}
	if !bytes.Equal(got, body) {
		t.Error("Next gave other bytes")
	}
}

func TestBufferRefusesMoreThanItsBound(t *testing.T) {
	s := newStore(t, 0)
	for _, memMax := range []int64{0, 5, 100} {
		b := s.Buffer(memMax, 10)
		n, err := b.Write(content(8))
		n2, err2 := b.Write(content(8))
		if n != 8 || err != nil || n2 != 2 || err2 != ErrTooLarge || b.Len() != 10 {
			t.Errorf("%d %v, %d %v, Len %d", n, err, n2, err2, b.Len())
		}
		if n, err := b.Write(nil); n != 0 || err != nil {
			t.Errorf("empty write at the bound: %d, %v", n, err)
		}
		if b.Grow(11) != ErrTooLarge {
			t.Error("Grow beyond the bound")
		}
		_ = b.Close()
	}
}

func TestBufferStopsWhenTheStoreIsFullAndGivesAllBack(t *testing.T) {
	s := newStore(t, smallChunk+1000)
	b := s.Buffer(smallChunk, 0)
	if n, err := b.Write(content(smallChunk)); n != smallChunk || err != nil {
		t.Fatal(n, err)
	}
	if n, err := b.Write(content(1001)); n != 0 || err != ErrNoSpace {
		t.Errorf("on disk beyond the limit: %d, %v", n, err)
	}
	if n, err := b.Write(content(1000)); n != 1000 || err != nil {
		t.Errorf("on disk up to the limit: %d, %v", n, err)
	}
	_ = b.Close()
}

func TestGrowKeepsOnePieceWithoutMoving(t *testing.T) {
	s := newStore(t, 0)
	b := s.Buffer(1<<20, 0)
	if err := b.Grow(20000); err != nil {
		t.Fatal(err)
	}
	first := b.chunks[0]
	for range 20 {
		if _, err := b.Write(content(1000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := b.Bytes(); !ok || b.chunks[0] != first || s.Stats().Memory != largeChunk {
		t.Errorf("moved, or %+v", s.Stats())
	}
	_ = b.Close()
}

func TestSmallBodyCostsASmallChunk(t *testing.T) {
	s := newStore(t, 0)
	b := filled(t, s, 1<<20, content(smallChunk), 512)
	if m := s.Stats().Memory; m != smallChunk {
		t.Errorf("%d bytes of memory for %d", m, smallChunk)
	}
	_ = b.Close()
}

func TestReadFromTakesAllAndTellsErrors(t *testing.T) {
	s := newStore(t, 0)
	body := content(100000)
	b := s.Buffer(largeChunk, 100000)
	n, err := io.Copy(b, iotest.HalfReader(bytes.NewReader(body)))
	if n != 100000 || err != nil {
		t.Fatal(n, err)
	}
	r := b.Reader()
	checkNext(t, r, body)
	_ = r.Close()
	if _, err := b.ReadFrom(bytes.NewReader(body[:1])); err != ErrTooLarge {
		t.Errorf("beyond the bound: %v", err)
	}
	_ = b.Close()

	broken := errors.New("broken")
	c := s.Buffer(largeChunk, 0)
	n, err = c.ReadFrom(io.MultiReader(bytes.NewReader(body[:10]), iotest.ErrReader(broken)))
	if n != 10 || err != broken {
		t.Errorf("%d, %v", n, err)
	}
	_ = c.Close()
}

func TestSeveralReadersReadAtOnce(t *testing.T) {
	s := newStore(t, 0)
	body := content(200000)
	b := filled(t, s, largeChunk, body, 10000)
	var wg sync.WaitGroup
	for range 4 {
		// Ends with the body.
		wg.Go(func() {
			r := b.Reader()
			checkNext(t, r, body)
			_ = r.Close()
		})
	}
	wg.Wait()
	_ = b.Close()
}

func TestClosedBufferAnswersErrClosed(t *testing.T) {
	s := newStore(t, 0)
	b := filled(t, s, 10, content(100), 100)
	r := b.Reader()
	_, _ = b.Close(), b.Close()
	_, errW := b.Write([]byte("x"))
	_, errR := r.Read(make([]byte, 1))
	_, errN := r.Next()
	_, ok := b.Bytes()
	if errW != ErrClosed || errR != ErrClosed || errN != ErrClosed || ok || b.Grow(1) != ErrClosed || b.Len() != 0 {
		t.Error(errW, errR, errN, ok, b.Len())
	}
}
