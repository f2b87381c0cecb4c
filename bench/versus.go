package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/proc"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// versus are the gateways of a scenario that shows nginx beside fcgigw, in the
// order in which they are run.
var versus = [...]string{rig.Nginx, rig.Fcgigw}

// frontRow is the work of such a scenario: small replies of the stub, which costs
// little itself.
var frontRow = row{name: "front", backend: stubBackend, size: 128, path: phpPath, conns: 64, keep: true}

// against starts each gateway in turn, with a stub behind it, and lets f look at
// it.
func (l *lab) against(ctx context.Context, r row, f func(name string, up *site) error) error {
	for _, name := range versus {
		up, err := l.suite.start(ctx, r, name, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f(name, up), up.stop()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// table adds a table in markdown; its first row is the head.
func (l *lab) table(rows ...[]string) {
	var b strings.Builder
	for i, cells := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(cells)))
		}
	}
	l.tables = append(l.tables, b.String())
}

// look is what a gateway uses at one moment, its whole process tree.
type look struct {
	proc.Usage
	descriptors int
	at          time.Time
}

func (u *site) look() (look, error) {
	usage, err := proc.Tree(u.gateway.PID())
	fds, fdErr := proc.Descriptors(u.gateway.PID())
	return look{usage, fds, time.Now()}, errors.Join(err, fdErr)
}

// cpuSince is the CPU time since an earlier look.
func (k look) cpuSince(earlier look) time.Duration { return k.Since(earlier.Usage).CPU() }

// counted is a load with what the gateway has used for it.
type counted struct {
	*load.Result
	cpu time.Duration
}

// count runs a load and takes what the gateway has used in its measured time.
func (u *site) count(ctx context.Context, cfg load.Config) (c counted, err error) {
	var looks []look
	var lookErr error
	cfg.Mark = func() {
		k, err := u.look()
		looks, lookErr = append(looks, k), errors.Join(lookErr, err)
	}
	if c.Result, err = load.Run(ctx, cfg); err != nil || lookErr != nil {
		return c, errors.Join(err, lookErr)
	}
	c.cpu = looks[1].cpuSince(looks[0])
	return c, nil
}

// each is the CPU time of one answer, in microseconds.
func (c counted) each() float64 {
	return float64(c.cpu) / float64(time.Microsecond) / float64(max(c.Answers, 1))
}

func (c counted) rate() float64 { return float64(c.Answers) / c.Elapsed.Seconds() }

func (c counted) p99() time.Duration { return c.Latency.Quantile(0.99) }
