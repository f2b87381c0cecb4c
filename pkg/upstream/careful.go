package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// Whether a worker will take what is sent on a connection nobody says. A new one
// is made by the kernel, and reset when the server ends that has not accepted
// it; a kept one is closed by a worker that has run its last request or is told
// to end. Both look like a worker that crashed over the request. A request that
// must not run twice is therefore sent in a way that leaves no doubt:
//
//   - On a unix socket the end of its PARAMS, without which no application can
//     begin, is held back until the worker has read the rest (fcgi.Request.Hold).
//     A php-fpm worker that is told to end in the middle of a request serves it.
//     With a relay in between it says less, and does no harm. It costs less than
//     a new connection.
//   - Over TCP nobody tells what was read. There a kept connection must have
//     rested, or is not used. A new one is trusted, unless the server seems to be
//     ending; then it is asked what php-fpm answers between requests
//     (FCGI_GET_VALUES), and who answers has accepted the connection.
//
// What is left is a worker that is killed while it has the request; only the
// script could tell how far it came.

// restBeforeUnsafe is how long a kept connection must have been quiet before a
// request that must not run twice is sent on it: a worker that has reached its
// last request, or was told to end, closes within microseconds of its answer,
// unless the system has something better to do. An idle php-fpm worker that is
// told to end serves one more request. Where a server was seen to close kept
// connections all the same, such requests get new ones.
const restBeforeUnsafe = 10 * time.Millisecond

// onlyLook is no rest, but the pool looks at a connection for which any is asked:
// what stands in it already would be taken for the reply.
const onlyLook = time.Nanosecond

// neverRested makes an attempt use a new connection.
const neverRested = time.Duration(1<<63 - 1)

// shakyFor is how long a server is taken for ending after a sign of it.
const shakyFor = 5 * time.Second

// careful reports whether it makes a difference whether the application has seen
// the request: it must not run twice, or an attempt was reset and it would be
// good to know whether the request is to blame.
func (c *call) careful() bool { return !c.safe || c.resets > 0 }

// rest returns how long a kept connection must have been quiet to be used. On a
// unix socket it need not, with workers that read a request when they are going
// to run it and nothing ahead.
func (c *call) rest(s *server) time.Duration {
	switch {
	case c.renew:
		return neverRested
	case c.safe:
		return 0
	case s.closesKept.Load():
		return neverRested
	case s.tells() && s.oneByOne():
		return onlyLook
	}
	return restBeforeUnsafe
}

// oneByOne reports whether the server's workers read nothing ahead, as php-fpm's
// do not: what answers questions and does not multiplex is taken for it until a
// request is lost by that.
func (s *server) oneByOne() bool {
	return s.answers.Load() && (s.phpFPM() || s.probe.Load() == probedSingle)
}

// phpFPM reports whether the server is known to be php-fpm without asking it.
func (s *server) phpFPM() bool {
	from := s.b.cfg.MaxConnsFrom
	return from == Supervised || from == PoolFile
}

// tells reports whether the kernel tells what was read of a request, and how its
// connection was closed.
func (s *server) tells() bool {
	return s.addr.Network == "unix" && s.b.cfg.Retry&RetryClosed != 0
}

// greet asks the worker at the other end of l, a new connection, whether it is
// there, if ctx is a request's that should know and cannot know otherwise. It
// returns a *DialError when nobody is.
func (s *server) greet(ctx context.Context, l *link) error {
	w, ok := ctx.(*watch)
	if !ok || s.tells() || !w.c.careful() || !s.answers.Load() || !s.shaky() {
		return nil
	}
	w.c.unheardBy(s)
	err := l.one.Ping(w.c)
	w.c.fresh.Store(nil)
	var protocol *fcgi.ProtocolError
	switch {
	case err == nil:
		w.c.greeted = true
		return nil
	case errors.Is(err, fcgi.ErrStale):
		s.shake()
		return &DialError{Server: s.name, Err: errNobody}
	case errors.As(err, &protocol): // it is another program by now
		s.answers.Store(false)
		return &DialError{Server: s.name, Err: err}
	}
	return err
}

// endsKept is told of a kept connection that the server has ended. The first time
// that may be the server's own end; after that it seems to be its way.
func (s *server) endsKept() {
	if s.tells() && s.oneByOne() {
		return // such connections can be used all the same
	}
	if !s.closesKept.Swap(true) {
		s.shake()
	}
}

// shake notes a sign that the server, or one of its workers, is ending.
func (s *server) shake() { s.shakenAt.Store(s.b.sweeper.Now()) }

func (s *server) shaky() bool {
	at := s.shakenAt.Load()
	return at != 0 && s.b.sweeper.Now()-at < int64(shakyFor)
}
