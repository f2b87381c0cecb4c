package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
)

// The states of the question whether a server multiplexes.
const (
	probeOpen int32 = iota // not asked, or asked without an answer
	probing
	probedSingle // one request at a time on a connection
	probedShared
)

// probeTimeout bounds the wait for an answer: a busy php-fpm gives none, and
// libfcgi's programs never do.
const probeTimeout = time.Second

// The pause between two probes without answer doubles from the first to the
// last.
const (
	firstProbePause = 2 * time.Second
	lastProbePause  = 10 * time.Minute
)

// askOnce starts the question whether the server multiplexes, on a connection
// of its own so that no request waits for the answer. It is asked again after a
// time without answer.
func (s *server) askOnce() {
	if s.b.sweeper.Now() < s.askAt.Load() || !s.probe.CompareAndSwap(probeOpen, probing) {
		return
	}
	if !s.b.beginTask() {
		return
	}
	go s.ask() // ends within connect and probe timeouts; Backend.Close waits for it
}

func (s *server) ask() {
	defer s.b.tasks.Done()
	ctx, stop := context.WithTimeout(context.Background(), probeTimeout)
	defer stop()
	nc, err := s.dial.DialContext(ctx, s.addr.Network, s.addr.Addr)
	if err != nil {
		s.askLater()
		return
	}
	defer nc.Close()
	v, err := fcgi.Probe(nc, probeTimeout)
	if errors.Is(err, fcgi.ErrReadTimeout) || errors.Is(err, fcgi.ErrStale) || errors.Is(err, fcgi.ErrTruncated) {
		s.askLater() // the end of the connection may be that of the server
		return
	}
	s.answers.Store(err == nil)
	if f := s.b.events.Multiplex; f != nil {
		f(s.b.cfg.Name, s.name, v.Mpxs)
	}
	if !v.Mpxs {
		s.answered()
		return
	}
	s.goMux(v)
}

// askLater lets a later dial ask again.
func (s *server) askLater() {
	pause := min(firstProbePause<<min(s.silent, 10), lastProbePause)
	s.silent++
	s.askAt.Store(s.b.sweeper.After(pause))
	s.probe.Store(probeOpen)
}
