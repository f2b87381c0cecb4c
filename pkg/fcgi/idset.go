package fcgi

import "math/bits"

// idSet is a set of small integers that gives the smallest first.
type idSet struct{ words []uint64 }

func newIDSet(n int) idSet {
	s := idSet{words: make([]uint64, (n+63)/64)}
	for i := range n {
		s.give(i)
	}
	return s
}

// take removes the smallest member and returns it, -1 when there is none.
func (s *idSet) take() int {
	for i, w := range s.words {
		if w != 0 {
			s.words[i] = w & (w - 1)
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// give adds i.
func (s *idSet) give(i int) { s.words[i/64] |= 1 << (i % 64) }
