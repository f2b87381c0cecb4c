// Package observe writes what operators read: the error log and the access log,
// both through zap.
package observe

import (
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Config says where the logs go. The zero value logs warnings and worse as JSON
// to stderr and no requests.
type Config struct {
	Level  string // debug, info, warn, error
	Format string // auto, json, console; auto is console on a terminal
	Output string // stderr, stdout, off or a file's path
	Access string // the same, for the access log
}

// Logs holds the open logs. Its methods may be called from any goroutine.
type Logs struct {
	log    *zap.Logger
	access *accessLog // nil: off
	files  []*file
	flush  []func() error // empties a buffer
	stop   []func() error // the same, and ends the buffer's goroutine
}

// Open opens the logs; Close flushes and closes them.
func Open(cfg Config) (*Logs, error) {
	level, err := zapcore.ParseLevel(orDefault(cfg.Level, "warn"))
	if err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	l := &Logs{log: zap.NewNop()}
	var errorLog, accessLog *file
	if out := orDefault(cfg.Output, "stderr"); out != "off" {
		ws, f, err := l.open(out, cfg.Format)
		if err != nil {
			return nil, err
		}
		errorLog, _ = ws.(*file)
		l.log = zap.New(zapcore.NewCore(encoder(f), l.queued(ws, f, 0), level), zap.ErrorOutput(discard{}))
	}
	if out := orDefault(cfg.Access, "off"); out != "off" {
		ws, f, err := l.open(out, cfg.Format)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		accessLog, _ = ws.(*file)
		l.access = newAccessLog(l.queued(ws, f, accessFlush), f)
	}
	l.watch(errorLog, accessLog)
	return l, nil
}

// Log returns the error log.
func (l *Logs) Log() *zap.Logger { return l.log }

// Reopen flushes and reopens the files, for log rotation by renaming. A file
// that cannot be opened keeps its old descriptor and is reported.
func (l *Logs) Reopen() error {
	errs := all(l.flush)
	for _, f := range l.files {
		errs = append(errs, f.reopen())
	}
	return errors.Join(errs...)
}

// Close flushes both logs and closes their files.
func (l *Logs) Close() error {
	errs := all(l.stop)
	for _, f := range l.files {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

func all(calls []func() error) (errs []error) {
	for _, call := range calls {
		errs = append(errs, call())
	}
	return errs
}

// form is how a log is written: as JSON, or for people.
type form struct {
	console bool
	color   bool // for a terminal
}

// open returns the sink for out and the form of what goes there.
func (l *Logs) open(out, format string) (zapcore.WriteSyncer, form, error) {
	switch out {
	case "stderr":
		return noSync{os.Stderr}, formFor(format, os.Stderr), nil
	case "stdout":
		return noSync{os.Stdout}, formFor(format, os.Stdout), nil
	}
	f, err := openFile(out)
	if err != nil {
		return nil, form{}, fmt.Errorf("log file: %w", err)
	}
	l.files = append(l.files, f)
	return f, form{console: format == "console"}, nil
}

// accessFlush is how long access records are gathered, so that a busy gateway
// writes a few times a second.
const accessFlush = 500 * time.Millisecond

// queued puts a queue before ws. A person at a terminal sees each record at
// once.
func (l *Logs) queued(ws zapcore.WriteSyncer, f form, delay time.Duration) zapcore.WriteSyncer {
	if f.console {
		delay = 0
	}
	q := newQueue(ws, delay, dropNote(f))
	l.flush = append(l.flush, q.Sync)
	l.stop = append(l.stop, q.Stop)
	return q
}

func encoder(f form) zapcore.Encoder {
	cfg := zap.NewProductionEncoderConfig()
	cfg.TimeKey = "time"
	cfg.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	cfg.EncodeDuration = zapcore.SecondsDurationEncoder
	if !f.console {
		return zapcore.NewJSONEncoder(cfg)
	}
	cfg.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	cfg.EncodeLevel = zapcore.CapitalLevelEncoder
	if f.color {
		cfg.EncodeLevel = zapcore.CapitalColorLevelEncoder
	}
	cfg.EncodeDuration = zapcore.StringDurationEncoder
	return zapcore.NewConsoleEncoder(cfg)
}

func formFor(format string, f *os.File) form {
	fi, err := f.Stat()
	terminal := err == nil && fi.Mode()&os.ModeCharDevice != 0
	return form{console: format == "console" || format != "json" && terminal, color: terminal}
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
