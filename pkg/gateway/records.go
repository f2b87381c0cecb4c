package gateway

import (
	"errors"

	"go.uber.org/zap"
)

// finish answers what run could not and writes the records.
func (v *visit) finish(err error) {
	err = v.tap.unzip(err)
	status := v.x.Response.Status
	if err != nil {
		status = v.fail(err)
	}
	switch t := &v.x.Trace; {
	case t.Err != nil:
		v.logFailure(status, err)
	case len(t.Stderr) > 0 && status == 404:
		v.logUnknownScript()
	case len(t.Stderr) > 0 && status >= 500:
		v.logApplication(status)
	}
	v.g.opt.Logs.Access(v.x, status)
}

// logFailure says in the error log what the access record only counts. err is
// nil when the response is complete all the same.
func (v *visit) logFailure(status int, err error) {
	t := &v.x.Trace
	var r *refused
	quiet := status < 500 && errors.As(t.Err, &r)
	if status == 499 || quiet && !v.g.log.Core().Enabled(zap.DebugLevel) {
		return
	}
	fields := []zap.Field{
		zap.Int("status", status), zap.Error(t.Err),
		zap.ByteString("method", v.x.Request.Method), zap.ByteString("uri", v.x.Request.Target),
		zap.ByteString("host", v.x.Request.Host), zap.String("id", string(t.ID())),
		zap.String("location", t.Location),
	}
	if t.Server != "" {
		fields = append(fields, zap.String("server", t.Server))
	}
	if v.script.Filename != nil {
		fields = append(fields, zap.ByteString("script", v.script.Filename))
	}
	if h := v.hint(); h != "" {
		fields = append(fields, zap.String("hint", h))
	}
	switch {
	case status >= 500:
		v.g.log.Error("request failed", fields...)
	case quiet:
		v.g.log.Debug("request refused", fields...)
	case err == nil:
		v.g.log.Warn("the application's answer was odd", fields...)
	case !v.failing:
		v.g.log.Error("response broken off", fields...)
	}
}

// logApplication reports a failure of the application itself with what it said:
// the access log may be off.
func (v *visit) logApplication(status int) {
	t := &v.x.Trace
	v.g.log.Error("the application failed", zap.Int("status", status),
		zap.ByteString("method", v.x.Request.Method), zap.ByteString("uri", v.x.Request.Target),
		zap.ByteString("host", v.x.Request.Host), zap.String("id", string(t.ID())),
		zap.ByteString("script", v.script.Filename), zap.Strings("stderr", t.Stderr))
}

// logUnknownScript reports the 404 of a php-fpm that cannot see the script.
func (v *visit) logUnknownScript() {
	if h := failureHint(&v.x.Trace); h == primaryUnknown {
		v.g.log.Error("php-fpm has no such script", zap.ByteString("script", v.script.Filename),
			zap.ByteString("uri", v.x.Request.Target), zap.String("hint", h))
	}
}
