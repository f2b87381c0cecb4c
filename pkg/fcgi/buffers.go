package fcgi

import "sync"

// bufferLen holds one full record and its header.
const bufferLen = HeaderLen + MaxContent

type buffer [bufferLen]byte

// Buffers lends the 64 KiB buffers in which requests are built and replies
// read. A connection holds one while it has bytes in it and none while it
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
