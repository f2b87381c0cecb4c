package proxy

import (
	"bytes"
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// stderr cuts an application's error output into lines for the access record,
// bounded in number and bytes, with control bytes escaped so that no line can
// pass itself off as another record.
type stderr struct {
	t     *exchange.Trace
	lines int
	left  int
	line  []byte // an unfinished line
}

func (s *stderr) begin(t *exchange.Trace, lines, bytes int) {
	s.t, s.lines, s.left = t, lines, bytes
	s.line = s.line[:0]
}

func (s *stderr) write(p []byte) {
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte{'\n'})
		s.add(part)
		if ended {
			s.flush()
		}
		p = rest
	}
}

// add keeps as much of a line's part as the bounds allow.
func (s *stderr) add(part []byte) {
	room := s.left
	if len(s.t.Stderr) >= s.lines {
		room = 0
	}
	if len(part) > room {
		s.t.StderrDropped += int64(len(part) - room)
		part = part[:room]
	}
	s.left -= len(part)
	s.line = append(s.line, part...)
}

// flush makes a line of what was gathered.
func (s *stderr) flush() {
	if line := bytes.TrimRight(s.line, "\r "); len(line) > 0 {
		s.t.Stderr = append(s.t.Stderr, escape(line))
	}
	s.line = s.line[:0]
}

func (s *stderr) end() {
	s.flush()
	s.t = nil
}

// escape writes control bytes and bytes that are no UTF-8 as Go would in a
// string, and leaves everything else as it is.
func escape(line []byte) string {
	q := strconv.AppendQuote(nil, string(line))
	q = q[1 : len(q)-1]
	return string(bytes.ReplaceAll(q, []byte(`\"`), []byte{'"'}))
}
