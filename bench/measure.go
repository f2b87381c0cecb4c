package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/proc"
)

// sample is what one run of one gateway showed.
type sample struct {
	round      int
	cpu, user  float64 // microseconds of the gateway's process tree per answer
	backendCPU float64 // the same for the backend
	rate       float64 // answers per second
	p50, p99   time.Duration
	errors     int
	first      error // the first of the errors
	least      int   // answers of the client with the fewest
	most       int
	stalled    time.Duration
	peak       int64   // bytes
	perClient  float64 // bytes of memory per idle client
}

// brief is the line shown while measuring.
func (s sample) brief(r row) string {
	if r.idle > 0 {
		return fmt.Sprintf("%7.0f bytes per client", s.perClient)
	}
	return fmt.Sprintf("%7.1f us/request %8.0f/s p50 %v p99 %v errors %d clients %d-%d backend %.1f us",
		s.cpu, s.rate, s.p50.Round(time.Microsecond), s.p99.Round(time.Microsecond), s.errors, s.least, s.most, s.backendCPU)
}

// usage is a look at both process trees.
type usage struct{ gateway, backend proc.Usage }

func (u *site) usage() (usage, error) {
	var now usage
	var err error
	if now.gateway, err = proc.Tree(u.gateway.PID()); err != nil {
		return now, fmt.Errorf("gateway: %w", err)
	}
	if u.backend != nil {
		if now.backend, err = proc.Tree(u.backend.PID()); err != nil {
			return now, fmt.Errorf("backend: %w", err)
		}
	}
	return now, nil
}

// measure runs the load of a row on one gateway.
func (s *suite) measure(ctx context.Context, r row, gateway string, round int) (_ sample, err error) {
	up, err := s.start(ctx, r, gateway, round)
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	var looks []usage
	var lookErr error
	cfg := s.loadOf(r, up.gateway.Addr)
	cfg.Mark = func() {
		u, err := up.usage()
		looks, lookErr = append(looks, u), errors.Join(lookErr, err)
	}
	res, err := load.Run(ctx, cfg)
	if err = errors.Join(err, lookErr); err != nil {
		return sample{}, err
	}
	if res.Answers == 0 {
		return sample{}, fmt.Errorf("no answer at all, %d errors, first: %w", res.Errors, res.First)
	}
	sm := newSample(round, res, looks[0], looks[1])
	if words := up.complaints(r); words != "" {
		sm.errors++
		sm.first = errors.Join(sm.first, errors.New(words))
	}
	return sm, nil
}

// complaints is what the stub has said about the gateway, which is nothing as
// long as the gateway keeps to the protocol.
func (u *site) complaints(r row) string {
	if r.backend != stubBackend {
		return ""
	}
	return u.backend.Log()
}

func (s *suite) loadOf(r row, addr string) load.Config {
	return load.Config{
		Addr:     addr,
		Request:  r.request(addr),
		Clients:  r.clients,
		Warmup:   s.opts.warmup,
		Duration: r.runTime(s.opts.measure),
		Pause:    r.pause,
		NewConn:  r.newConn,
		Body:     int64(r.size),
	}
}

func newSample(round int, res *load.Result, from, to usage) sample {
	gw, backend := to.gateway.Since(from.gateway), to.backend.Since(from.backend)
	each := func(d time.Duration) float64 {
		return float64(d) / float64(time.Microsecond) / float64(res.Answers)
	}
	least, most := res.MinMax()
	return sample{
		round:      round,
		cpu:        each(gw.CPU()),
		user:       each(gw.User),
		backendCPU: each(backend.CPU()),
		rate:       float64(res.Answers) / res.Elapsed.Seconds(),
		p50:        res.Latency.Quantile(0.5),
		p99:        res.Latency.Quantile(0.99),
		errors:     res.Errors,
		first:      res.First,
		least:      least,
		most:       most,
		stalled:    res.Stalled,
		peak:       gw.Peak,
	}
}

const (
	idleSettle = time.Second     // after the warm-up, before the first look
	idleHold   = 5 * time.Second // with all clients idle, before the second
)

// measureIdle measures how much memory idle clients cost: what the resident
// size grows by from a gateway that has seen work to the same with many open,
// idle connections.
func (s *suite) measureIdle(ctx context.Context, r row, gateway string, round int) (_ sample, err error) {
	up, err := s.start(ctx, r, gateway, round)
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	if _, err := load.Run(ctx, s.loadOf(r, up.gateway.Addr)); err != nil {
		return sample{}, err
	}
	before, err := up.usageAfter(ctx, idleSettle)
	if err != nil {
		return sample{}, err
	}
	held, err := load.Hold(ctx, up.gateway.Addr, r.request(up.gateway.Addr), r.idle)
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	after, err := up.usageAfter(ctx, idleHold)
	if err != nil {
		return sample{}, err
	}
	sm := sample{round: round, peak: after.gateway.Peak, errors: r.idle - held.Open()}
	if sm.errors > 0 {
		sm.first = fmt.Errorf("%d of %d idle connections were closed", sm.errors, r.idle)
	}
	sm.perClient = float64(after.gateway.RSS-before.gateway.RSS) / float64(r.idle)
	return sm, nil
}

func (u *site) usageAfter(ctx context.Context, d time.Duration) (usage, error) {
	select {
	case <-ctx.Done():
		return usage{}, ctx.Err()
	case <-time.After(d):
	}
	return u.usage()
}
