package upstream

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/sock"
)

// Whether a server multiplexes is remembered for as long as it is surely the
// same program. php-fpm takes requests that are interleaved for one, and answers
// them with whatever comes of it, so to share a connection on the word of the
// program that was there before would hand out wrong replies. Hence every new
// shared connection is asked once more before it is shared, and a server that
// was away, or refused after all, has connections of one request each until it
// has said otherwise.

// errUnshared is the error of a dial for a shared connection when connections
// are not shared any more: the request needs a slot of another pool.
var errUnshared = errors.New("upstream: the server does not multiplex any more")

// errSaidNo is why connections are not shared any more when the server says so.
var errSaidNo = errors.New("upstream: the server says that it does not multiplex")

// errNoWord is the same when the server does not say, which it did before.
var errNoWord = errors.New("upstream: the server does not say whether it multiplexes")

// confirm asks the server at the other end of the new connection nc whether it
// multiplexes, if it was not the configuration that said so. It returns
// errUnshared, or the cause of the end of ctx.
func (s *server) confirm(ctx context.Context, nc net.Conn) error {
	if s.probe.Load() != probedShared {
		return errUnshared
	}
	if s.b.cfg.Multiplex != Auto {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(sock.Past()) })
	defer stop()
	v, err := fcgi.Probe(nc, probeTimeout)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && v.Mpxs:
		return nil
	case err == nil:
		s.unshare(errSaidNo)
	default:
		s.unshare(errors.Join(errNoWord, err))
	}
	return errUnshared
}

// doShared runs the request on a shared connection. A server that refuses to
// share it gets no other.
func (l *link) doShared(req *fcgi.Request, h fcgi.Handler) (fcgi.End, error) {
	end, err := l.mux.Do(req, h)
	if errors.Is(err, fcgi.ErrCantMultiplex) {
		l.s.unshare(err)
	}
	return end, err
}

// mustMove reports whether err only says that connections are not shared any
// more: the application has seen nothing, and the next attempt has a connection
// of its own. Once that is no attempt that counts.
func (c *call) mustMove(err error) bool {
	return errors.Is(err, errUnshared) || c.shared && !c.got && errors.Is(err, fcgi.ErrCantMultiplex)
}

// fit reports whether the link may carry more requests, behind one that left it
// whole or did not. A shared one judges for itself: a request that was given up
// is no matter of the others'.
func (l *link) fit(whole bool) bool {
	switch {
	case l.mux != nil:
		return l.mux.Reusable()
	case l.other != nil:
		return whole && l.other.Reusable()
	}
	return whole && l.one.Reusable()
}

// goMux replaces the slots by those of shared connections. said is what the
// server told of itself.
func (s *server) goMux(said fcgi.Values) {
	s.turn.Lock()
	defer s.turn.Unlock()
	p, err := s.newPool(true, said)
	if err != nil {
		s.answered()
		return
	}
	s.probe.Store(probedShared) // before the dials for the new slots look at it
	if !s.replace(p) {
		return
	}
	if f := s.b.events.Learned; f != nil && s.source() == Answered {
		f(s.b.cfg.Name, s.name, p.Stat().MaxConns)
	}
	s.startWarm()
}

// unshare replaces the slots of shared connections by those of one request at a
// time. A server that has said nothing is asked again later; one that has
// refused, after it was away.
func (s *server) unshare(why error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.probe.Load() != probedShared {
		return // somebody was first
	}
	p, err := s.newPool(false, fcgi.Values{})
	if err != nil || !s.replace(p) {
		return
	}
	if errors.Is(why, errNoWord) {
		s.askLater()
	} else {
		s.answered()
	}
	if f := s.b.events.Unshared; f != nil {
		f(s.b.cfg.Name, s.name, why)
	}
}

// replace makes p the pool, unless the backend is closed. Requests in the old
// one end there; those who wait for it come over. Callers hold turn.
func (s *server) replace(p *pool.Pool[*link]) bool {
	if !s.b.beginTask() {
		p.Close()
		return false
	}
	old := s.slots.Swap(p)
	go func() { // ends with the last request in the old pool; Backend.Close waits for it
		defer s.b.tasks.Done()
		old.Close()
	}()
	return true
}

// answered notes that the server carries one request at a time.
func (s *server) answered() {
	s.silent = 0
	s.askAt.Store(0)
	s.probe.Store(probedSingle)
}

// wentAway says whether the error of a dial means that nobody was there: whoever
// comes back may be another program.
func wentAway(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// isBack is told that a server that was away is there again. What was known of
// its ability to multiplex is open again, to be asked by the dial that found it.
func (s *server) isBack() {
	s.answers.Store(s.phpFPM())
	s.closesKept.Store(s.b.cfg.Recycles && !s.oneByOne())
	switch s.b.cfg.Multiplex {
	case Auto:
		s.probe.CompareAndSwap(probedSingle, probeOpen)
	case On: // it may have refused before
		if s.probe.CompareAndSwap(probedSingle, probing) {
			s.goMux(fcgi.Values{})
		}
	}
}
