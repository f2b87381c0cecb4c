package spool

import "io"

// Buffer is a body that is written once and read as often as needed. One
// goroutine writes, calls come one at a time; when writing is over, Readers on
// several goroutines may read.
type Buffer struct {
	store  *Store
	memMax int64
	total  int64

	chunks []*chunk
	mem    int64 // bytes in chunks: the body's first part
	file   *file // the rest, from offset 0
	disk   int64 // bytes in file
	closed bool
	one    [1]*chunk // storage of chunks for small bodies
}

// Buffer returns an empty buffer that keeps up to memMax bytes in memory, the
// rest on disk, and takes up to total bytes; total 0 means no bound of its own.
// The caller closes it.
func (s *Store) Buffer(memMax, total int64) *Buffer {
	b := &Buffer{store: s, memMax: max(0, memMax), total: total}
	b.chunks = b.one[:0]
	return b
}

// Grow says that the body will have n bytes. A body of up to 64 KiB that stays
// in memory is then kept in one piece without being moved. It must come before
// the first Write and returns ErrTooLarge when n is beyond the buffer's bound.
func (b *Buffer) Grow(n int64) error {
	switch {
	case b.total > 0 && n > b.total:
		return ErrTooLarge
	case b.closed:
		return ErrClosed
	case n <= 0 || n > b.memMax || len(b.chunks) > 0:
		return nil
	}
	return b.add(int(min(n, largeChunk)))
}

// Write appends p, which is not kept. With fewer bytes than len(p) taken it
// returns ErrTooLarge, ErrNoSpace, ErrClosed or an error of the disk; the
// buffer then holds the body's beginning.
func (b *Buffer) Write(p []byte) (int, error) {
	if b.closed {
		return 0, ErrClosed
	}
	var over error
	if room := b.total - b.Len(); b.total > 0 && int64(len(p)) > room {
		p, over = p[:room], ErrTooLarge
	}
	n, err := b.write(p)
	if err == nil {
		err = over
	}
	return n, err
}

func (b *Buffer) write(p []byte) (int, error) {
	n := 0
	for n < len(p) && b.file == nil && b.mem < b.memMax {
		fits := min(int64(len(p)-n), b.memMax-b.mem)
		m, err := b.writeMem(p[n : n+int(fits)])
		n += m
		if err != nil {
			return n, err
		}
	}
	if n == len(p) {
		return n, nil
	}
	m, err := b.writeDisk(p[n:])
	return n + m, err
}

// writeMem puts into the last chunk what fits, after it made room.
func (b *Buffer) writeMem(p []byte) (int, error) {
	if last := b.last(); last == nil || len(last.free()) == 0 {
		if err := b.add(len(p)); err != nil {
			return 0, err
		}
	}
	n := b.last().fill(p)
	b.mem += int64(n)
	return n, nil
}

func (b *Buffer) last() *chunk {
	if len(b.chunks) == 0 {
		return nil
	}
	return b.chunks[len(b.chunks)-1]
}

// add makes room for about n bytes: a first chunk that is full and not the
// largest yet moves into a larger one, so that small bodies stay in one piece.
func (b *Buffer) add(n int) error {
	first := b.last()
	if len(b.chunks) != 1 || len(first.buf) == largeChunk {
		first = nil
	}
	size := sizeFor(n)
	switch {
	case first != nil:
		size = sizeFor(min(first.w+max(n, first.w), largeChunk))
	case len(b.chunks) > 0:
		size = largeChunk
	}
	c, err := b.store.chunk(size)
	if err != nil {
		return err
	}
	if first != nil {
		c.fill(first.data())
		b.store.giveBack(first)
		b.chunks = b.chunks[:0]
	}
	b.chunks = append(b.chunks, c)
	return nil
}

func (b *Buffer) writeDisk(p []byte) (int, error) {
	if b.file == nil {
		f, err := b.store.newFile()
		if err != nil {
			return 0, err
		}
		b.file = f
	}
	if err := b.store.reserve(&b.store.disk, int64(len(p))); err != nil {
		return 0, err
	}
	n, err := b.file.writeAt(p, b.disk)
	b.disk += int64(n)
	b.store.release(&b.store.disk, int64(len(p)-n))
	return n, err
}

// ReadFrom appends all of r. Its error is r's or one of Write's.
func (b *Buffer) ReadFrom(r io.Reader) (int64, error) {
	c, err := b.store.chunk(middleChunk)
	if err != nil {
		return 0, err
	}
	defer b.store.giveBack(c)
	var sum int64
	for {
		n, rerr := r.Read(c.buf)
		m, err := b.Write(c.buf[:n])
		sum += int64(m)
		switch {
		case err != nil:
			return sum, err
		case rerr == io.EOF:
			return sum, nil
		case rerr != nil:
			return sum, rerr
		}
	}
}

// Len returns the number of bytes in the buffer.
func (b *Buffer) Len() int64 { return b.mem + b.disk }

// InMemory reports whether no part of the body is on disk.
func (b *Buffer) InMemory() bool { return b.file == nil }

// Bytes returns the whole body when it is in memory in one piece, as bodies of
// up to 64 KiB within the memory bound are. The slice is valid until the next
// Write or Close and must not be written to.
func (b *Buffer) Bytes() ([]byte, bool) {
	switch {
	case b.closed || b.file != nil || len(b.chunks) > 1:
		return nil, false
	case len(b.chunks) == 0:
		return nil, true
	}
	return b.chunks[0].data(), true
}

// Close gives memory and disk back. No slice of the buffer and no Reader may
// be used afterwards. Only the first call counts; it never fails.
func (b *Buffer) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	for i, c := range b.chunks {
		b.store.giveBack(c)
		b.chunks[i] = nil
	}
	b.chunks = nil
	if b.file != nil {
		b.store.release(&b.store.disk, b.disk)
		b.file.close()
		b.file = nil
	}
	b.mem, b.disk = 0, 0
	return nil
}
