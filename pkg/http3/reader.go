package http3

import (
	"errors"
	"io"
	"time"

	"github.com/quic-go/quic-go/quicvarint"
)

// firstBuffer holds the head of an ordinary request, and its body if small. It
// is what a client costs that begins requests and does not end them.
const firstBuffer = 2 << 10

// keepBuffer bounds a buffer that is kept from one stream to the next.
const keepBuffer = 8 << 10

// reader reads frames from a stream. Received bytes are buf[r:w].
type reader struct {
	src  io.Reader
	buf  []byte
	r, w int
	eof  bool // the client's side of the stream has ended

	pace *pace                 // of reads from src; nil: somebody else sets deadlines
	set  func(time.Time) error // sets the deadline of a read, with a pace
}

func (d *reader) reset(src io.Reader) {
	buf := d.buf
	if buf == nil || len(buf) > keepBuffer {
		buf = make([]byte, firstBuffer)
	}
	*d = reader{src: src, buf: buf}
}

func (d *reader) buffered() int { return d.w - d.r }

// read reads from src into p.
func (d *reader) read(p []byte) (int, error) {
	if d.eof {
		return 0, io.EOF
	}
	n, err := d.wait(p)
	if errors.Is(err, io.EOF) {
		d.eof = true
		if n > 0 {
			err = nil
		}
	}
	return n, err
}

// wait is Read of src within the pace.
func (d *reader) wait(p []byte) (int, error) {
	if d.pace == nil {
		return d.src.Read(p)
	}
	start := time.Now()
	_ = d.set(d.pace.deadline(start))
	n, err := d.src.Read(p)
	d.pace.settle(time.Since(start), n)
	return n, err
}

// fill reads once into the buffer, which has room for want bytes then.
func (d *reader) fill(want int) error {
	if d.r > 0 && (d.r == d.w || d.r+want > len(d.buf)) {
		d.w = copy(d.buf, d.buf[d.r:d.w])
		d.r = 0
	}
	if d.w == len(d.buf) {
		d.buf = append(d.buf, make([]byte, len(d.buf))...)
	}
	n, err := d.read(d.buf[d.w:])
	d.w += n
	return err
}

// need fills until n bytes are buffered. The buffer grows as they come, never
// ahead of them. Without any byte the end of the stream is io.EOF, else
// io.ErrUnexpectedEOF.
func (d *reader) need(n int) error {
	for d.buffered() < n {
		err := d.fill(n)
		if errors.Is(err, io.EOF) && d.buffered() > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// varint reads a number (RFC 9000 section 16).
func (d *reader) varint() (uint64, error) {
	if err := d.need(1); err != nil {
		return 0, err
	}
	if err := d.need(1 << (d.buf[d.r] >> 6)); err != nil {
		return 0, err
	}
	v, n, err := quicvarint.Parse(d.buf[d.r:d.w])
	d.r += n
	return v, err
}

// take returns the next n bytes, valid until the next call of another method.
func (d *reader) take(n int) ([]byte, error) {
	if err := d.need(n); err != nil {
		return nil, unexpected(err)
	}
	b := d.buf[d.r : d.r+n : d.r+n]
	d.r += n
	return b, nil
}

// skip reads n bytes and forgets them.
func (d *reader) skip(n uint64) error {
	for n > 0 {
		if d.buffered() == 0 {
			if err := d.fill(1); err != nil {
				return unexpected(err)
			}
		}
		part := min(n, uint64(d.buffered()))
		d.r += int(part)
		n -= part
	}
	return nil
}

// some reads up to len(p) bytes, of the buffer if there are any, else straight
// from the stream.
func (d *reader) some(p []byte) (int, error) {
	if d.buffered() > 0 {
		n := copy(p, d.buf[d.r:d.w])
		d.r += n
		return n, nil
	}
	return d.read(p)
}

// unexpected makes the end of a stream one in the middle of a frame.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
