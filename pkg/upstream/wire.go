package upstream

import (
	"context"
	"errors"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/httpc"
)

// Protocol is what the servers of a backend speak.
type Protocol uint8

// The protocols.
const (
	FastCGI Protocol = iota
	HTTP             // HTTP/1.1; Input.Params is a request head (httpc.AppendHead)
)

// wire is a connection of another protocol than FastCGI. It carries one request
// at a time. FastCGI is not behind it: its links are called directly, because
// every request to php-fpm would pay for the detour.
type wire interface {
	// Alive looks at an idle connection, as pool.Conn says.
	Alive() bool
	// Reusable reports whether the connection may carry another request.
	Reusable() bool
	// Close closes the connection; it may be called more than once.
	Close() error
	// run sends the request that c has prepared in c.req and hands the reply to
	// c: heard, final, body, Pause. It fills c.req.Progress and returns
	// nil if the reply is complete as the protocol goes.
	run(c *call) error
}

// dialer returns what opens the server's connections of one request at a time.
func (s *server) dialer() func(context.Context) (*link, error) {
	if s.b.cfg.Protocol == HTTP {
		return s.openHTTP
	}
	return s.open
}

// foreign reports whether the servers speak something else than FastCGI: they
// are asked nothing, and an idle connection occupies no worker of theirs.
func (b *Backend) foreign() bool { return b.cfg.Protocol != FastCGI }

// What the errors of all wires have in common.

func isStale(err error) bool {
	return errors.Is(err, fcgi.ErrStale) || errors.Is(err, httpc.ErrStale)
}

func isClosed(err error) bool {
	return errors.Is(err, fcgi.ErrClosed) || errors.Is(err, httpc.ErrClosed)
}

func isTruncated(err error) bool {
	return errors.Is(err, fcgi.ErrTruncated) || errors.Is(err, httpc.ErrTruncated)
}

func isReadTimeout(err error) bool {
	return errors.Is(err, fcgi.ErrReadTimeout) || errors.Is(err, httpc.ErrReadTimeout)
}

func isSendTimeout(err error) bool {
	return errors.Is(err, fcgi.ErrSendTimeout) || errors.Is(err, httpc.ErrSendTimeout)
}
