package worker

import (
	"bufio"
	"io"
	"strings"
)

// maxLine bounds a line passed on; the rest of a longer one is dropped.
const maxLine = 4096

// tailLines is how many of php-fpm's last lines are kept for an ExitError.
const tailLines = 8

// Line is one message of php-fpm's own, without its time stamp.
type Line struct {
	Level string // "debug", "notice", "warning", "error", "alert", or "" if it had none
	Text  string // at most 4096 bytes, may hold any byte but a newline
}

// parseLine splits "[22-Nov-2026 14:39:27] NOTICE: text" as php-fpm's zlog
// writes it. Other lines are kept whole.
func parseLine(s string) Line {
	rest := s
	if strings.HasPrefix(s, "[") {
		if _, after, ok := strings.Cut(s, "] "); ok {
			rest = after
		}
	}
	level, text, ok := strings.Cut(rest, ": ")
	switch level {
	case "DEBUG", "NOTICE", "WARNING", "ERROR", "ALERT":
		if ok {
			return Line{Level: strings.ToLower(level), Text: text}
		}
	}
	return Line{Text: s}
}

// readLines calls each for every line of r, shortened to maxLine, until r
// ends. Empty lines are left out.
func readLines(r io.Reader, each func(string)) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		chunk, err := br.ReadSlice('\n')
		if s := strings.TrimRight(string(chunk), "\r\n"); s != "" {
			each(s)
		}
		for err == bufio.ErrBufferFull { // the rest of a long line
			_, err = br.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

// tail keeps the last few lines.
type tail struct{ lines []string }

func (t *tail) add(s string) {
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, s)
}
