package gateway

import (
	"errors"
	"os"

	"github.com/fcgigw/fcgigw/pkg/accept"
	"github.com/fcgigw/fcgigw/pkg/compress"
	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/static"
)

// tap stands between every handler and the listener's sink, so that the
// location's headers are on every response, whoever makes it.
type tap struct {
	exchange.Sink
	v   *visit
	zip *compress.Filter // between the handler and the sink; nil: nothing is
}

// Start implements exchange.Sink.
func (t *tap) Start(r *exchange.Response) error {
	t.head(r)
	if begun, err := t.compress(); begun {
		return err
	}
	return t.Sink.Start(r)
}

// Switch implements exchange.Switcher with the sink's own way, if it has one.
func (t *tap) Switch(r *exchange.Response) (exchange.Stream, error) {
	s, ok := t.Sink.(exchange.Switcher)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	t.head(r)
	return s.Switch(r)
}

// head adds what is on every response of the location.
func (t *tap) head(r *exchange.Response) {
	v := t.v
	if v.loc != nil {
		vary := v.loc.files.Precompressed != nil && varies(r)
		v.setHeaders(r, v.loc.headers)
		if vary { // whatever the location's own Vary says
			accept.Vary(v.x)
		}
	}
	if v.site != nil && v.site.tls != nil {
		v.site.tls.setHSTS(v.x.Request.Conn, r)
		v.announce(r)
	}
	r.Header.Set(requestID, v.x.Trace.ID()) // one name for a request: ours, which the log has
}

var requestID = []byte("X-Request-ID")

func (v *visit) setHeaders(r *exchange.Response, rules []headerRule) {
	for i := range rules {
		rule := &rules[i]
		if rule.caching && v.failing {
			continue
		}
		if rule.value == nil {
			r.Header.Del(string(rule.name))
			continue
		}
		r.Header.Set(rule.name, v.expand(rule.value))
	}
}

// SendFile implements static.FileSender with the sink's own way, if it has one.
func (t *tap) SendFile(f *os.File, off, n int64, last bool) error {
	if t.zip != nil {
		return errors.ErrUnsupported
	}
	if s, ok := t.Sink.(static.FileSender); ok {
		return s.SendFile(f, off, n, last)
	}
	return errors.ErrUnsupported
}
