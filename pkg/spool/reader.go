package spool

import "io"

// ReadAt reads from offset off of the body, under the rules of io.ReaderAt. It
// may be called by several goroutines once writing is over.
func (b *Buffer) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		part, err := b.peek(off + int64(n))
		if err != nil {
			return n, err
		}
		if part == nil {
			m, err := b.readDisk(p[n:], off+int64(n))
			return n + m, err
		}
		n += copy(p[n:], part)
	}
	return n, nil
}

// peek returns what is in memory from offset off to the end of its chunk, nil
// when off is on disk, io.EOF at or past the end.
func (b *Buffer) peek(off int64) ([]byte, error) {
	switch {
	case b.closed:
		return nil, ErrClosed
	case off < 0 || off >= b.Len():
		return nil, io.EOF
	case off >= b.mem:
		return nil, nil
	}
	for _, c := range b.chunks {
		if off < int64(c.w) {
			return c.data()[off:], nil
		}
		off -= int64(c.w)
	}
	return nil, nil
}

func (b *Buffer) readDisk(p []byte, off int64) (int, error) {
	left := b.Len() - off
	if int64(len(p)) > left {
		n, err := b.file.readAt(p[:left], off-b.mem)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return b.file.readAt(p, off-b.mem)
}

// Reader reads a Buffer from its beginning. It belongs to one goroutine.
type Reader struct {
	b    *Buffer
	off  int64
	disk *chunk // for Next, when part of the body is on disk
}

// Reader returns a reader at the beginning of the body. Writing must be over.
// The caller closes it before the buffer.
func (b *Buffer) Reader() *Reader { return &Reader{b: b} }

// Read reads on; it returns io.EOF at the end.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.b.ReadAt(p, r.off)
	r.off += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Next returns the next piece of the body, of at most 64 KiB and never empty,
// without copying what is in memory. The slice is valid until the next call on
// r and must not be written to. At the end it returns io.EOF.
func (r *Reader) Next() ([]byte, error) {
	p, err := r.b.peek(r.off)
	if err != nil {
		return nil, err
	}
	if p == nil {
		if r.disk == nil {
			r.disk = r.b.store.readChunk()
		}
		n, err := r.Read(r.disk.buf)
		return r.disk.buf[:n], err
	}
	r.off += int64(len(p))
	return p, nil
}

// Len returns how many bytes are still to be read.
func (r *Reader) Len() int64 { return r.b.Len() - r.off }

// Rewind goes back to the beginning, for a replay.
func (r *Reader) Rewind() { r.off = 0 }

// Close gives back what r needed to read from disk. It never fails; the buffer
// stays as it is.
func (r *Reader) Close() error {
	if r.disk != nil {
		r.b.store.giveBack(r.disk)
		r.disk = nil
	}
	return nil
}
