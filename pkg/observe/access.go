package observe

import (
	"bytes"
	"sync"
	"time"
	"unsafe"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// accessLog writes one record per request.
type accessLog struct {
	enc    zapcore.Encoder
	out    zapcore.WriteSyncer
	people bool      // one line that people read instead of a record
	color  bool      // with colours
	fields sync.Pool // *[]zapcore.Field
}

func newAccessLog(out zapcore.WriteSyncer, f form) *accessLog {
	a := &accessLog{enc: encoder(form{}), out: out, people: f.console, color: f.color}
	a.fields.New = func() any { f := make([]zapcore.Field, 0, 32); return &f }
	return a
}

// Access writes the record of an exchange that has ended. status is what the
// client got, or 499 when it had left. As JSON it costs no allocation unless the
// application wrote to stderr.
func (l *Logs) Access(x *exchange.Exchange, status int) {
	switch a := l.access; {
	case a == nil:
	case a.people:
		a.writeConsole(x, status)
	default:
		a.write(x, status)
	}
}

func (a *accessLog) write(x *exchange.Exchange, status int) {
	fields := a.fields.Get().(*[]zapcore.Field)
	f := (*fields)[:0]
	now := time.Now()
	f = appendRequest(f, x, status, now)
	f = appendDetail(f, x)
	f = appendUpstream(f, x)
	entry := zapcore.Entry{Level: zapcore.InfoLevel, Time: now, Message: "request"}
	if buf, err := a.enc.EncodeEntry(entry, f); err == nil {
		_, _ = a.out.Write(buf.Bytes()) // a lost record must not cost a request
		buf.Free()
	}
	clear(f)
	*fields = f
	a.fields.Put(fields)
}

// str views b as a string for the time of one record: the encoder copies what
// it is given before write returns, so nothing is kept.
func str(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func appendRequest(f []zapcore.Field, x *exchange.Exchange, status int, now time.Time) []zapcore.Field {
	r := &x.Request
	return append(f,
		zap.String("client", str(r.Conn.PeerAddr)),
		zap.String("method", str(r.Method)),
		zap.String("host", str(r.Authority)),
		zap.String("uri", str(r.Target)),
		zap.Int("status", status),
		zap.Int64("bytes", x.Sink.Sent()),
		zap.Duration("total", now.Sub(x.Trace.Start)),
	)
}

func appendDetail(f []zapcore.Field, x *exchange.Exchange) []zapcore.Field {
	r, t := &x.Request, &x.Trace
	f = append(f,
		zap.String("id", str(t.ID())),
		zap.String("proto", proto(r)),
		zap.String("site", t.Site),
		zap.String("location", t.Location),
		zap.Int64("bytes_in", t.BodyIn),
		zap.Uint64("conn", r.Conn.ID),
	)
	if r.Conn.Via != nil {
		f = append(f, zap.String("peer", str(r.Conn.Via.PeerAddr)))
	}
	if trace := t.Span.Trace; len(trace) > 0 && !bytes.Equal(trace, t.ID()) {
		f = append(f, zap.String("trace", str(trace)))
	}
	if v := r.Header.Get("user-agent"); v != nil {
		f = append(f, zap.String("agent", str(v)))
	}
	if v := r.Header.Get("referer"); v != nil {
		f = append(f, zap.String("referer", str(v)))
	}
	return f
}

func appendUpstream(f []zapcore.Field, x *exchange.Exchange) []zapcore.Field {
	t := &x.Trace
	if t.Authorized > 0 {
		f = append(f, zap.Duration("authorized", t.Authorized))
	}
	if len(t.User) > 0 {
		f = append(f, zap.String("user", str(t.User)))
	}
	if t.Backend != "" {
		f = append(f,
			zap.String("backend", t.Backend),
			zap.String("server", t.Server),
			zap.Duration("queue", t.Queue),
			zap.Duration("connect", t.Connect),
			zap.Duration("first_byte", t.FirstByte),
			zap.Duration("upstream", t.Upstream),
			zap.Int("tries", t.Tries),
			zap.Bool("reused", t.Reused),
		)
	}
	if t.AppStatus != 0 {
		f = append(f, zap.Int32("app_status", t.AppStatus))
	}
	if t.Err != nil {
		f = append(f, zap.String("error", t.Err.Error()))
	}
	if len(t.Stderr) > 0 {
		f = append(f, zap.Strings("stderr", t.Stderr))
	}
	if t.StderrDropped > 0 {
		f = append(f, zap.Int64("stderr_dropped", t.StderrDropped))
	}
	return f
}

func proto(r *exchange.Request) string {
	switch {
	case r.Major == 1 && r.Minor == 1:
		return "HTTP/1.1"
	case r.Major == 1:
		return "HTTP/1.0"
	case r.Major == 2:
		return "HTTP/2.0"
	case r.Major == 3:
		return "HTTP/3.0"
	}
	return ""
}
