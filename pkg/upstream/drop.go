package upstream

import (
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// A reply that is refused by its head is mostly short and here already: reading
// it to its end is cheaper than a new connection, and kinder to an application
// than a connection that closes in its face. These bound the reading.
const (
	dropBytes = 64 << 10
	dropTime  = 100 * time.Millisecond
)

// errDropped ends the reading; the attempt's error is drop.why.
var errDropped = errors.New("upstream: the rest of the reply is not waited for")

// drop is the rest of a reply that is read and thrown away. It belongs to the
// call's goroutine, but for by.
type drop struct {
	why  error        // what the attempt ends with; nil: the reply is wanted
	left int64        // bytes that may still be read
	by   atomic.Int64 // sweeper time at which it is enough; 0: the usual timeouts do; read by Tick
}

func (d *drop) reset() {
	if d.why != nil {
		d.why = nil
		d.by.Store(0)
	}
}

// begin drops what still comes: at most most bytes, until by.
func (d *drop) begin(why error, most, by int64) {
	d.why, d.left = why, most
	d.by.Store(by)
}

// take drops n bytes.
func (d *drop) take(n int) error {
	if d.left -= int64(n); d.left < 0 {
		return errDropped
	}
	return nil
}

// late is called from another goroutine.
func (d *drop) late(now int64) bool {
	by := d.by.Load()
	return by != 0 && now > by
}

// heed decides what an error of the Reply means for the attempt: mostly its end,
// but a reply that is only refused is read to its end as far as that is cheap,
// and one whose client has left runs to its end if it is meant to.
func (c *call) heed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnwanted) && c.left <= dropBytes:
		c.drop.begin(err, dropBytes, c.b.sweeper.After(dropTime))
		return nil
	case c.outlasts(err):
		c.drop.begin(err, math.MaxInt64, 0)
		return nil
	}
	return err
}

// outlasts reports whether the request goes on although err ended its client:
// because it is meant to, or because the client has all it was promised and may
// leave, while the application still does what it does behind its answer. When
// the gateway itself cuts the client off, it ends.
func (c *call) outlasts(err error) bool {
	return (c.in.IgnoreAbort || c.served.Load()) && !errors.Is(err, exchange.ErrCutOff) &&
		(errors.Is(err, exchange.ErrClientGone) || errors.Is(err, exchange.ErrSendTimeout))
}
