package gateway

import (
	"errors"
	"fmt"
	"html"
	"strconv"
	"strings"
	"syscall"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/http1"
	"github.com/fcgigw/fcgigw/pkg/proxy"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// fixed is a compiled return: a status with a location or a text.
type fixed struct {
	status int
	to     *vars.Template // of a redirect
	text   *vars.Template
}

func compileReturn(s string, groups []string) (*fixed, error) {
	if s == "" {
		return nil, nil
	}
	code, rest, _ := strings.Cut(s, " ")
	status, err := strconv.Atoi(code)
	if err != nil {
		return nil, fmt.Errorf("return: %q is no status", code)
	}
	f := &fixed{status: status}
	t, err := vars.Compile(strings.TrimSpace(rest), groups...)
	switch {
	case err != nil:
		return nil, fmt.Errorf("return: %w", err)
	case rest == "":
	case status/100 == 3 && status != 304:
		f.to = t
	default:
		f.text = t
	}
	return f, nil
}

// fixed sends a location's fixed answer.
func (v *visit) fixed(f *fixed) error {
	switch {
	case f.to != nil:
		return v.send(f.status, "", v.expandURL(f.to), nil)
	case f.text != nil:
		return v.send(f.status, "text/plain; charset=utf-8", nil, v.expand(f.text))
	case f.status >= 400:
		return statusError(f.status)
	}
	return v.send(f.status, "", nil, nil)
}

// send answers with a small body. location, if any, is already escaped.
func (v *visit) send(status int, contentType string, location, body []byte) error {
	r := &v.x.Response
	r.Reset()
	r.Status = status
	if contentType != "" {
		r.Header.Add(contentTypeName, v.x.CopyString(contentType))
	}
	if location != nil {
		r.Header.Add(locationName, location)
	}
	return v.whole(body)
}

// whole sends the response as it stands with all of its body.
func (v *visit) whole(body []byte) error {
	v.x.Response.ContentLength = int64(len(body))
	if err := v.x.Sink.Start(&v.x.Response); err != nil {
		return err
	}
	return v.x.Sink.Write(body, true)
}

var (
	contentTypeName = []byte("Content-Type")
	locationName    = []byte("Location")
)

// fail answers an error of run, if anything can still be sent, and returns the
// status for the log.
func (v *visit) fail(err error) int {
	status := statusOf(err)
	var plain statusError
	if !errors.As(err, &plain) {
		v.x.Trace.Err = err
	}
	switch {
	case status == 499:
		v.x.Sink.Abort()
		return status
	case v.x.Sink.Started():
		v.x.Sink.Abort()
		return v.x.Response.Status
	}
	v.failing = true
	if err := v.errorPage(status, err); err != nil {
		v.x.Sink.Abort()
	}
	return status
}

func statusOf(err error) int {
	var plain statusError
	var r *refused
	switch {
	case errors.As(err, &plain):
		return int(plain)
	case errors.As(err, &r):
		return r.status
	}
	if outOfFiles(err) {
		return 503 // ours, and it passes
	}
	return proxy.Status(err)
}

// outOfFiles reports whether the gateway had no file descriptor left.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// retryAfter is what a client is told to wait when all workers are busy.
const retryAfter = "1"

// errorPage sends a small page that names the status and the request, and
// nothing of what went wrong inside.
func (v *visit) errorPage(status int, cause error) error {
	r := &v.x.Response
	r.Reset()
	r.Status = status
	r.Header.AddString("Content-Type", "text/html; charset=utf-8")
	r.Header.AddString("Cache-Control", "no-store")
	switch {
	case upstream.Busy(cause):
		r.Header.AddString("Retry-After", retryAfter)
	case status == 405:
		r.Header.AddString("Allow", "GET, HEAD")
	}
	return v.whole(errorBody(status, v.x.Trace.ID()))
}

func errorBody(status int, id []byte) []byte {
	title := strconv.Itoa(status)
	if s := http1.ReasonPhrase(status); s != "" {
		title += " " + s
	}
	return fmt.Appendf(nil, `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>%[1]s</title>
<meta name="viewport" content="width=device-width">
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:20vh auto;padding:0 1em}code{opacity:.6}</style>
</head><body><h1>%[1]s</h1><p><code>request %[2]s</code></p></body></html>
`, title, html.EscapeString(string(id)))
}

var _ exchange.Handler = (*Gateway)(nil)
