package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
	"github.com/fcgigw/fcgigw/bench/stats"
)

// The sizes of the saturation scenario and what is promised of it.
const (
	satWorkers = 4
	satClients = 2000
	satQueue   = 1000
	satSleep   = 10 * time.Second
	satLimit   = 60 * time.Second // for all answers
	satSingle  = 200              // clients that ask alone, while the queue is full

	satRefused = 50 * time.Millisecond
	satMemory  = 64 << 20
	satRemains = 16 << 20 // above idle, when all is over
	satFall    = 30 * time.Second
)

const (
	sleepScript = `<?php file_put_contents(DATA . '/asleep', "x\n", FILE_APPEND); usleep(1000 * (int) $_GET['ms']); echo 'awake';`
	orderScript = `<?php file_put_contents(DATA . '/order', $_GET['n'] . "\n", FILE_APPEND); echo 'done';`
)

// saturation takes all workers, lets many clients ask at once, and looks at
// what becomes of them.
func saturation(ctx context.Context, l *lab) (err error) {
	l.describe("%d php-fpm children sleep %v each. Then %d clients open their connections and ask for a quick script, all at once. `queue = %d`.",
		satWorkers, satSleep, satClients, satQueue)
	if err := errors.Join(l.script("sleep.php", sleepScript), l.script("order.php", orderScript)); err != nil {
		return err
	}
	up, err := l.start(ctx, rig.PHP{Children: satWorkers}, fmt.Sprintf("queue = %d\nqueue_timeout = %q", satQueue, satLimit))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	idle, err := l.idleMemory(ctx, up)
	if err != nil {
		return err
	}
	sleepers, err := l.putToSleep(ctx, up)
	if err != nil {
		return err
	}
	shots, single, err := l.ask(ctx, up)
	if err = errors.Join(err, <-sleepers); err != nil {
		return err
	}
	l.countShots(shots, single)
	if err := l.order(ctx); err != nil {
		return err
	}
	return l.afterwards(ctx, up, idle)
}

// ask makes the burst and, when its refusals are over and the queue is full,
// some requests one after the other.
func (l *lab) ask(ctx context.Context, up *site) (shots []load.Shot, single *stats.Histogram, err error) {
	single = new(stats.Histogram)
	late := make(chan error, 1)
	go func() { // ends before the sleepers do
		late <- l.askSingly(ctx, up, single)
	}()
	shots, err = load.Burst(ctx, load.BurstConfig{
		Addr: up.gateway.Addr, Clients: satClients, Limit: satLimit,
		Request: func(i int) []byte { return getRequest(up, "/order.php?n="+strconv.Itoa(i)) },
	})
	return shots, single, errors.Join(err, <-late)
}

// askSingly times refusals of requests that come alone.
func (l *lab) askSingly(ctx context.Context, up *site, times *stats.Histogram) error {
	if err := pause(ctx, satSleep/2); err != nil {
		return err
	}
	for range satSingle {
		began := time.Now()
		a, err := load.Fetch(ctx, up.gateway.Addr, getRequest(up, "/order.php?n=-1"))
		if err != nil {
			return err
		}
		if a.Status != 503 {
			return fmt.Errorf("status %d while the queue was full", a.Status)
		}
		times.Add(time.Since(began))
	}
	return nil
}

func getRequest(up *site, path string) []byte { return row{path: path}.request(up.gateway.Addr) }

// idleMemory is the gateway's memory when it has served a little and rests.
func (l *lab) idleMemory(ctx context.Context, up *site) (int64, error) {
	if _, err := load.Fetch(ctx, up.gateway.Addr, getRequest(up, phpPath)); err != nil {
		return 0, err
	}
	if err := pause(ctx, idleSettle); err != nil {
		return 0, err
	}
	now, _, err := up.memory()
	return now, err
}

// putToSleep occupies every worker and returns when all of them sleep. The
// channel tells how the sleepers' own requests ended.
func (l *lab) putToSleep(ctx context.Context, up *site) (<-chan error, error) {
	ended := make(chan error, 1)
	go func() { // ends with the answers, by satLimit at the latest
		shots, err := load.Burst(ctx, load.BurstConfig{
			Addr: up.gateway.Addr, Clients: satWorkers, Limit: satLimit,
			Request: func(int) []byte { return getRequest(up, fmt.Sprintf("/sleep.php?ms=%d", satSleep.Milliseconds())) },
		})
		for _, s := range shots {
			if s.Err != nil || s.Status != 200 {
				err = fmt.Errorf("a sleeper got status %d, %w", s.Status, s.Err)
			}
		}
		ended <- err
	}()
	return ended, await(ctx, satSleep/2, "not all workers sleep", func() (bool, error) {
		asleep, err := l.read("asleep")
		return len(asleep) == satWorkers, err
	})
}

// countShots tells what the clients of the burst got.
func (l *lab) countShots(shots []load.Shot, single *stats.Histogram) {
	var served, refused, other, mute int
	var refusals, waits stats.Histogram
	for _, s := range shots {
		switch {
		case s.Err == nil && s.Status == 200:
			served++
			waits.Add(s.Took)
		case s.Err == nil && s.Status == 503:
			refused++
			refusals.Add(s.Took)
			if !s.Retry {
				mute++
			}
		default:
			other++
		}
	}
	l.found("queued and served", served == satQueue, fmt.Sprintf("%d, the queue's length", satQueue), "%d", served)
	l.found("refused with 503", refused == satClients-satQueue, fmt.Sprint(satClients-satQueue), "%d", refused)
	l.found("refused without Retry-After", mute == 0, "0", "%d", mute)
	l.found("any other status, or none", other == 0, "0", "%d", other)
	l.found("time to a refusal, longest", refusals.Max() <= satRefused, "≤ "+ms(satRefused), "%s", ms(refusals.Max()))
	l.noted("the same, p50 and p99", "%s, %s", ms(refusals.Quantile(0.5)), ms(refusals.Quantile(0.99)))
	l.found(fmt.Sprintf("time to a refusal of %d that come one by one, longest", satSingle), single.Max() <= satRefused, "≤ "+ms(satRefused), "%s", ms(single.Max()))
	l.noted("the same, p50 and p99", "%s, %s", ms(single.Quantile(0.5)), ms(single.Quantile(0.99)))
	l.noted("time to an answer of those queued, p50 and longest", "%s, %s", ms(waits.Quantile(0.5)), ms(waits.Max()))
}

// afterwards looks at what the burst has left behind.
func (l *lab) afterwards(ctx context.Context, up *site, idle int64) error {
	a, err := load.Fetch(ctx, up.gateway.Addr, getRequest(up, phpPath))
	if err != nil {
		return err
	}
	l.found("a request when all is over", a.Status == 200, "200", "%d", a.Status)
	_, peak, err := up.memory()
	if err != nil {
		return err
	}
	l.noted("memory when idle", "%s", mb(idle))
	l.found("memory at its most, above idle", peak-idle < satMemory, "< "+mb(satMemory), "%s", mb(peak-idle))
	return l.fallBack(ctx, up, idle)
}

func (l *lab) fallBack(ctx context.Context, up *site, idle int64) error {
	began := time.Now()
	var now int64
	err := await(ctx, satFall, "memory does not fall back", func() (bool, error) {
		var err error
		now, _, err = up.memory()
		return now-idle < satRemains, err
	})
	l.found("memory afterwards, above idle", err == nil, fmt.Sprintf("< %s within %v", mb(satRemains), satFall),
		"%s after %.1f s", mb(now-idle), time.Since(began).Seconds())
	return ctx.Err()
}
