package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// The sizes of the idle scenario and what is promised of it.
const (
	idleClients = 10_000
	idleBusy    = 64 // clients that work before, so that buffers are there

	idleMore  = 4096    // bytes a connection may cost more than nginx'
	idleStays = 8 << 20 // what may stay of the memory when all have left
	idleFall  = 45 * time.Second
	idleSlack = 8 // descriptors that come and go besides
)

// idleSeen is what was seen of one gateway.
type idleSeen struct {
	before, held, after look
	open                int
	cpu                 time.Duration // a second, while they were idle
	given               time.Duration // until the memory was given back
}

func (s *idleSeen) each() float64 { return float64(s.held.RSS-s.before.RSS) / idleClients }

func (s *idleSeen) descriptors() int { return s.held.descriptors - s.before.descriptors }

// idle opens many connections that make one request each and stay, then closes
// them all.
func idle(ctx context.Context, l *lab) error {
	l.describe("%d clients open a connection, make one request and stay for %v; then they leave. Memory is the resident size of the whole process tree; what the kernel uses for sockets is not in it.",
		idleClients, idleHold)
	seen := map[string]*idleSeen{}
	r := frontRow
	r.idle, r.clients = idleClients, idleBusy
	err := l.against(ctx, r, func(name string, up *site) (err error) {
		seen[name], err = l.idleOne(ctx, r, up)
		return err
	})
	if err != nil {
		return err
	}
	l.judgeIdle(seen[rig.Fcgigw], seen[rig.Nginx])
	return nil
}

func (l *lab) idleOne(ctx context.Context, r row, up *site) (*idleSeen, error) {
	s := &idleSeen{}
	if _, err := load.Run(ctx, l.loadOf(r, up.gateway.Addr)); err != nil {
		return nil, err
	}
	var err error
	if s.before, err = up.lookAfter(ctx, idleSettle); err != nil {
		return nil, err
	}
	held, err := load.Hold(ctx, up.gateway.Addr, r.request(up.gateway.Addr), idleClients)
	if err != nil {
		return nil, err
	}
	err = s.whileHeld(ctx, up, held)
	if err = errors.Join(err, held.Close()); err != nil {
		return nil, err
	}
	return s, s.whenLeft(ctx, up)
}

// whileHeld looks when connections have been idle for a while.
func (s *idleSeen) whileHeld(ctx context.Context, up *site, held *load.Held) (err error) {
	settled, err := up.lookAfter(ctx, idleHold/2)
	if err != nil {
		return err
	}
	if s.held, err = up.lookAfter(ctx, idleHold); err != nil {
		return err
	}
	s.open = held.Open()
	s.cpu = time.Duration(float64(s.held.cpuSince(settled)) / s.held.at.Sub(settled.at).Seconds())
	return nil
}

// whenLeft waits until descriptors and memory have been given back, or for as
// long as that may take.
func (s *idleSeen) whenLeft(ctx context.Context, up *site) (err error) {
	began := time.Now()
	for {
		if s.after, err = up.lookAfter(ctx, time.Second/4); err != nil {
			return err
		}
		s.given = time.Since(began)
		back := s.after.RSS-s.before.RSS < idleStays
		if s.given > idleFall || back && s.after.descriptors <= s.before.descriptors+idleSlack {
			return nil
		}
	}
}

func (u *site) lookAfter(ctx context.Context, d time.Duration) (look, error) {
	if err := pause(ctx, d); err != nil {
		return look{}, err
	}
	return u.look()
}

func (l *lab) judgeIdle(ours, theirs *idleSeen) {
	line := func(name string, s *idleSeen) []string {
		return []string{
			name, fmt.Sprintf("%.0f", s.each()), fmt.Sprintf("%.2f", float64(s.descriptors())/idleClients), mb(s.before.RSS), mb(s.held.RSS),
			fmt.Sprintf("%.1f ms", float64(s.cpu)/1e6), fmt.Sprintf("%s after %.0f s", mb(s.after.RSS), s.given.Seconds()),
		}
	}
	l.table(
		[]string{"gateway", "bytes per connection", "descriptors per connection", "memory before", "memory with all", "CPU per second of idling", "memory when they have left"},
		line(rig.Nginx, theirs), line(rig.Fcgigw, ours),
	)
	l.found("connections open at the end", ours.open == idleClients, fmt.Sprint(idleClients), "%d", ours.open)
	l.found("bytes per connection more than nginx'", ours.each()-theirs.each() <= idleMore, fmt.Sprintf("≤ %d", idleMore), "%.0f", ours.each()-theirs.each())
	extra := ours.descriptors() - idleClients
	l.found("descriptors besides one for each", extra <= idleSlack, fmt.Sprintf("≤ %d", idleSlack), "%d", extra)
	stay := ours.after.RSS - ours.before.RSS
	l.found("memory that stays when all have left", stay < idleStays, fmt.Sprintf("< %s within %v", mb(idleStays), idleFall), "%s after %.1f s", mb(stay), ours.given.Seconds())
	left := ours.after.descriptors - ours.before.descriptors
	l.found("descriptors that stay", left <= idleSlack, fmt.Sprintf("≤ %d", idleSlack), "%d", left)
}
