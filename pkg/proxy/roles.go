package proxy

import (
	"errors"
	"io"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// ErrAuthorizerFailed: an authorizer allowed the request and ended with an exit
// status that says that it failed.
var ErrAuthorizerFailed = errors.New("proxy: the authorizer allowed the request and failed")

// Asker is a request to an authorizer.
type Asker interface {
	Encoder
	// Verdict looks at the head of the reply, which is valid during the call,
	// and says whether it allows the request. If not, the reply goes to the
	// client with r as Verdict leaves it; if so, it is dropped. An error makes
	// it a bad reply.
	Verdict(r *exchange.Response) (allowed bool, err error)
}

// Authorize asks cfg.Backend in the role of an authorizer (FastCGI section 6.3)
// whether x may go on. The request body is left alone. When it is allowed
// nothing was sent, the response is empty again and the worker is free; when it
// is not, and err is nil, x was answered. An error is as for Serve: it allows
// nothing, and whoever calls answers if nothing was sent.
func (p *Proxy) Authorize(x *exchange.Exchange, cfg *Config, a Asker, j *Job) (allowed bool, err error) {
	j.begin(p.store, x, cfg)
	j.verdict = verdict{reply: &j.reply, asker: a}
	j.in.Role, j.in.At = upstream.RoleAuthorizer, ready(x)
	j.enc, j.in.Encode = a, j.encode
	err = cfg.Backend.Do(x, &j.in, &j.verdict, &j.call)
	allowed = j.verdict.allowed
	j.end()
	switch {
	case err != nil || !allowed:
		return false, err
	case x.Trace.AppStatus != 0:
		return false, ErrAuthorizerFailed
	}
	x.Response.Reset()
	x.Trace.Authorize(time.Now())
	return true, nil
}

// ready returns when x was ready to be sent to a backend, but for its body.
func ready(x *exchange.Exchange) time.Time {
	return x.Trace.Start.Add(x.Trace.Authorized)
}

// verdict takes an authorizer's reply (upstream.Reply): to the client by way of
// the reply, unless it allows the request.
type verdict struct {
	*reply
	asker   Asker
	allowed bool
	dropped int // body bytes of an answer that allows
}

// verdictMax bounds the body of an answer that allows, which nobody gets.
const verdictMax = 64 << 10

// errVerdictLong is a bad reply: its end may never come, and a worker is held.
var errVerdictLong = &upstream.ReplyError{What: "an authorizer allows the request and writes on and on"}

// Interim implements upstream.Reply. What follows may not be for the client.
func (v *verdict) Interim(int, *exchange.Header) error { return nil }

// Head implements upstream.Reply.
func (v *verdict) Head() error {
	allowed, err := v.asker.Verdict(&v.x.Response)
	if err != nil {
		return err
	}
	if v.allowed = allowed; allowed {
		return nil
	}
	return v.reply.Head()
}

// Body implements upstream.Reply.
func (v *verdict) Body(p []byte) error {
	if !v.allowed {
		return v.reply.Body(p)
	}
	if v.dropped += len(p); v.dropped > verdictMax {
		return errVerdictLong
	}
	return nil
}

// Pause implements upstream.Reply.
func (v *verdict) Pause() error {
	if v.allowed {
		return nil
	}
	return v.reply.Pause()
}

// Done implements upstream.Reply.
func (v *verdict) Done(err error) error {
	if v.allowed {
		return err
	}
	return v.reply.Done(err)
}

// File is what a filter works on. Every attempt reads Len bytes from its start.
type File struct {
	From io.ReaderAt
	Len  int64
}

// Filter is Serve in the role of a filter (FastCGI section 6.4): the backend
// gets f behind the request body. f is not read any more when it returns.
func (p *Proxy) Filter(x *exchange.Exchange, cfg *Config, enc Encoder, f File, j *Job) error {
	j.begin(p.store, x, cfg)
	j.in.Role, j.in.Data, j.in.DataLen = upstream.RoleFilter, f.From, f.Len
	err := j.run(enc)
	j.end()
	return err
}
