// Package proxy carries one request through a backend from end to end: the
// body is spooled before a worker is taken, the reply is taken off the worker
// as fast as it comes, whatever the client's speed, and errors become statuses.
package proxy

import (
	"errors"
	"io"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/spool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// Config is what a location says about its proxied requests.
type Config struct {
	Backend *upstream.Backend
	MaxBody int64 // bytes of a request body; beyond it 413

	RequestBuffer  int64 // request body bytes in memory before a temp file
	ResponseBuffer int64 // reply bytes in memory for a slow client
	ResponseTemp   int64 // more of them in a temp file; beyond it the worker waits; see ErrFull

	StderrLines int // lines of the application's stderr kept
	StderrBytes int // and their bytes

	// Intercept turns replies with a status of 400 or more into a StatusError.
	Intercept bool
	// IgnoreAbort lets a request run to its end although its client has left.
	IgnoreAbort bool
}

// StatusError is a reply that was intercepted: nothing of it has been sent.
type StatusError struct{ Status int }

// Error says that the application gave the status.
func (e *StatusError) Error() string { return "proxy: the application answered with an error" }

// Unwrap says that there is nothing wrong with the reply: its connection is kept.
func (e *StatusError) Unwrap() error { return upstream.ErrUnwanted }

// Encoder appends the request's variables, in the backend's encoding, to dst.
// bodyLen is the true length of the body.
type Encoder interface {
	EncodeParams(dst []byte, bodyLen int64) []byte
}

// Proxy holds what requests share. Its methods may be called from any
// goroutine.
type Proxy struct {
	store *spool.Store
}

// New returns a proxy whose bodies are kept in store.
func New(store *spool.Store) *Proxy { return &Proxy{store: store} }

// Serve answers x from cfg.Backend. With an error the response is not complete:
// if x.Sink.Started, it was aborted and nothing more can be sent; otherwise the
// caller answers, with Status telling how. j is not used by another request
// meanwhile, and not again if Serve panics.
func (p *Proxy) Serve(x *exchange.Exchange, cfg *Config, enc Encoder, j *Job) error {
	j.begin(p.store, x, cfg)
	err := j.run(enc)
	j.end()
	return err
}

// Status returns the status for an error of Serve before anything was sent. 499
// stands for a client that has gone and gets nothing.
func Status(err error) int {
	var intercepted *StatusError
	switch {
	case errors.As(err, &intercepted):
		return intercepted.Status
	case errors.Is(err, exchange.ErrBodyTooLarge):
		return 413
	case errors.Is(err, exchange.ErrBodyTimeout):
		return 408
	case errors.Is(err, exchange.ErrBadBody):
		return 400
	case errors.Is(err, exchange.ErrClientGone), errors.Is(err, exchange.ErrSendTimeout):
		return 499
	case errors.Is(err, spool.ErrNoSpace), errors.Is(err, ErrFull):
		return 503
	}
	return upstream.Status(err)
}

// Job is the storage of one request under way, for another when it is over. The
// zero value is ready; it is not to be copied.
type Job struct {
	store  *spool.Store
	x      *exchange.Exchange
	cfg    *Config
	in     upstream.Input
	body   *spool.Buffer // nil while the body is in the listener's buffer
	read   *spool.Reader // the reader OpenBody gave out
	param  []byte        // kept for its storage
	enc    Encoder
	open   func() (io.Reader, error)
	encode func() []byte
	reply  reply
	call   upstream.Call

	verdict verdict // around reply, for an authorizer
}

func (j *Job) begin(store *spool.Store, x *exchange.Exchange, cfg *Config) {
	j.store, j.x, j.cfg = store, x, cfg
	if j.open == nil { // once: a method value allocates
		j.open, j.encode = j.openBody, j.params
	}
	j.reply.begin(store, x, cfg, &j.call)
}

// keepParams bounds the params storage kept from request to request.
const keepParams = 64 << 10

func (j *Job) end() {
	if j.read != nil {
		j.read.Close()
		j.read = nil
	}
	if j.body != nil {
		j.body.Close()
		j.body = nil
	}
	if cap(j.param) > keepParams {
		j.param = nil
	}
	j.in = upstream.Input{}
	j.verdict, j.enc = verdict{}, nil
	j.store, j.x, j.cfg = nil, nil, nil
	j.reply.end()
}

func (j *Job) run(enc Encoder) error {
	if err := j.receive(); err != nil {
		return err
	}
	j.enc, j.in.Encode, j.in.IgnoreAbort = enc, j.encode, j.cfg.IgnoreAbort
	return j.cfg.Backend.Do(j.x, &j.in, &j.reply, &j.call)
}

// params encodes the request's variables.
func (j *Job) params() []byte {
	j.param = j.enc.EncodeParams(j.param[:0], j.in.BodyLen)
	return j.param
}

// receive takes in the whole request body: no worker is asked for before.
func (j *Job) receive() error {
	r := &j.x.Request
	j.in.At = ready(j.x)
	if r.ContentLength > j.cfg.MaxBody {
		return exchange.ErrBodyTooLarge
	}
	if b, ok := r.Body.Buffered(); ok {
		if int64(len(b)) > j.cfg.MaxBody {
			return exchange.ErrBodyTooLarge
		}
		j.x.Trace.BodyIn = int64(len(b))
		j.in.Body, j.in.BodyLen = b, int64(len(b))
		return nil
	}
	j.body = j.store.Buffer(j.cfg.RequestBuffer, j.cfg.MaxBody)
	if r.ContentLength > 0 {
		if err := j.body.Grow(r.ContentLength); err != nil {
			return bodyError(err)
		}
	}
	if _, err := j.body.ReadFrom(r.Body); err != nil {
		return bodyError(err)
	}
	j.in.At = time.Now()
	j.in.BodyLen = j.body.Len()
	if b, ok := j.body.Bytes(); ok {
		j.in.Body = b
		return nil
	}
	j.in.OpenBody = j.open
	return nil
}

func bodyError(err error) error {
	if errors.Is(err, spool.ErrTooLarge) {
		return exchange.ErrBodyTooLarge
	}
	return err
}

// openBody gives each attempt the body from its start.
func (j *Job) openBody() (io.Reader, error) {
	if j.read == nil {
		j.read = j.body.Reader()
	} else {
		j.read.Rewind()
	}
	return j.read, nil
}
