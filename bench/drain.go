package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fcgigw/fcgigw/bench/load"
	"github.com/fcgigw/fcgigw/bench/rig"
)

// The sizes of the drain scenario and what is promised of it.
const (
	drainWorkers = 8
	drainClients = 32 // every second one with a connection for each request
	drainPause   = 20 * time.Millisecond
	drainTimes   = 2 // of the measured time of a row: before the first signal, and between signals
	drainReloads = 4
	drainEnd     = 3 * time.Second

	drainScript = `<?php usleep(5000); file_put_contents(DATA . '/ran', $_GET['id'] . "\n", FILE_APPEND); echo 'ran ' . $_GET['id'];`
)

// ending is a way to end a gateway in good order.
type ending struct {
	gateway, signal string
	end             func(*rig.Gateway) error
}

func endings() []ending {
	term := func(g *rig.Gateway) error { return g.Stop() }
	quit := func(g *rig.Gateway) error { return g.Quit() }
	return []ending{{rig.Nginx, "SIGQUIT", quit}, {rig.Fcgigw, "SIGTERM", term}, {rig.Fcgigw, "SIGQUIT", quit}}
}

// drained is what became of the requests of one gateway.
type drained struct {
	ending
	mu       sync.Mutex // guards what follows
	answered map[int]bool
	requests int
	refused  int            // no connection: nobody listens any more
	onKept   int            // no answer on a connection that had been used
	onNew    int            // no answer on a new one
	early    map[string]int // failures before the end was asked for
	lost     int            // ran, but the client has no whole answer
	took     time.Duration  // from the signal to the end of the process

	ids  atomic.Int64
	over atomic.Bool // the end was asked for
}

// drain reloads a gateway and then ends it while clients go on, and holds what
// they got against what the scripts did.
func drain(ctx context.Context, l *lab) error {
	l.describe("%d clients, half of them with a connection for each request, ask for a script that takes 5 ms (%d php-fpm children). In the middle the configuration is reloaded %d times (SIGHUP), then the gateway is ended; the clients go on until nobody listens. The script writes down each request that it has run: what ran must have been answered.",
		drainClients, drainWorkers, drainReloads)
	if err := l.script("drain.php", drainScript); err != nil {
		return err
	}
	rows := [][]string{{"gateway", "ended by", "requests", "answered", "failed before the end", "lost (ran, not answered)", "no answer on a kept connection", "no answer on a new connection", "refused", "from the signal to the end"}}
	for _, e := range endings() {
		d, err := l.drainOne(ctx, e)
		if err != nil {
			return fmt.Errorf("%s by %s: %w", e.gateway, e.signal, err)
		}
		rows = append(rows, d.row())
		if e.gateway == rig.Fcgigw {
			l.judgeDrain(d)
		}
	}
	l.table(rows...)
	return nil
}

func (l *lab) drainOne(ctx context.Context, e ending) (_ *drained, err error) {
	if err := os.Remove(filepath.Join(l.data, "ran")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	up, err := l.startAs(ctx, e.gateway, rig.PHP{Children: drainWorkers}, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	d := &drained{ending: e, answered: map[int]bool{}, early: map[string]int{}}
	var clients sync.WaitGroup
	for i := range drainClients {
		clients.Go(func() { d.client(ctx, up.gateway.Addr, i%2 == 0) }) // ends when nobody listens, or with ctx
	}
	err = d.disturb(ctx, up, drainTimes*l.opts.measure)
	clients.Wait()
	if err != nil {
		return nil, err
	}
	ran, err := l.read("ran")
	d.count(ran)
	return d, err
}

// disturb reloads the gateway, and ends it.
func (d *drained) disturb(ctx context.Context, up *site, step time.Duration) error {
	defer d.over.Store(true) // whatever happens, the clients end
	if err := pause(ctx, step); err != nil {
		return err
	}
	for range drainReloads {
		up.gateway.Signal(syscall.SIGHUP)
		if err := pause(ctx, step/drainReloads); err != nil {
			return err
		}
	}
	d.over.Store(true)
	began := time.Now()
	err := d.end(up.gateway)
	d.took = time.Since(began)
	up.gateway = nil
	return err
}

// client makes one request after the other until nobody listens.
func (d *drained) client(ctx context.Context, addr string, keep bool) {
	c := &load.Caller{Addr: addr}
	defer c.Close()
	for pause(ctx, drainPause) == nil {
		if !keep {
			c.Close()
		}
		kept := c.Open()
		id := int(d.ids.Add(1))
		a, err := c.Do(ctx, drainRequest(addr, id, keep))
		if err == nil && (a.Status != http.StatusOK || string(a.Bytes) != "ran "+strconv.Itoa(id)) {
			err = fmt.Errorf("status %d", a.Status)
		}
		if d.note(id, kept, err) {
			return
		}
	}
}

func drainRequest(addr string, id int, keep bool) []byte {
	more := ""
	if !keep {
		more = "Connection: close\r\n"
	}
	return fmt.Appendf(nil, "GET /drain.php?id=%d HTTP/1.1\r\nHost: %s\r\n%s\r\n", id, addr, more)
}

// note counts what became of a request and reports whether nobody listens.
func (d *drained) note(id int, kept bool, err error) (over bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	switch {
	case err == nil:
		d.answered[id] = true
		return false
	case !d.over.Load():
		d.early[err.Error()]++
		return false
	case errors.Is(err, syscall.ECONNREFUSED):
		d.refused++
		return true
	case kept:
		d.onKept++
	default:
		d.onNew++
	}
	return false
}

// count holds the answers against what has run.
func (d *drained) count(ran []string) {
	for _, word := range ran {
		if id, err := strconv.Atoi(word); err == nil && !d.answered[id] {
			d.lost++
		}
	}
}

func (d *drained) failedEarly() (n int) {
	for _, k := range d.early {
		n += k
	}
	return n
}

func (d *drained) row() []string {
	return []string{
		d.gateway, d.signal, fmt.Sprint(d.requests), fmt.Sprint(len(d.answered)), fmt.Sprint(d.failedEarly()), fmt.Sprint(d.lost),
		fmt.Sprint(d.onKept), fmt.Sprint(d.onNew), fmt.Sprint(d.refused), ms(d.took),
	}
}

func (l *lab) judgeDrain(d *drained) {
	by := d.signal + ": "
	l.found(by+"requests that failed while the configuration was reloaded", d.failedEarly() == 0, "0", "%d %v", d.failedEarly(), d.early)
	l.found(by+"requests that ran and were not answered", d.lost == 0, "0", "%d", d.lost)
	l.found(by+"requests on a new connection that were not answered", d.onNew == 0, "0", "%d", d.onNew)
	l.noted(by+"requests on a kept connection that met its end", "%d (a client repeats these, RFC 9112 section 9.3.1)", d.onKept)
	l.found(by+"from the signal to the end of the process", d.took <= drainEnd, "≤ "+ms(drainEnd), "%s", ms(d.took))
}
