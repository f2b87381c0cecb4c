package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// The sizes of the only-once scenario.
const (
	onceWorkers = 8
	onceClients = 16
	onceReload  = 20_000 // requests while php-fpm is reloaded
	onceRestart = 10_000 // requests while php-fpm is restarted
	onceTrouble = 300 * time.Millisecond
)

// onceRequests is how many requests are made with pm.max_requests = 1, 2, …:
// fewer where every one of them costs php-fpm a new process.
func onceRequests(network string) []int {
	if network == "tcp" {
		return []int{1_000, 3_000, 4_000, 5_000, 7_000}
	}
	return []int{4_000, 12_000, 20_000, 20_000, 24_000}
}

// onceScript notes its run in a file, by one write at the end, before anything
// is answered.
const onceScript = `<?php $id = $_SERVER['REQUEST_METHOD'] === 'POST' ? $_POST['id'] : $_GET['id'];
if (file_put_contents(DATA . '/ran', "$id\n", FILE_APPEND) === false) { http_response_code(500); exit; }
echo 'ran ', $id;`

// onlyOnce lets php-fpm replace its children all the time and counts the runs
// of each request.
func onlyOnce(ctx context.Context, l *lab) error {
	l.describe("%d php-fpm children that end after `pm.max_requests` requests; %d clients, every second request a POST. The script writes the request's id to a file before it answers; afterwards each id must be there once, and each client must have its answer.",
		onceWorkers, onceClients)
	if err := l.script("once.php", onceScript); err != nil {
		return err
	}
	table := onceTable()
	all := newOnceCount()
	for _, network := range []string{"unix", "tcp"} {
		for i, n := range onceRequests(network) {
			c, err := l.once(ctx, &onceRun{network: network, most: i + 1, requests: n, label: strconv.Itoa(i + 1)})
			if err != nil {
				return err
			}
			table = append(table, c.row())
			all.add(c)
		}
	}
	all.judge(l, "")
	for _, r := range []*onceRun{
		{network: "unix", requests: onceReload, label: "no limit, reloaded (SIGUSR2)", trouble: (*onceRun).reload},
		{network: "unix", requests: onceRestart, label: "no limit, restarted (SIGQUIT)", trouble: (*onceRun).restart},
	} {
		c, err := l.once(ctx, r)
		if err != nil {
			return err
		}
		table = append(table, c.row())
		c.judge(l, r.label+": ")
	}
	l.tables = append(l.tables, strings.Join(table, "\n")+"\n")
	return nil
}

// onceRun is one setting of php-fpm and the requests made with it.
type onceRun struct {
	network  string // "unix" or "tcp"
	most     int    // pm.max_requests
	requests int
	label    string
	trouble  func(*onceRun, context.Context, *site) error // done to php-fpm again and again, if not nil

	php rig.PHP
}

// reload replaces php-fpm's children by new ones.
func (r *onceRun) reload(_ context.Context, up *site) error {
	up.backend.Signal(syscall.SIGUSR2)
	return nil
}

// restart ends php-fpm, when its children have finished their requests, and
// starts it again.
func (r *onceRun) restart(ctx context.Context, up *site) (err error) {
	if err := up.backend.Quit(); err != nil {
		return err
	}
	up.backend, err = rig.StartPHP(ctx, r.php)
	return err
}

// onceOutcome is what became of one request.
type onceOutcome struct {
	post   bool
	failed string // empty when the answer was right
}

// once makes the requests of a run and counts what became of them.
func (l *lab) once(ctx context.Context, r *onceRun) (_ *onceCount, err error) {
	if err := r.prepare(l); err != nil {
		return nil, err
	}
	up, err := l.start(ctx, r.php, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	began := time.Now()
	outcomes, err := r.callAll(ctx, up)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	took := time.Since(began)
	ran, err := l.read("ran")
	if err != nil {
		return nil, err
	}
	c := countOnce(outcomes, ran)
	c.run, c.took = r, took
	l.logf("only-once    %s %s: %d requests in %v, failed %v", r.network, r.label, r.requests, took.Round(time.Millisecond), c.reasons)
	return c, l.onceTries(ctx, c)
}

// prepare forgets the runs before and describes php-fpm.
func (r *onceRun) prepare(l *lab) (err error) {
	if err := os.Remove(filepath.Join(l.data, "ran")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	r.php = rig.PHP{
		Binary: l.php, Dir: l.data, Listen: filepath.Join(l.data, "php.sock"),
		Children: onceWorkers, MaxRequests: r.most,
	}
	if r.network == "tcp" {
		r.php.Listen, err = rig.FreePort()
	}
	return err
}

// callAll makes the requests and the trouble, if there is to be any.
func (r *onceRun) callAll(ctx context.Context, up *site) ([]onceOutcome, error) {
	done := make(chan []onceOutcome, 1)
	go func() { done <- callAll(ctx, up.gateway.Addr, r.requests) }() // ends with the last request or ctx
	var trouble <-chan time.Time
	if r.trouble != nil {
		t := time.NewTicker(onceTrouble)
		defer t.Stop()
		trouble = t.C
	}
	for {
		select {
		case outcomes := <-done:
			return outcomes, nil
		case <-trouble:
			if err := r.trouble(r, ctx, up); err != nil {
				return nil, err
			}
		}
	}
}

// callAll makes n requests with ids from 0, some clients at a time.
func callAll(ctx context.Context, addr string, n int) []onceOutcome {
	outcomes := make([]onceOutcome, n)
	var clients sync.WaitGroup
	for first := range onceClients {
		clients.Go(func() { // ends behind its last request, or with ctx
			c := &load.Caller{Addr: addr}
			defer c.Close()
			for id := first; id < n && ctx.Err() == nil; id += onceClients {
				outcomes[id] = callOnce(ctx, c, id)
			}
		})
	}
	clients.Wait()
	return outcomes
}

// callOnce makes the request of an id: by turns of the client a GET or a POST.
func callOnce(ctx context.Context, c *load.Caller, id int) onceOutcome {
	post := id/onceClients%2 == 1
	a, err := c.Do(ctx, onceRequest(c.Addr, id, post))
	switch {
	case err != nil:
		return onceOutcome{post, err.Error()}
	case a.Status != http.StatusOK:
		return onceOutcome{post, "status " + strconv.Itoa(a.Status)}
	case string(a.Bytes) != "ran "+strconv.Itoa(id):
		return onceOutcome{post, "the answer to another request"}
	}
	return onceOutcome{post: post}
}

func onceRequest(addr string, id int, post bool) []byte {
	if !post {
		return fmt.Appendf(nil, "GET /once.php?id=%d HTTP/1.1\r\nHost: %s\r\n\r\n", id, addr)
	}
	body := "id=" + strconv.Itoa(id)
	return fmt.Appendf(nil, "POST /once.php HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", addr, len(body), body)
}
