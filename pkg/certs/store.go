package certs

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// pollEvery is how often files are looked at: a stat each, so that a renewed
// certificate is served seconds after it was written.
const pollEvery = 5 * time.Second

// renewEvery is how often certificates by ACME are looked at. They are renewed
// when a third of their time is left, unless the CA asks for another moment
// (RFC 9773), so even those for an hour are renewed in time.
const renewEvery = time.Minute

// Options are the optional parts of a Store.
type Options struct {
	Poll  time.Duration // between two looks at the files; 0: 5 s
	Renew time.Duration // between two looks at what to renew by ACME; 0: 1 min
}

// Store has the certificates of a running process.
type Store struct {
	log     *zap.Logger
	renew   time.Duration
	current atomic.Pointer[Set]
	wake    chan struct{} // holds one token when a new set wants its OCSP answers

	mu      sync.Mutex
	configs map[string]*tls.Config // by address; never dropped: they are few and hold the ticket keys

	stop    context.CancelFunc
	working sync.WaitGroup
	closing sync.Once
}

// Set is a prepared configuration.
type Set struct {
	cfg     Config
	listens map[string]*listen
	pairs   []*pair
	hosts   []string // to have by ACME
	magic   *magic   // nil: no ACME
	alpn    *tls.Config
}

// New returns a store without certificates: Prepare and Use give it some. Close
// it in the end.
func New(log *zap.Logger, opt Options) *Store {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{
		log: log, renew: cmp.Or(opt.Renew, renewEvery), stop: cancel,
		wake: make(chan struct{}, 1), configs: make(map[string]*tls.Config),
	}
	s.current.Store(&Set{})
	poll := cmp.Or(opt.Poll, pollEvery)
	s.working.Go(func() { s.watch(ctx, poll) }) // ends with ctx
	s.working.Go(func() { s.staple(ctx) })      // ends with ctx
	return s
}

// Prepare reads everything that cfg names. Nothing changes before Use; a set
// that is not used is given to Drop. The error joins one for each file.
func (s *Store) Prepare(cfg Config) (*Set, error) {
	set := &Set{cfg: cfg, listens: make(map[string]*listen)}
	b := builder{set: set, pairs: make(map[pairFiles]*pair), sites: make(map[*Site]*site)}
	var errs []error
	for _, addr := range sortedKeys(cfg.Listens) {
		l, err := b.listen(cfg.Listens[addr])
		errs = append(errs, err)
		set.listens[addr] = l
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.Sort(set.hosts)
	set.hosts = slices.Compact(set.hosts)
	return set, s.prepareACME(set)
}

// prepareACME takes the running client over if it would be the same.
func (s *Store) prepareACME(set *Set) (err error) {
	if len(set.hosts) == 0 {
		return nil
	}
	if old := s.current.Load().magic; old != nil && old.cfg == set.cfg.ACME && old.staple == set.cfg.Staple {
		set.magic = old
	} else if set.magic, err = newMagic(set.cfg.ACME, set.cfg.Staple, s.renew, s.log); err != nil {
		return fmt.Errorf("certs: acme: %w", err)
	}
	set.alpn = set.magic.alpnConfig()
	return nil
}

// Drop gives up a set that will not be used; nil is none.
func (s *Store) Drop(set *Set) {
	if set != nil && set.magic != nil && set.magic != s.current.Load().magic {
		set.magic.close()
	}
}

// Use makes set the one that handshakes are made with. Certificates by ACME are
// sought in the background; until one is there, handshakes for its host fail
// with ErrNoCertificate.
func (s *Store) Use(set *Set) {
	old := s.current.Load()
	for _, p := range set.pairs {
		p.inherit(old.pairs)
		s.warnOfDates(p)
	}
	s.current.Store(set)
	if old.magic != nil && old.magic != set.magic {
		old.magic.close()
	}
	if set.magic != nil {
		set.magic.manage(set.hosts)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close stops everything that works in the background. It may be called again.
func (s *Store) Close() {
	s.closing.Do(func() {
		s.stop()
		s.working.Wait()
		if m := s.current.Load().magic; m != nil {
			m.close()
		}
	})
}

// TLS returns the configuration of a listener at addr. It follows the store: the
// same one serves whatever set is in use.
func (s *Store) TLS(addr string) *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.configs[addr]
	if c == nil {
		c = &tls.Config{
			MinVersion: tls.VersionTLS12,
			GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				return s.current.Load().configFor(addr, h)
			},
		}
		s.configs[addr] = c
	}
	return c
}

// watch looks at the files of certificates from time to time.
func (s *Store) watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.reread()
		}
	}
}

// reread takes over what has changed on disk.
func (s *Store) reread() {
	changed := false
	for _, p := range s.current.Load().pairs {
		ok, err := p.reread()
		switch {
		case err != nil:
			s.log.Error("a changed certificate cannot be used; the one before stays", zap.Error(err))
		case ok:
			changed = true
			s.log.Info("certificate read again", zap.String("file", p.files.cert),
				zap.Time("expires", p.current.Load().Leaf.NotAfter))
			s.warnOfDates(p)
		}
	}
	if changed {
		select {
		case s.wake <- struct{}{}: // for its OCSP answer
		default:
		}
	}
}

// warnOfDates tells of a certificate that clients refuse for its dates.
func (s *Store) warnOfDates(p *pair) {
	switch leaf, now := p.current.Load().Leaf, time.Now(); {
	case now.After(leaf.NotAfter):
		s.log.Warn("a certificate has expired; clients refuse it", zap.String("file", p.files.cert),
			zap.Time("expired", leaf.NotAfter), zap.String("hint", "renew it: the file is read again by itself when it changes"))
	case now.Before(leaf.NotBefore):
		s.log.Warn("a certificate is not good yet; clients refuse it", zap.String("file", p.files.cert),
			zap.Time("from", leaf.NotBefore), zap.String("hint", "is the clock right?"))
	}
}
