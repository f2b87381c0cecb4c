package httpc

import "sync"

// bufferLen is how much is read from, or of a body written to, a server at once.
const bufferLen = 32 << 10

type buffer [bufferLen]byte

// Buffers lends the 32 KiB buffers in which replies are read and long bodies
// are sent. A connection holds one while it has bytes in it and none while it
// waits, so one Buffers should be shared by all connections. The zero value is
// ready for use.
type Buffers struct{ pool sync.Pool }

func (b *Buffers) take() *buffer {
	if p, ok := b.pool.Get().(*buffer); ok {
		return p
	}
	return new(buffer)
}

func (b *Buffers) give(p *buffer) {
	if p != nil {
		b.pool.Put(p)
	}
}
