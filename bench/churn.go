package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// The sizes of the churn scenario and what is promised of it.
const (
	churnClients = 200
	churnPause   = 100 * time.Millisecond // hence 2 000 connections a second
	churnTimes   = 40                     // of the measured time of a row: a minute
	churnLooks   = 60                     // in that time

	churnGrowth = 8 << 20 // from a quarter of the time to the end
	churnSlack  = 64      // descriptors besides those of clients and backend
	churnSettle = 5 * time.Second
)

// churnSeen is what was seen of one gateway.
type churnSeen struct {
	load   counted
	looks  []look // the first before, the last after the load
	before look
	after  look
}

// churn opens a connection for each request, at a fixed rate.
func churn(ctx context.Context, l *lab) error {
	r := frontRow
	r.clients, r.pause, r.times, r.newConn = churnClients, churnPause, churnTimes, true
	l.describe("%d clients open a connection, make one request, close, and come again after %v: about 2 000 connections a second, for %v.", churnClients, churnPause, r.runTime(l.opts.measure))
	seen := map[string]*churnSeen{}
	err := l.against(ctx, r, func(name string, up *site) (err error) {
		seen[name], err = l.churnOne(ctx, r, up)
		return err
	})
	if err != nil {
		return err
	}
	l.judgeChurn(seen[rig.Fcgigw], seen[rig.Nginx])
	return nil
}

func (l *lab) churnOne(ctx context.Context, r row, up *site) (s *churnSeen, err error) {
	s = &churnSeen{}
	if _, err := load.Run(ctx, l.loadOf(row{clients: 16, size: r.size, path: r.path, newConn: true}, up.gateway.Addr)); err != nil {
		return nil, err
	}
	if s.before, err = up.lookAfter(ctx, idleSettle); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan error, 1)
	go func() { // ends with ctx
		watched <- s.watch(ctx, up, r.runTime(l.opts.measure)/churnLooks)
	}()
	s.load, err = up.count(ctx, l.loadOf(r, up.gateway.Addr))
	stop()
	if err = errors.Join(err, <-watched); err != nil {
		return nil, err
	}
	s.after, err = up.lookAfter(context.Background(), churnSettle)
	return s, err
}

// watch looks again and again until ctx ends.
func (s *churnSeen) watch(ctx context.Context, up *site, every time.Duration) error {
	for pause(ctx, every) == nil {
		k, err := up.look()
		if err != nil {
			return err
		}
		s.looks = append(s.looks, k)
	}
	return nil
}

// growth is how much the memory grew behind the first quarter of the time.
func (s *churnSeen) growth() int64 {
	if len(s.looks) == 0 {
		return 0
	}
	return s.looks[len(s.looks)-1].RSS - s.looks[len(s.looks)/4].RSS
}

func (s *churnSeen) most() (rss int64, descriptors int) {
	for _, k := range s.looks {
		rss, descriptors = max(rss, k.RSS), max(descriptors, k.descriptors)
	}
	return rss, descriptors
}

func (l *lab) judgeChurn(ours, theirs *churnSeen) {
	line := func(name string, s *churnSeen) []string {
		rss, fds := s.most()
		return []string{
			name, fmt.Sprintf("%.0f", s.load.rate()), fmt.Sprintf("%.1f", s.load.each()), ms(s.load.Latency.Quantile(0.5)), ms(s.load.p99()), fmt.Sprint(s.load.Errors),
			mb(s.before.RSS), mb(rss), mb(s.growth()), fmt.Sprintf("%d, %d, %d", s.before.descriptors, fds, s.after.descriptors),
		}
	}
	l.table(
		[]string{"gateway", "connections/s", "CPU µs per connection", "p50", "p99", "failed", "memory before", "at most", "grown since the first quarter", "descriptors before, at most, after"},
		line(rig.Nginx, theirs), line(rig.Fcgigw, ours),
	)
	_, fds := ours.most()
	l.found("connections that failed", ours.load.Errors == 0, "0", "%d %v", ours.load.Errors, ours.load.First)
	l.noted("CPU per connection, to nginx'", "%.2f", ours.load.each()/theirs.load.each())
	l.found("memory grown since the first quarter", ours.growth() <= churnGrowth, "≤ "+mb(churnGrowth), "%s", mb(ours.growth()))
	bound := churnClients + frontRow.conns + ours.before.descriptors + churnSlack
	l.found("descriptors at most", fds <= bound, fmt.Sprintf("≤ %d", bound), "%d", fds)
	stay := ours.after.descriptors - ours.before.descriptors
	l.found("descriptors that stay", stay <= idleSlack, fmt.Sprintf("≤ %d", idleSlack), "%d", stay)
}
