package gateway

import (
	"errors"
	"os"

	"github.com/fcgigw/fcgigw/pkg/exchange"
	"github.com/fcgigw/fcgigw/pkg/static"
)

// tap stands between every handler and the listener's sink, so that the
// location's headers are on every response, whoever makes it.
type tap struct {
	exchange.Sink
	v *visit
}

// Start implements exchange.Sink.
func (t *tap) Start(r *exchange.Response) error {
	v := t.v
	if v.loc != nil {
		v.setHeaders(r, v.loc.headers)
	}
	r.Header.Set(requestID, v.x.Trace.ID()) // one name for a request: ours, which the log has
	return t.Sink.Start(r)
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
	if s, ok := t.Sink.(static.FileSender); ok {
		return s.SendFile(f, off, n, last)
	}
	return errors.ErrUnsupported
}
