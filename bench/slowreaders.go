package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// The sizes of the slow-readers scenario and what is promised of it.
const (
	slowClients = 1000
	slowSize    = 1 << 20
	slowRate    = 10 << 10 // bytes a second
	slowStart   = 30 * time.Second

	normalWorkers = 8
	normalTime    = 8 * time.Second
	normalClients = 40
	normalWork    = 20 * time.Millisecond // of the script: half of the workers are busy
	normalPause   = 180 * time.Millisecond

	slowRatio = 2.0
	slowClean = 10 * time.Second
)

const (
	largeScript  = `<?php header('Content-Length: ' . $_GET['n']); echo str_repeat('x', (int) $_GET['n']);`
	normalScript = `<?php usleep(1000 * (int) $_GET['ms']); echo 'normal';`
	statusPage   = "/status.php"
)

// slowReaders measures normal requests alone and then beside many clients that
// read something large slowly.
func slowReaders(ctx context.Context, l *lab) (err error) {
	l.describe("%d php-fpm children serve about 200 requests a second of a script that takes %v, for %v; then the same beside %d clients that have asked for %d bytes and read %d bytes a second each (small receive buffers, segments as on Ethernet). fcgigw's buffers are at their defaults.",
		normalWorkers, normalWork, normalTime, slowClients, slowSize, slowRate)
	err = errors.Join(l.script("large.php", largeScript), l.script("normal.php", normalScript), l.script(statusPage, ""))
	if err != nil {
		return err
	}
	up, err := l.start(ctx, rig.PHP{Children: normalWorkers, Status: statusPage}, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	alone, err := normalLoad(ctx, up)
	if err != nil {
		return err
	}
	readers, err := load.StartReaders(ctx, load.ReadersConfig{
		Addr: up.gateway.Addr, Readers: slowClients, Rate: slowRate,
		Request: getRequest(up, fmt.Sprintf("/large.php?n=%d", slowSize)),
	})
	if err != nil {
		return err
	}
	beside, err := l.besideReaders(ctx, up, readers)
	res := readers.Stop()
	if err != nil {
		return err
	}
	l.compare(alone, beside)
	l.found("slow readers still reading at the end", res.Reading == slowClients, fmt.Sprint(slowClients), "%d; %d failed, %d complete", res.Reading, res.Failed, res.Complete)
	l.noted("what they have read", "%s, %.1f kB each", mb(res.Bytes), float64(res.Bytes)/slowClients/1024)
	return l.tempGone(ctx, up)
}

func normalLoad(ctx context.Context, up *site) (*load.Result, error) {
	return load.Run(ctx, load.Config{
		Addr: up.gateway.Addr, Clients: normalClients, Pause: normalPause, Body: int64(len("normal")),
		Request: getRequest(up, fmt.Sprintf("/normal.php?ms=%d", normalWork.Milliseconds())),
		Warmup:  normalTime / 8, Duration: normalTime,
	})
}

// besideReaders waits until every reader has the beginning of its answer, and
// then measures. It looks at workers and temporary files before and after.
func (l *lab) besideReaders(ctx context.Context, up *site, readers *load.Readers) (*load.Result, error) {
	began := time.Now()
	err := await(ctx, slowStart, "not all slow readers have an answer", func() (bool, error) {
		return readers.Begun() == slowClients, nil
	})
	if err != nil {
		return nil, err
	}
	l.noted("time until every slow reader had the head of its answer", "%.1f s", time.Since(began).Seconds())
	if err := l.heldWorkers(ctx, up, "workers held by slow readers, before the load"); err != nil {
		return nil, err
	}
	res, err := normalLoad(ctx, up)
	if err != nil {
		return nil, err
	}
	if err := l.heldWorkers(ctx, up, "workers held by slow readers, after the load"); err != nil {
		return nil, err
	}
	return res, l.tempUsed(up)
}

func (l *lab) compare(alone, beside *load.Result) {
	p99 := func(r *load.Result) time.Duration { return r.Latency.Quantile(0.99) }
	ratio := float64(p99(beside)) / float64(p99(alone))
	for _, r := range []struct {
		name string
		res  *load.Result
	}{{"alone", alone}, {"beside slow readers", beside}} {
		l.noted("normal requests "+r.name, "%.0f/s, p50 %s, p99 %s, longest %s",
			float64(r.res.Answers)/r.res.Elapsed.Seconds(), ms(r.res.Latency.Quantile(0.5)), ms(p99(r.res)), ms(r.res.Latency.Max()))
		l.found("failed normal requests "+r.name, r.res.Errors == 0, "0", "%d %v", r.res.Errors, r.res.First)
	}
	l.found("p99 beside slow readers to p99 alone", ratio <= slowRatio, fmt.Sprintf("≤ %.0f", slowRatio), "%.2f", ratio)
}

// slowSettle is how long the last normal requests may take to end before
// workers are looked at: far less than a slow reader would hold one.
const slowSettle = 2 * time.Second

// heldWorkers tells how many children of php-fpm are held when only the slow
// readers are there.
func (l *lab) heldWorkers(ctx context.Context, up *site, what string) error {
	var held int
	var states map[string]int
	err := await(ctx, slowSettle, "workers are held", func() (_ bool, err error) {
		held, states, err = workers(ctx, up)
		return held == 0, err
	})
	l.found(what, err == nil, "0", "%d (php-fpm's status page: %v)", held, states)
	return ctx.Err()
}

// workers asks php-fpm how many children run a script, without the one that
// answers this. A child between two requests of a kept connection counts as
// active there, which is why the state of each is looked at.
func workers(ctx context.Context, up *site) (held int, states map[string]int, err error) {
	a, err := load.Fetch(ctx, up.gateway.Addr, getRequest(up, statusPage+"?json&full"))
	if err != nil {
		return 0, nil, err
	}
	var status struct {
		Processes []struct{ State string }
	}
	if err := json.Unmarshal(a.Bytes, &status); err != nil {
		return 0, nil, fmt.Errorf("status page: %w: %.200q", err, a.Bytes)
	}
	states = make(map[string]int)
	for _, p := range status.Processes {
		states[p.State]++
	}
	for state, n := range states {
		if state != "Idle" && state != "Reading headers" {
			held += n
		}
	}
	return held - 1, states, nil
}

// tempUsed tells how much of the answers waits in temporary files.
func (l *lab) tempUsed(up *site) error {
	files, size, err := l.temps(up)
	if err != nil {
		return err
	}
	now, _, err := up.memory()
	if err != nil {
		return err
	}
	const most = slowClients * slowSize
	l.found("temporary files while they read", files <= slowClients && size <= most,
		fmt.Sprintf("≤ %d, ≤ %s", slowClients, mb(most)), "%d, %s on disk", files, mb(size))
	l.noted("memory while they read", "%s", mb(now))
	return nil
}

// tempGone tells whether temporary files go with their clients.
func (l *lab) tempGone(ctx context.Context, up *site) error {
	began := time.Now()
	files := 0
	err := await(ctx, slowClean, "temporary files stay", func() (_ bool, err error) {
		files, _, err = l.temps(up)
		return files == 0, err
	})
	left, dirErr := os.ReadDir(l.temp)
	l.found("temporary files after they have left", err == nil && len(left) == 0, "0", "%d after %.1f s", files+len(left), time.Since(began).Seconds())
	return errors.Join(ctx.Err(), dirErr)
}

// temps counts the temporary files that the gateway holds open, which have no
// names, and their bytes on disk.
func (l *lab) temps(up *site) (files int, size int64, err error) {
	dir := fmt.Sprintf("/proc/%d/fd", up.gateway.PID())
	fds, err := os.ReadDir(dir)
	for _, fd := range fds {
		path := filepath.Join(dir, fd.Name())
		if to, err := os.Readlink(path); err != nil || !strings.HasPrefix(to, l.temp) {
			continue // closed meanwhile, or another file
		}
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil {
			files++
			size += st.Blocks * 512
		}
	}
	return files, size, err
}
