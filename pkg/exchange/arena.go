package exchange

// arenaChunk is the size of an arena's first chunk; enough for the variables,
// paths and headers of an ordinary request.
const arenaChunk = 2048

// arenaKeep bounds the chunk an arena keeps from one request to the next.
const arenaKeep = 16 << 10

// arena hands out bytes that are all given back at once by reset. A full chunk
// is left to those who hold slices of it and a larger one is begun.
type arena struct {
	chunk []byte
	used  int
}

func (a *arena) alloc(n int) []byte {
	if a.used+n > len(a.chunk) {
		a.chunk = make([]byte, max(arenaChunk, 2*len(a.chunk), n))
		a.used = 0
	}
	b := a.chunk[a.used : a.used+n : a.used+n]
	a.used += n
	return b
}

func (a *arena) reset() {
	if len(a.chunk) > arenaKeep {
		a.chunk = nil
	}
	a.used = 0
}
