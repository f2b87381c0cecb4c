package observe

import (
	"bytes"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// fullness is what is known of a file that cannot be written for a while.
type fullness struct {
	torn bool // what was written last is the beginning of a line
	lost int  // records since it fails; 0: it does not
}

// change is the news that writes to path fail (err), or that they work again
// and how many records are lost. The zero value is none.
type change struct {
	path string
	err  error
	lost int
}

// mend returns what to write for p: a line that was torn is ended first, so that it
// spoils no other.
func (s *fullness) mend(p []byte) []byte {
	if !s.torn || len(p) == 0 {
		return p
	}
	return append([]byte{'\n'}, p...)
}

// wrote takes note of a write of b, as mend returned it, of which n bytes were
// written.
func (s *fullness) wrote(b []byte, n int, err error) (c change) {
	lost := bytes.Count(b[n:], []byte{'\n'})
	if s.torn && n == 0 {
		lost-- // the end of the torn line is no record
	}
	if n > 0 {
		s.torn = b[n-1] != '\n'
	}
	if err == nil {
		c.lost, s.lost = s.lost, 0
		return c
	}
	if s.lost == 0 {
		c.err = err
	}
	s.lost += max(lost, 1)
	return c
}

// report logs a change.
func report(log *zap.Logger, c change) {
	if c.err != nil {
		log.Error("a log cannot be written; its records are lost until it can", zap.String("file", c.path), zap.Error(c.err))
		return
	}
	log.Warn("a log is written again", zap.String("file", c.path), zap.Int("lost", c.lost))
}

// watch has the log's own troubles told: those of the access log in the error log,
// those of the error log on stderr, where they end as well if both are on the same
// full disk. When the error log works again it says so itself.
func (l *Logs) watch(errorLog, accessLog *file) {
	if accessLog != nil {
		accessLog.telling(func(c change) { report(l.log, c) })
	}
	if errorLog == nil {
		return
	}
	f := formFor("", os.Stderr)
	last := zap.New(zapcore.NewCore(encoder(f), l.queued(noSync{os.Stderr}, f, 0), zapcore.WarnLevel), zap.ErrorOutput(discard{}))
	errorLog.telling(func(c change) {
		report(last, c)
		if c.err == nil {
			report(l.log, c)
		}
	})
}
