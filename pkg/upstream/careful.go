package upstream

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// Whether a worker will take what is sent on a connection nobody says. A new one
// is made by the kernel, and reset when the server ends that has not accepted
// it; a kept one is closed by a worker that has run its last request or is told
// to end. Both look like a worker that crashed over the request. A request that
// must not run twice is therefore sent in a way that leaves no doubt where there
// is reason for one:
//
//   - On a unix socket the end of its PARAMS, without which no application can
//     begin, is held back until the worker has read the rest (fcgi.Request.Hold).
//     That is proof with a worker that reads only what it is going to run, as
//     php-fpm does.
//   - php-fpm answers a question between requests (FCGI_GET_VALUES), and whoever
//     answers has accepted the connection and waits for a request. Over TCP it is
//     asked before anything is sent (fcgi.Conn.Ping). A worker that was told to
//     end just now may answer and go all the same.
//   - Where neither will do, a kept connection must have rested: see below.
//
// The first two cost less than a new connection. What is left is a worker that is
// killed while it has the request; only the script could tell how far it came.

// restBeforeUnsafe is how long a kept connection must have been quiet before a
// request that must not run twice is sent on it without more ado: a worker that
// has reached its last request, or was told to end, closes within microseconds
// of its answer, unless the system has something better to do. An idle php-fpm
// worker that is told to end serves one more request. Where a server was seen to
// close kept connections all the same, such requests get new ones.
const restBeforeUnsafe = 10 * time.Millisecond

// neverRested makes an attempt use a new connection.
const neverRested = time.Duration(1<<63 - 1)

// shakyFor is how long a server is taken for ending after a sign of it.
const shakyFor = 5 * time.Second

// careful reports whether it makes a difference whether the application has seen
// the request: it must not run twice, or an attempt was reset and it would be
// good to know whether the request is to blame.
func (c *call) careful() bool { return !c.safe || c.resets > 0 }

// rest returns how long a kept connection must have been quiet to be used.
func (c *call) rest(s *server) time.Duration {
	switch {
	case c.renew:
		return neverRested
	case c.safe:
		return 0
	case s.closesKept.Load():
		return neverRested
	case s.oneByOne(): // see there
		return 0
	}
	return restBeforeUnsafe
}

// there sees to it that no doubt will be left about a request on l, a kept
// connection, and reports whether it can be sent there. An error ends it.
func (c *call) there(s *server, l *link) (bool, error) {
	rested := c.sent.Sub(l.usedAt) >= restBeforeUnsafe
	switch {
	case rested && !s.shaky():
		return l.Alive(), nil
	case s.tells():
		c.hold = true
		return l.Alive(), nil // what stands in it already would be taken for the reply
	case s.answers.Load():
		return c.ask(s, l)
	}
	return true, nil // the pool has seen to its rest
}

// ask asks the worker at the other end of l whether it is there. An error ends
// the request.
func (c *call) ask(s *server, l *link) (bool, error) {
	err := l.one.Ping(c)
	switch {
	case err == nil:
		c.greeted = true
		return true, nil
	case errors.Is(err, fcgi.ErrStale):
		// With the question unread, what closes its socket altogether resets it.
		s.endsKept(errors.Is(err, io.EOF))
		return false, nil
	case s.odd(err):
		return false, nil
	}
	return false, err
}

// greet is there for l, a new connection, if ctx is a request's. It returns a
// *DialError when nobody is there.
func (s *server) greet(ctx context.Context, l *link) error {
	w, ok := ctx.(*watch)
	if !ok || !w.c.careful() {
		return nil
	}
	c := w.c
	switch {
	case s.tells():
		c.hold = true
		return nil
	case !s.answers.Load() || !s.shaky():
		return nil
	}
	c.unheardBy(s)
	there, err := c.ask(s, l)
	c.fresh.Store(nil)
	if err == nil && !there {
		s.shake()
		return &DialError{Server: s.name, Err: errNobody}
	}
	return err
}

// odd reports whether the server answered something else. It is not asked again,
// nor one that does not answer in time unless it must be php-fpm.
func (s *server) odd(err error) bool {
	var protocol *fcgi.ProtocolError
	switch {
	case errors.As(err, &protocol):
		s.answers.Store(false)
		return true
	case errors.Is(err, fcgi.ErrReadTimeout):
		s.answers.Store(s.phpFPM())
	}
	return false
}

// phpFPM reports whether the server is known to be php-fpm without asking it.
func (s *server) phpFPM() bool {
	from := s.b.cfg.MaxConnsFrom
	return from == Supervised || from == PoolFile
}

// oneByOne reports whether the server's workers read a request when they are
// going to run it, and nothing ahead, as php-fpm does: what answers questions and
// does not multiplex is taken for it until a request is lost by that.
func (s *server) oneByOne() bool {
	return s.answers.Load() && (s.phpFPM() || s.probe.Load() == probedSingle)
}

// tells reports whether the kernel tells what was read of a request, and how its
// connection was closed.
func (s *server) tells() bool {
	return s.addr.Network == "unix" && s.b.cfg.Retry&RetryClosed != 0
}

// endsKept is told of a kept connection that the server has ended. half says
// that it did so as a worker does behind its last reply.
func (s *server) endsKept(half bool) {
	if !half {
		s.shake()
	}
	if !s.oneByOne() {
		s.closesKept.Store(true)
	}
}

// shake notes a sign that the server, or one of its workers, is ending.
func (s *server) shake() { s.shakenAt.Store(s.b.sweeper.Now()) }

func (s *server) shaky() bool {
	at := s.shakenAt.Load()
	return at != 0 && s.b.sweeper.Now()-at < int64(shakyFor)
}
