package static

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

var (
	// ErrDenied: the file's name is one that would show source text.
	ErrDenied = errors.New("static: denied name")
	// ErrDirectory: the path names a directory.
	ErrDirectory = errors.New("static: is a directory")
	// ErrShrunk: the file became shorter while it was being sent; the response
	// was aborted.
	ErrShrunk = errors.New("static: file became shorter while it was sent")
)

// FileSender is what a sink may offer beyond exchange.Sink: sending from a file
// without copying. It is used after Start in place of Write.
type FileSender interface {
	// SendFile sends exactly n bytes of f from offset off as the next part of
	// the body and waits for the client, within the send timeout. last says
	// that the body ends with them. f's own offset is left alone and f is not
	// kept. When the file ends early it returns io.ErrUnexpectedEOF, and
	// errors.ErrUnsupported when it has no such way, having sent nothing.
	SendFile(f *os.File, off, n int64, last bool) error
}

// Config adjusts a Server. The zero value is useful.
type Config struct {
	// Types adds to the table of media types, or overrides it: extension
	// without dot, any case, to media type.
	Types map[string]string
	// DefaultType is for unknown extensions; "" means application/octet-stream.
	DefaultType string
	// Charset is named in text types that name none; "" means utf-8, "off"
	// names none.
	Charset string
}

// Server serves files. It may be used by any number of goroutines.
type Server struct {
	types    map[string][]byte
	fallback []byte
	names    names
	buffers  sync.Pool // of *[]byte, copySize each
	now      func() time.Time
}

// New returns a Server.
func New(c Config) *Server {
	s := &Server{types: typeTable(c), names: newNames(), now: time.Now}
	s.fallback = withCharset(c.DefaultType, c.Charset)
	if c.DefaultType == "" {
		s.fallback = []byte("application/octet-stream")
	}
	return s
}

// Options says how one location serves its files. It may be shared by requests
// and must not change while it is.
type Options struct {
	// Expires, rounded down to seconds, becomes Cache-Control: max-age; 0 sends
	// none, as does a Cache-Control among Headers.
	Expires time.Duration
	// Deny holds the names that are never served; nil denies nothing.
	Deny *Deny
	// Headers are added to responses that carry or validate the file (200,
	// 206, 304). One of them called as a field that Serve makes itself, other
	// than the validators, takes its place.
	Headers []exchange.Field
	// Status, when not 0, is the status the whole file is sent with: an error
	// page. Preconditions, ranges and the method are then not looked at.
	Status int
	// Precompressed names the encoded forms that are sent in place of a file when
	// they lie beside it; nil looks for none.
	Precompressed *Precompressed
	// Varies, if not nil, reports whether a file of a media type and a size is encoded
	// for some clients on the way to them. Whoever does that sees no type in a 304 and
	// another one in a response of several ranges, so Vary is written here.
	Varies func(mediaType []byte, size int64) bool
	// AnyMethod serves the file whatever the request's method, for internal
	// redirects. Preconditions and ranges still need GET or HEAD.
	AnyMethod bool
}

// Serve answers x with the file at rel beneath root, rel being a path as for
// docroot.Root.Lookup. Fields already in x.Response.Header are sent with it and
// take the place of those that Serve would make, other than the validators.
//
// ErrDenied, ErrDirectory and the errors of docroot say that nothing was sent.
// Any other error is that of a response that was cut short, which has been
// aborted. A method other than GET and HEAD is answered with 405, a failed
// precondition with 412 and a range outside of the file with 416, all without
// a body.
func (s *Server) Serve(x *exchange.Exchange, root *docroot.Root, rel []byte, opt *Options) error {
	info, err := root.Lookup(rel)
	switch {
	case err != nil:
		return err
	case opt.Deny.match(rel, info.RealPath):
		return ErrDenied
	case info.Kind != docroot.File:
		return ErrDirectory
	}
	j := job{s: s, x: x, opt: opt, info: info, rel: rel, name: rel}
	j.negotiate(root)
	return j.run(root)
}

// job is one call of Serve.
type job struct {
	s    *Server
	x    *exchange.Exchange
	opt  *Options
	info docroot.Info
	rel  []byte // of what is sent
	name []byte // what was asked for; rel unless that is an encoded form of it

	etag, modified []byte // of info

	coding string // Content-Encoding of rel
	ext    string // what tells its tag from the others'
	vary   bool   // other clients may get another form
}

func (j *job) run(root *docroot.Root) error {
	r := &j.x.Request
	j.validators()
	switch {
	case j.opt.Status != 0:
		return j.sendFile(root)
	case !r.IsRead() && !j.opt.AnyMethod:
		return j.notAllowed()
	case r.IsRead():
		if status := j.preconditions(); status != 0 {
			return j.unsent(status)
		}
	}
	if r.IsHead() {
		j.describe(200)
		return j.finish(j.info.Size)
	}
	return j.sendFile(root)
}

// sendFile opens the file and sends it or parts of it. What it then is may
// differ from what the lookup remembered, so all is derived anew.
func (j *job) sendFile(root *docroot.Root) error {
	f, info, err := j.open(root)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only: nothing to learn
	switch {
	case info.Kind != docroot.File:
		return ErrDirectory
	case j.opt.Deny.match(nil, info.RealPath):
		return ErrDenied
	case !info.SameFile(&j.info):
		j.info = info
		j.validators()
	}
	return j.sendOpen(f)
}

func (j *job) sendOpen(f *os.File) error {
	if j.opt.Status != 0 {
		j.describe(j.opt.Status)
		return j.sendWhole(f)
	}
	var set rangeSet
	switch v := j.ranges(&set); {
	case v == rangesUnsatisfiable:
		return j.unsatisfiable()
	case v == rangesOne:
		return j.sendRange(f, set.at[0])
	case v == rangesMany && j.coding == "": // what the coding is of would not be clear
		return j.sendRanges(f, set.at[:set.n])
	}
	j.describe(200)
	return j.sendWhole(f)
}

// started wraps an error of a response under way, which it aborts.
func (j *job) started(err error) error {
	if err == nil {
		return nil
	}
	j.x.Sink.Abort()
	if err == ErrShrunk {
		return err
	}
	return fmt.Errorf("static: %w", err)
}
