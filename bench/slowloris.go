package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// The sizes of the slowloris scenario and what is promised of it.
const (
	lorisClients = 1000 // of each kind
	lorisEvery   = time.Second
	lorisSettle  = 18 * time.Second // longer than a head may take
	lorisTimes   = 4                // of the measured time of a row

	lorisNormal = 40
	lorisPause  = 20 * time.Millisecond
	lorisRatio  = 2.0
	lorisFloor  = 2 * time.Millisecond // a p99 below it is no worse for being some times another
)

// lorisSeen is what was seen of one gateway.
type lorisSeen struct {
	alone, beside counted
	heads, bodies load.DripResult
	before, held  look
}

// slowloris measures normal requests alone and then beside clients that send
// heads and bodies a byte a second.
func slowloris(ctx context.Context, l *lab) error {
	l.describe("%d clients send one byte of their head a second, %d more one byte of a body of 1 MB; who is turned away comes again. Normal clients (%d, %v between requests) are measured alone, and beside them after %v. Timeouts are the gateways' own (nginx: 60s for head and body, fcgigw: `header_timeout = \"15s\"`).",
		lorisClients, lorisClients, lorisNormal, lorisPause, lorisSettle)
	seen := map[string]*lorisSeen{}
	r := frontRow
	r.clients, r.pause, r.times, r.idle = lorisNormal, lorisPause, lorisTimes, 2*lorisClients+lorisNormal
	err := l.against(ctx, r, func(name string, up *site) (err error) {
		seen[name], err = l.lorisOne(ctx, r, up)
		return err
	})
	if err != nil {
		return err
	}
	l.judgeLoris(seen[rig.Fcgigw], seen[rig.Nginx])
	return nil
}

func (l *lab) lorisOne(ctx context.Context, r row, up *site) (s *lorisSeen, err error) {
	s = &lorisSeen{}
	normal := l.loadOf(r, up.gateway.Addr)
	if s.alone, err = up.count(ctx, normal); err != nil {
		return nil, err
	}
	if s.before, err = up.look(); err != nil {
		return nil, err
	}
	heads, err := l.drip(ctx, up, "GET "+phpPath+" HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	if err != nil {
		return nil, err
	}
	bodies, err := l.drip(ctx, up, "POST "+phpPath+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	if err != nil {
		heads.Stop()
		return nil, err
	}
	err = pause(ctx, lorisSettle)
	if err == nil {
		s.beside, err = up.count(ctx, normal)
	}
	held, lookErr := up.look()
	s.held, s.heads, s.bodies = held, heads.Stop(), bodies.Stop()
	return s, errors.Join(err, lookErr, s.heads.First, s.bodies.First)
}

func (l *lab) drip(ctx context.Context, up *site, head string) (*load.Drippers, error) {
	return load.StartDrippers(ctx, load.DripConfig{Addr: up.gateway.Addr, Clients: lorisClients, Head: []byte(head), Every: lorisEvery})
}

func (l *lab) judgeLoris(ours, theirs *lorisSeen) {
	line := func(name, when string, c counted, more ...string) []string {
		return append([]string{
			name, when, fmt.Sprintf("%.0f", c.rate()), ms(c.Latency.Quantile(0.5)), ms(c.p99()), ms(c.Latency.Max()),
			fmt.Sprintf("%.1f", c.each()), fmt.Sprint(c.Errors),
		}, more...)
	}
	rows := [][]string{{"gateway", "normal requests", "per second", "p50", "p99", "longest", "CPU µs each", "failed", "slow heads: open, ended", "slow bodies: open, ended", "memory"}}
	for _, g := range []struct {
		name string
		s    *lorisSeen
	}{{rig.Nginx, theirs}, {rig.Fcgigw, ours}} {
		rows = append(rows, line(g.name, "alone", g.s.alone, "–", "–", mb(g.s.before.RSS)),
			line(g.name, "beside", g.s.beside, dripped(g.s.heads), dripped(g.s.bodies), mb(g.s.held.RSS)))
	}
	l.table(rows...)
	l.found("normal requests that failed beside them", ours.beside.Errors == 0, "0", "%d %v", ours.beside.Errors, ours.beside.First)
	ratio, other := ours.worse(), theirs.worse()
	l.found("p99 beside them to p99 alone", ratio <= max(lorisRatio, other) || ours.beside.p99() < lorisFloor,
		fmt.Sprintf("≤ %.0f or nginx', or below %s", lorisRatio, ms(lorisFloor)), "%.2f (nginx %.2f)", ratio, other)
	l.noted("CPU a second that the slow ones cost", "%.1f ms (nginx %.1f ms)", ours.cost(), theirs.cost())
	l.found("slow heads turned away with 408", ours.heads.Ended > 0 && ours.heads.Statuses[408] == ours.heads.Ended, "all that ended", "%d of %d", ours.heads.Statuses[408], ours.heads.Ended)
	l.noted("memory of a slow client", "%.0f bytes (nginx %.0f)", ours.memory(), theirs.memory())
}

func dripped(r load.DripResult) string { return fmt.Sprintf("%d, %d %v", r.Open, r.Ended, r.Statuses) }

// worse is the p99 beside the slow clients to that alone.
func (s *lorisSeen) worse() float64 { return float64(s.beside.p99()) / float64(s.alone.p99()) }

// cost is how much more CPU the gateway used beside the slow clients than the
// normal requests alone would have taken, in milliseconds per second.
func (s *lorisSeen) cost() float64 {
	extra := s.beside.each() - s.alone.each()
	return extra * s.beside.rate() / 1000
}

func (s *lorisSeen) memory() float64 {
	return float64(s.held.RSS-s.before.RSS) / float64(max(1, s.heads.Open+s.bodies.Open))
}
