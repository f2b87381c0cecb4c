package fcgi

// inbox is where a connection reads to. It holds a buffer only while there are
// bytes in it that have not been used.
type inbox struct {
	pool   *Buffers
	parser Parser
	buf    *buffer
	r, w   int // buf[r:w] is unparsed
}

// space returns where to read to. Unparsed bytes, never more than MinParse,
// move to the buffer's front.
func (b *inbox) space() []byte {
	if b.buf == nil {
		b.buf = b.pool.take()
	}
	b.w = copy(b.buf[:], b.buf[b.r:b.w])
	b.r = 0
	return b.buf[b.w:]
}

// filled says that n bytes were read into space.
func (b *inbox) filled(n int) { b.w += n }

// next returns the next part, of type 0 when more must be read.
func (b *inbox) next() (Part, error) {
	part, used, err := b.parser.Next(b.buf[b.r:b.w])
	b.r += used
	return part, err
}

// empty says whether all that was read has been used.
func (b *inbox) empty() bool { return b.r == b.w }

// rest gives the buffer back if nothing is in it.
func (b *inbox) rest() {
	if b.empty() {
		b.drop()
	}
}

// drop gives the buffer back with whatever is in it.
func (b *inbox) drop() {
	b.pool.give(b.buf)
	b.buf, b.r, b.w = nil, 0, 0
}
