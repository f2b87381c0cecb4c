package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// acmeCore adds to certmagic's messages what an operator can do, and drops those
// of work that was called off: a stop or a reload is no failure.
type acmeCore struct{ zapcore.Core }

// acmeLog returns a log for certmagic.
func acmeLog(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return acmeCore{c} }))
}

// With implements zapcore.Core.
func (c acmeCore) With(fields []zapcore.Field) zapcore.Core { return acmeCore{c.Core.With(fields)} }

// Check implements zapcore.Core.
func (c acmeCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c acmeCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	for _, f := range fields {
		err, ok := f.Interface.(error)
		switch {
		case !ok:
		case calledOff(err):
			return nil
		default:
			if hint := acmeHint(err); hint != "" {
				fields = append(fields[:len(fields):len(fields)], zap.String("hint", hint))
			}
		}
	}
	return c.Core.Write(e, fields)
}

// calledOff reports whether err says that a context was cancelled. Not all of
// certmagic's and acmez's errors wrap what they report.
func calledOff(err error) bool {
	return errors.Is(err, context.Canceled) || strings.Contains(err.Error(), context.Canceled.Error())
}

// acmeHint says what to do about an error of the CA's server, or "".
func acmeHint(err error) string {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	text := err.Error()
	switch {
	case unknown || strings.Contains(text, "signed by unknown authority"):
		return "the certificate of the CA's own server is not trusted: name its root in ca_root of [acme]"
	case strings.Contains(text, "file or directory"): // of the storage
	case strings.Contains(text, "directory") || strings.Contains(text, "provisioning client"):
		return "is directory in [acme] the URL of an ACME directory, and can the gateway reach it?"
	}
	return ""
}
