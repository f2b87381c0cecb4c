package spool

import "sync"

// Sizes of chunks: small bodies are common and should cost little, large ones
// should not cost a list.
const (
	smallChunk  = 4 << 10
	middleChunk = 16 << 10
	largeChunk  = 64 << 10
)

// chunk is a piece of memory of one of the three sizes; buf[r:w] holds what was
// written and not yet read.
type chunk struct {
	buf  []byte
	r, w int
	next *chunk // within a Queue
}

func (c *chunk) free() []byte { return c.buf[c.w:] }
func (c *chunk) data() []byte { return c.buf[c.r:c.w] }

// fill appends what fits of p and returns how much.
func (c *chunk) fill(p []byte) int {
	n := copy(c.free(), p)
	c.w += n
	return n
}

type chunkPools struct {
	small, middle, large sync.Pool // of *chunk
}

func (p *chunkPools) of(size int) *sync.Pool {
	switch size {
	case smallChunk:
		return &p.small
	case middleChunk:
		return &p.middle
	}
	return &p.large
}

// sizeFor returns the smallest chunk that holds n bytes, or the largest.
func sizeFor(n int) int {
	switch {
	case n <= smallChunk:
		return smallChunk
	case n <= middleChunk:
		return middleChunk
	}
	return largeChunk
}

// chunk returns an empty chunk of exactly size bytes or ErrNoSpace.
func (s *Store) chunk(size int) (*chunk, error) {
	if err := s.reserve(&s.memory, int64(size)); err != nil {
		return nil, err
	}
	return s.chunks.get(size), nil
}

// readChunk returns the chunk through which bytes come back from disk.
func (s *Store) readChunk() *chunk {
	s.force(&s.memory, largeChunk)
	return s.chunks.get(largeChunk)
}

func (p *chunkPools) get(size int) *chunk {
	if c, ok := p.of(size).Get().(*chunk); ok {
		return c
	}
	return &chunk{buf: make([]byte, size)}
}

// giveBack returns c for reuse; nobody may hold a slice of it.
func (s *Store) giveBack(c *chunk) {
	s.forget(c)
	c.r, c.w, c.next = 0, 0, nil
	s.chunks.of(len(c.buf)).Put(c)
}

// forget stops counting c, whose memory somebody may still be reading.
func (s *Store) forget(c *chunk) { s.release(&s.memory, int64(len(c.buf))) }
