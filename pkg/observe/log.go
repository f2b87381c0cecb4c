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
	if out := orDefault(cfg.Output, "stderr"); out != "off" {
		ws, console, err := l.open(out, cfg.Format)
		if err != nil {
			return nil, err
		}
		l.log = zap.New(zapcore.NewCore(encoder(console), zapcore.Lock(ws), level), zap.ErrorOutput(discard{}))
	}
	if out := orDefault(cfg.Access, "off"); out != "off" {
		ws, console, err := l.open(out, cfg.Format)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.access = newAccessLog(l.buffered(ws, console), console)
	}
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

// open returns the sink for out and whether it gets the console's form.
func (l *Logs) open(out, format string) (zapcore.WriteSyncer, bool, error) {
	switch out {
	case "stderr":
		return noSync{os.Stderr}, console(format, os.Stderr), nil
	case "stdout":
		return noSync{os.Stdout}, console(format, os.Stdout), nil
	}
	f, err := openFile(out)
	if err != nil {
		return nil, false, fmt.Errorf("log file: %w", err)
	}
	l.files = append(l.files, f)
	return f, format == "console", nil
}

const (
	accessBuffer = 256 << 10
	accessFlush  = 500 * time.Millisecond
)

// buffered gathers access records so that a busy gateway writes a few times a
// second; a person at a terminal sees each at once.
func (l *Logs) buffered(ws zapcore.WriteSyncer, console bool) zapcore.WriteSyncer {
	if console {
		return zapcore.Lock(ws)
	}
	b := &zapcore.BufferedWriteSyncer{WS: ws, Size: accessBuffer, FlushInterval: accessFlush}
	l.flush = append(l.flush, b.Sync)
	l.stop = append(l.stop, b.Stop)
	return b
}

func encoder(console bool) zapcore.Encoder {
	cfg := zap.NewProductionEncoderConfig()
	cfg.TimeKey = "time"
	cfg.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	cfg.EncodeDuration = zapcore.SecondsDurationEncoder
	if !console {
		return zapcore.NewJSONEncoder(cfg)
	}
	cfg.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	cfg.EncodeLevel = zapcore.CapitalColorLevelEncoder
	cfg.EncodeDuration = zapcore.StringDurationEncoder
	return zapcore.NewConsoleEncoder(cfg)
}

func console(format string, f *os.File) bool {
	switch format {
	case "json":
		return false
	case "console":
		return true
	}
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
