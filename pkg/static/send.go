package static

import (
	"errors"
	"io"
	"os"
)

const (
	// copySize is the buffer that file content is copied through.
	copySize = 64 << 10
	// sendfileMin is from where sendfile(2) pays: below, one read and one write
	// that carries the head as well take fewer calls.
	sendfileMin = copySize
)

func (j *job) sendWhole(f *os.File) error {
	j.x.Response.ContentLength = j.info.Size
	if err := j.x.Sink.Start(&j.x.Response); err != nil {
		return j.started(err)
	}
	return j.started(j.send(f, span{n: j.info.Size}, true))
}

func (j *job) sendRange(f *os.File, r span) error {
	j.describe(206)
	b := appendContentRange(make([]byte, 0, 80), r, j.info.Size)
	j.x.Response.Header.Set(j.s.names.contentRange, j.x.Copy(b))
	j.x.Response.ContentLength = r.n
	if err := j.x.Sink.Start(&j.x.Response); err != nil {
		return j.started(err)
	}
	return j.started(j.send(f, r, true))
}

// send sends part r of f as the next bytes of the body.
func (j *job) send(f *os.File, r span, last bool) error {
	if r.n == 0 || j.x.Request.IsHead() {
		return j.x.Sink.Write(nil, last)
	}
	if fs, ok := j.x.Sink.(FileSender); ok && r.n >= sendfileMin {
		err := fs.SendFile(f, r.from, r.n, last)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return ErrShrunk
		case !errors.Is(err, errors.ErrUnsupported):
			return err
		}
	}
	return j.copy(f, r, last)
}

func (j *job) copy(f *os.File, r span, last bool) error {
	buf := j.s.buffer()
	defer j.s.buffers.Put(buf)
	for r.n > 0 {
		p := (*buf)[:min(r.n, copySize)]
		if _, err := f.ReadAt(p, r.from); err != nil {
			return readError(err)
		}
		r.from += int64(len(p))
		r.n -= int64(len(p))
		if err := j.x.Sink.Write(p, last && r.n == 0); err != nil {
			return err
		}
	}
	return nil
}

func readError(err error) error {
	if err == io.EOF {
		return ErrShrunk
	}
	return err
}

func (s *Server) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, copySize)
	return &b
}
